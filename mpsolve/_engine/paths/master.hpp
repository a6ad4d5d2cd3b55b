// The master of the column generation: a small linear program, solved by a dense simplex method.
#pragma once

#include <cstddef>
#include <vector>

namespace mpsolve::paths {

// max t  subject to  t <= cost_k + sum_r multiplier_r gain_kr  for every cut k,
//                    low_r <= multiplier_r <= high_r.
//
// Solved through its dual, whose basis has one row for each multiplier and one for t. A cut or
// another box keeps the basis feasible, so that every solve starts where the last one ended.
class Master {
 public:
  Master(std::size_t num_rows, std::vector<double> low, std::vector<double> high);

  void add_cut(double cost, const double* gain);
  void set_box(std::size_t row, double low, double high);
  double low(std::size_t row) const { return low_[row]; }
  double high(std::size_t row) const { return high_[row]; }
  std::size_t num_cuts() const { return cost_.size(); }

  // False: gave up after too many pivots; multipliers are then those of the last basis.
  bool solve();

  double value() const { return value_; }
  const std::vector<double>& multipliers() const { return multipliers_; }
  // Whether the side of the box holds the multiplier back.
  bool at_side(std::size_t row) const;
  // Cuts with positive weight in the solution.
  std::vector<std::size_t> active() const;

 private:
  // Basic variables: cut k is k; the sides of row r are -1 - 2 r (low) and -2 - 2 r (high).
  void column(std::ptrdiff_t variable, std::vector<double>& out) const;
  double price(std::ptrdiff_t variable) const;
  void refactor();
  bool start();

  std::size_t rows_;
  std::vector<double> low_, high_;
  std::vector<double> cost_;
  std::vector<double> gain_;
  std::vector<std::ptrdiff_t> basis_;
  std::vector<double> inverse_;
  std::vector<double> weight_;
  std::vector<double> multipliers_;
  double value_ = 0.0;
};

}  // namespace mpsolve::paths
