// Good layouts without proof: tabu search across the budgets' sides.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "../control.hpp"
#include "model.hpp"

namespace mpsolve::paths {

// The search changes one group at a time and may leave the budgets: every unit of violation costs a
// weight, which rises while the budget stays broken and falls while it is kept, so that the search
// swings across the sides [F. Glover and J.-K. Hao, "The case for strategic oscillation", Annals of
// Operations Research 183 (2011)]. Kept between calls, it goes on where it was.
class Improver {
 public:
  // Told every layout that keeps all budgets and is better than those before.
  using Found = std::function<void(const std::vector<std::int32_t>&)>;

  // `multipliers`: of the model's rows; they say what a unit is worth at first.
  Improver(const Model& model, const std::vector<double>& multipliers, std::uint64_t seed);

  // Starts from a layout of the model; empty: from the options that are cheapest at the
  // multipliers.
  void start(const std::vector<std::int32_t>& layout);

  // Looks at about so many options. `best`: the loss to beat, in the model's terms.
  void run(std::int64_t work, double best, const Found& found, Control& control);

 private:
  struct Neighbour {
    std::int32_t group;
    std::int32_t pair;
    bool first;  // whether this group is the pair's first
  };

  std::vector<std::int32_t> cheapest() const;
  double violation(std::size_t row, std::int64_t total) const;
  double entry(const Neighbour& neighbour, std::int32_t own, std::int32_t other) const;
  void place(std::int32_t group, std::int32_t option);
  void evaluate();
  bool feasible() const;
  void adapt();
  void shake();
  std::uint64_t random();

  const Model& model_;
  std::vector<double> multipliers_;
  std::vector<double> weight_;                // of a unit of violation, by row
  std::vector<std::vector<Neighbour>> near_;  // by group
  double forbidden_ = 0.0;                    // what stands for infinity in a table
  std::vector<double> cost_;                  // of every option beside the present others
  std::vector<std::int32_t> layout_;
  std::vector<std::int32_t> best_layout_;
  std::vector<std::int64_t> total_;   // by row
  std::vector<std::int64_t> tabu_;    // step until which a group stays
  std::vector<std::int32_t> broken_;  // steps in a row that a budget was broken, or minus kept
  double loss_ = 0.0;
  std::int64_t step_ = 0;
  std::int64_t last_improved_ = 0;
  std::uint64_t state_;
};

}  // namespace mpsolve::paths
