// What divides the usages of a model's groups.
#pragma once

#include <cstdint>
#include <vector>

#include "model.hpp"

namespace mpsolve::paths {

// Whether the usages left are multiples of larger units: then less of the room can be used, and
// the bound is higher, so that fewer options matter than the model's bounds say.
bool is_coarser(const Model& core, const Model& model);

// What divides most groups' usages, by row; 1 where nothing does.
std::vector<std::int64_t> common_units(const Model& model);

// Whether a group uses what is no multiple of them.
bool breaks_unit(const Model& model, std::int32_t group, const std::vector<std::int64_t>& units);

}  // namespace mpsolve::paths
