// A first guess of the break multiplier, from a sample of the groups.
#pragma once

#include <cstdint>
#include <limits>

#include "groups.hpp"
#include "hull.hpp"

namespace mpsolve {

// Multipliers that enclose the break: usage(lo) > upper >= usage(hi).
struct Bracket {
  double lo = 0.0;
  double hi = std::numeric_limits<double>::infinity();
};

// A bracket from a sample of groups; wide enough that a miss is rare, and a miss costs one pass.
// Most of the spread between groups is their size: the mean usage of each group, whose total over
// all groups is cheap, takes it out of the estimate (a control variate).
Bracket guess_bracket(const Groups& groups, std::int64_t upper, HullWalker& walker);

}  // namespace mpsolve
