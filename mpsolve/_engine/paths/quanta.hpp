// Losses as integers, and bounds in them: what is pruned and fixed is decided here, exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "dual.hpp"
#include "model.hpp"
#include "sweep.hpp"

namespace mpsolve::paths {

// Stands for an infinite loss; the sum of all finite ones stays far below.
constexpr std::int64_t kForbidden = std::int64_t{1} << 60;

// The Lagrangian bound of one vector of multipliers, for every node of the sweep:
// loss so far + slope * usage so far + node is at most the loss of every completion.
struct NodeBounds {
  std::vector<double> slope;        // by row, quanta in a unit of usage
  std::vector<std::int64_t> price;  // by option: loss and multiplied usage, less the group's least
  std::vector<std::int64_t> least;  // by group
  double constant = 0.0;            // what the groups' least and the budgets' sides add
  Potentials<std::int64_t> back;
  double bound = 0.0;  // of the whole problem, rounding taken off
};

class Quanta {
 public:
  Quanta(const Model& model, const Sweep& sweep,
         const std::vector<std::vector<double>>& multipliers);

  int exponent() const { return exponent_; }
  double margin() const { return margin_; }    // rounding of a bound
  std::int64_t unit() const { return unit_; }  // every loss is a multiple, from `origin`
  const std::vector<std::int64_t>& arc() const { return arc_; }
  const std::vector<std::int64_t>& option() const { return option_; }
  const std::vector<NodeBounds>& bounds() const { return bounds_; }
  bool infeasible() const { return infeasible_; }

  // The largest of the bounds.
  double best_bound() const;
  // A loss of the caller's problem (in two parts) in quanta, and back.
  double from_loss(const Model& model, double high, double low) const;
  CompensatedSum to_loss(const Model& model, double quanta) const;

  // Marks the options that are in a layout of a bound below `threshold` under every multiplier
  // vector; `least` receives each option's largest bound.
  std::vector<char> options_below(const Sweep& sweep, double threshold,
                                  std::vector<double>& least) const;

 private:
  void add_bounds(const Model& model, const Sweep& sweep, const std::vector<double>& multipliers);

  int exponent_ = 0;
  double margin_ = 0.0;
  std::int64_t unit_ = 1;
  std::int64_t shift_ = 0;  // of the pairs' tables
  std::vector<std::int64_t> arc_;
  std::vector<std::int64_t> option_;
  std::vector<NodeBounds> bounds_;
  bool infeasible_ = false;
};

}  // namespace mpsolve::paths
