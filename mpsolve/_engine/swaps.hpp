// The best layout that differs from the break layout in two groups.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "dual.hpp"
#include "groups.hpp"
#include "reduce.hpp"

namespace mpsolve {

struct Swap {
  std::int32_t group;
  std::int32_t option;
};

struct PairSwap {
  double loss = std::numeric_limits<double>::infinity();  // relative to the break layout
  Swap first{};
  Swap second{};
};

// Of all pairs of the candidates' options with a reduced cost below `gap`, the one of least loss
// whose usage is at most `high` more than the break layout's. A sort and one sweep.
PairSwap best_pair(const Groups& groups, const Dual& dual, const std::vector<Candidate>& candidates,
                   double gap, std::int64_t high);

}  // namespace mpsolve
