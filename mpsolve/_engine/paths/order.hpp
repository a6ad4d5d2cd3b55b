// The order in which groups are decided, so that few decided groups still matter for the rest.
#pragma once

#include <cstdint>
#include <vector>

#include "model.hpp"

namespace mpsolve::paths {

// Costs twice, potentials and bounds: about eight numbers for an arc.
constexpr double kBytesPerEntry = 64.0;

struct Order {
  std::vector<std::int32_t> groups;  // in the order of the sweep
  std::vector<std::int32_t> last;    // by group: position of its last neighbour, -1 if none later
  double entries = 0.0;              // states times options, summed over the coupled groups
  std::int32_t width = 0;            // most groups that matter at once

  double bytes() const { return entries * kBytesPerEntry; }
};

// Coupled groups first, component by component, each in an order of small frontier; then the others
// by falling `key` (by index where it is empty).
Order make_order(const Model& model, const std::vector<double>& key);

}  // namespace mpsolve::paths
