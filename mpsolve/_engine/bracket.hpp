// Two multipliers that enclose the break, so close that few groups change their option in between.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "control.hpp"
#include "groups.hpp"
#include "hull.hpp"

namespace mpsolve {

// A group whose option changes inside the bracket: from the layout's to this one.
struct OpenGroup {
  std::int32_t group;
  std::int32_t heavier;
};

enum class Enclosed {
  kBreak,          // usage(lo) > upper >= usage(hi)
  kUnconstrained,  // the layout of least loss (lightest on ties) fits: it is `layout`
  kInfeasible,     // the lightest layout does not fit
  kStopped,        // the caller's limit came first
};

struct Bracket {
  double lo = 0.0;
  double hi = std::numeric_limits<double>::infinity();
  std::vector<std::int32_t> layout;  // option of each group at hi
  std::int64_t usage = 0;            // its total
  std::vector<OpenGroup> open;
};

// Usage falls as the multiplier rises. The edges of a sample of groups tell which multiplier to try
// next, exact totals tell on which side of the break it lies, and the next one is taken just
// beyond. Once there is one on either side, only groups that differ between them are looked at
// again.
Enclosed enclose_break(const Groups& groups, std::int64_t upper, HullWalker& walker,
                       Control& control, Bracket& bracket);

}  // namespace mpsolve
