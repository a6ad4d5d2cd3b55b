#include "units.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

std::int64_t group_unit(const Model& model, std::int32_t group, std::int32_t row) {
  std::int64_t unit = 0;
  for (std::int32_t o = model.begin[at(group)]; o < model.begin[at(group) + 1]; ++o) {
    unit = std::gcd(unit, model.usage_of(o)[row]);
  }
  return unit;
}

}  // namespace

bool is_coarser(const Model& core, const Model& model) {
  for (const Row& row : core.rows) {
    for (const Row& other : model.rows) {
      const bool same = row.source == other.source && row.sign == other.sign;
      if (same && row.scale > other.scale) return true;
    }
  }
  return false;
}

std::vector<std::int64_t> common_units(const Model& model) {
  std::vector<std::int64_t> units;
  for (std::int32_t r = 0; r < model.num_rows; ++r) {
    std::map<std::int64_t, std::int32_t> counts;
    for (std::int32_t g = 0; g < model.num_groups(); ++g) ++counts[group_unit(model, g, r)];
    const auto most =
        std::max_element(counts.begin(), counts.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    units.push_back(2 * most->second > model.num_groups() ? std::max<std::int64_t>(most->first, 1)
                                                          : 1);
  }
  return units;
}

bool breaks_unit(const Model& model, std::int32_t group, const std::vector<std::int64_t>& units) {
  for (std::int32_t r = 0; r < model.num_rows; ++r) {
    const std::int64_t unit = units[at(r)];
    if (unit > 1 && group_unit(model, group, r) % unit != 0) return true;
  }
  return false;
}

}  // namespace mpsolve::paths
