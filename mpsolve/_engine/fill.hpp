// A layout near the break layout, by greed.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "dual.hpp"
#include "groups.hpp"
#include "reduce.hpp"
#include "swaps.hpp"

namespace mpsolve {

struct Filling {
  double loss = std::numeric_limits<double>::infinity();  // relative to the break layout
  std::vector<Swap> swaps;
};

// Uses up the room that the break layout leaves, `high`: by the steps that save most per unit among
// those that fit, or by the break step, which does not, and what gives back the excess at the least
// loss per unit. Where the break step is large, no one or two swaps come near the bound.
Filling fill_room(const Groups& groups, const Dual& dual, const std::vector<Candidate>& candidates,
                  std::int64_t high);

}  // namespace mpsolve
