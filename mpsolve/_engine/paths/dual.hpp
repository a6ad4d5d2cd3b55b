// The Lagrangian dual: multipliers of the budgets, and the bound that they prove.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "../control.hpp"
#include "model.hpp"
#include "sweep.hpp"

namespace mpsolve::paths {

// Costs of a sweep in float64.
struct FloatCosts {
  std::vector<double> arc;
  std::vector<double> option;  // loss of each option, without multipliers

  FloatCosts(const Model& model, const Sweep& sweep);
};

struct Dual {
  bool complete = false;            // false: stopped early
  bool infeasible = false;          // every layout has a forbidden pair
  double bound = 0.0;               // at `multipliers`, less the model's base; float64 precision
  std::vector<double> multipliers;  // of the rows
  std::vector<std::vector<double>> history;  // other multipliers with good bounds, best first
  int evaluations = 0;
};

// What is done with each layout that the search sees (options within the model's groups).
using Seen = std::function<void(const std::vector<std::int32_t>&)>;

// Maximises the bound by cutting planes, from `start` (empty: from zero).
Dual solve_dual(const Model& model, const Sweep& sweep, const FloatCosts& costs,
                const std::vector<double>& start, double largest_loss, const Seen& seen,
                Control& control);

// The part of the bound that the budgets add: multipliers above zero press on upper sides, those
// below on lower sides.
double room_price(const Model& model, const std::vector<double>& multipliers);

}  // namespace mpsolve::paths
