// Reduced costs, the bound they prove, the best single swap, and the groups that are left.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "control.hpp"
#include "dual.hpp"
#include "groups.hpp"

namespace mpsolve {

// Rounding of one reduced cost is below kRounding * |loss difference|: it is lossy by a few ulps of
// terms that nearly cancel. Every reduced cost is taken that much lower.
constexpr double kRounding = 0x1p-49;

inline double reduced_cost(double lost, std::int64_t more, double multiplier) {
  return lost + multiplier * static_cast<double>(more) - kRounding * std::fabs(lost);
}

// What the total usage may do, relative to the break layout.
struct Window {
  std::int64_t low =
      std::numeric_limits<std::int64_t>::min();  // minimum when there is no lower side
  std::int64_t high = 0;

  bool two_sided() const { return low != std::numeric_limits<std::int64_t>::min(); }
  bool holds(std::int64_t usage) const { return low <= usage && usage <= high; }
};

struct Candidate {
  std::int32_t group;
  double second;  // least reduced cost of leaving the break option
};

struct Reduced {
  bool complete = false;
  double bound = 0.0;  // valid lower bound on the loss, relative to the break layout
  double noise = 0.0;  // the part of it that is rounding
  double swap = std::numeric_limits<double>::infinity();  // loss of the best layout one swap away
  std::int32_t swap_group = -1;                           // -1: the break layout itself
  std::int32_t swap_option = 0;
  double base_high = 0.0;  // loss of the break layout, in two parts
  double base_low = 0.0;
  std::vector<Candidate>
      candidates;  // groups that may differ in a layout better than the incumbent
};

// The Lagrangian bound holds for any multiplier and any layout b:
//   loss >= loss(b) - multiplier * high + sum over groups of min_j r_j,
//   r_j = (loss_j - loss_b) + multiplier * (usage_j - usage_b).
// All of it is relative to b, so that nothing large cancels. A group whose options all cost at
// least incumbent - bound is not a candidate. Where rounding gave b a worse option than r allows,
// b is mended first; `dual` and `window` follow.
// `incumbent` is the loss of a known layout relative to b, or infinity: then, unless a swap is
// feasible, every group is a candidate.
Reduced reduce(const Groups& groups, Dual& dual, Window& window, double incumbent,
               Control& control);

}  // namespace mpsolve
