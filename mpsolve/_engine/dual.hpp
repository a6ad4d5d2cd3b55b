// The Lagrangian dual of one budget: the break multiplier and the break layout.
#pragma once

#include <cstdint>
#include <vector>

#include "control.hpp"
#include "groups.hpp"

namespace mpsolve {

enum class DualStatus {
  kBreak,          // the budget binds: `layout` is the break layout
  kUnconstrained,  // the layout of least loss (lightest on ties) fits
  kInfeasible,     // the lightest layout does not fit
  kStopped,        // the caller's limit came first; `layout` is not complete
};

struct Dual {
  DualStatus status = DualStatus::kStopped;
  double multiplier = 0.0;           // loss saved per unit of usage at the break
  std::int64_t usage = 0;            // of the break layout
  std::vector<std::int32_t> layout;  // option of each group
};

// Minimises loss + multiplier * (usage - upper) over layouts and multipliers >= 0.
//
// Nothing that is proven later depends on rounding here: the bound is recomputed for whatever
// multiplier and layout this returns. Only kInfeasible is final, and it is decided in integers.
Dual solve_dual(const Groups& groups, std::int64_t upper, Control& control);

// Exact totals of a problem that has both sides.
struct Survey {
  bool complete = false;
  std::int64_t min_usage = 0;   // of the lightest layout
  std::int64_t max_usage = 0;   // of the heaviest
  std::int64_t best_light = 0;  // of the lightest layout of least loss
  std::int64_t best_heavy = 0;  // of the heaviest layout of least loss
};

Survey survey(const Groups& groups, Control& control);

}  // namespace mpsolve
