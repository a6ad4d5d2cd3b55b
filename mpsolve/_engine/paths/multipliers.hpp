// Which multiplier vectors bounds are taken over: around the best one, each prunes elsewhere.
#pragma once

#include <vector>

#include "model.hpp"
#include "sweep.hpp"

namespace mpsolve::paths {

using Multipliers = std::vector<double>;

// The best vector first, then others with nearly its bound; given by budget, returned by row.
std::vector<Multipliers> near_multipliers(const Model& model, const Multipliers& best,
                                          const std::vector<Multipliers>& history);

// Those, and vectors further off that fit labels with less or more room left than usual: along each
// direction as far as makes the bound fall by multiples of `gap`.
std::vector<Multipliers> spread_multipliers(const Model& model, const Sweep& sweep,
                                            const Multipliers& best,
                                            const std::vector<Multipliers>& history, double gap);

}  // namespace mpsolve::paths
