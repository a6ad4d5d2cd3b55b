// A bound by convexity: the loss of a part as a quadratic form over 0/1 variables, made convex
// without changing its values at layouts, by the terms that make its least value largest.
//
// One option of every open group is the reference; y has one variable for every other option, 1
// where it is taken. In a group y_a y_b = 0 and y_a^2 = y_a, so
//   f(y) = c0 + c'y + y'Ry + sum over groups of (y'My - diag(M)'y) + multiplied budgets
// is the loss for every choice of the symmetric blocks M. Where [[c0 - t, ./2], [./2, R + M]] is
// positive semidefinite, no layout costs less than t. The best M and multipliers are found by
// Newton steps on the logarithmic barrier of that semidefinite program.
#pragma once

#include <vector>

#include "../control.hpp"
#include "matrix.hpp"
#include "state.hpp"

namespace mpsolve::dense {

// What one part of the search hands to the next.
struct Warm {
  std::vector<double> block;       // option by place in its group, of `stride` places
  std::vector<double> multiplier;  // upper side and lower side of every row
  double bound = 0.0;              // scaled
};

class Form {
 public:
  // `scale` is a power of two that makes losses that matter about 1.
  Form(const Problem& problem, const State& state, double scale, const Warm& warm);

  bool usable() const { return usable_; }
  // Newton steps until the bound reaches `target` (scaled), or it is near its best: within `near`
  // of the rest of the way to the target; fewer where the control says so.
  void ascend(double target, double near, int most_steps, Control& control);
  // No layout of the part costs less (scaled); what rounding may have spoiled is taken off.
  double bound() const;
  // About what layouts with an option cost at least, and the same as a proof.
  double estimate(std::int32_t option) const;
  double prove(std::int32_t option) const;
  Warm warm() const;
  int steps() const { return steps_; }

 private:
  struct Variable {  // adds value * (ab' + ba')/2 to the matrix
    enum class Kind { kBound, kDiagonal, kOffDiagonal, kMultiplier } kind;
    std::size_t a = 0;
    std::size_t b = 0;
    std::size_t side = 0;  // of kMultiplier
  };
  struct Side {
    std::vector<double> vector;  // multiplier times (1, y) times this is at most 0
    std::size_t source;          // 2 * row, or 2 * row + 1 for the lower side
  };

  void read(const State& state);
  void add_sides(const State& state);
  void start(const Warm& warm);
  Matrix matrix(const std::vector<double>& values) const;
  bool newton(double mu, double& decrement);
  void centre();
  double rounding(const std::vector<double>& z) const;
  std::vector<double> change_of(std::int32_t option, std::vector<double>& weights) const;

  const Problem* problem_;
  double scale_;
  std::size_t stride_;
  std::size_t size_ = 0;  // of the matrix
  bool usable_ = false;
  int steps_ = 0;
  Matrix base_;                          // of the losses alone
  std::vector<std::int32_t> option_;     // of every variable, -1 for the constant
  std::vector<std::int32_t> reference_;  // by group
  std::vector<std::size_t> first_;       // by group: its variables
  std::vector<std::size_t> count_;
  std::vector<std::int32_t> open_;
  std::vector<Variable> variables_;
  std::vector<Side> sides_;
  std::vector<double> value_;
  Matrix factor_;
  Matrix current_;
  Matrix inverse_;
  double data_error_ = 0.0;
  // The unconstrained least point of the form, and the inverse of its quadratic part.
  std::vector<double> centre_;
  Matrix spread_;
  double least_ = 0.0;
};

}  // namespace mpsolve::dense
