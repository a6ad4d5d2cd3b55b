// Which multiplier vectors bounds are taken over: around the best one, each prunes elsewhere.
#pragma once

#include <vector>

#include "model.hpp"

namespace mpsolve::paths {

using Multipliers = std::vector<double>;

// The best vector first, then others with nearly its bound; given by budget, returned by row.
std::vector<Multipliers> near_multipliers(const Model& model, const Multipliers& best,
                                          const std::vector<Multipliers>& history);

// Those, and scaled copies that fit labels with less or more room left than usual.
std::vector<Multipliers> spread_multipliers(const Model& model, const Multipliers& best,
                                            const std::vector<Multipliers>& history);

}  // namespace mpsolve::paths
