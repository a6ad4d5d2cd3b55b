// Random instances and independent answers for them.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "mckp.hpp"
#include "paths/model.hpp"

namespace mpsolve::test {

// splitmix64: the same numbers with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits();
  double uniform();                                           // [0, 1)
  std::int64_t integer(std::int64_t low, std::int64_t high);  // [low, high]
  bool chance(double probability) { return uniform() < probability; }

 private:
  std::uint64_t state_;
};

struct Instance {
  std::vector<double> loss;
  std::vector<std::int64_t> usage;
  std::vector<std::int64_t> offsets;
  bool ragged = true;
  std::optional<std::int64_t> lower;
  std::optional<std::int64_t> upper;

  std::int64_t num_groups() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t min_usage() const;
  std::int64_t max_usage() const;
  MckpProblem problem() const;
};

// Groups under several budgets.
struct Budgeted {
  std::vector<std::int64_t> offsets{0};
  std::vector<double> loss;
  std::vector<std::vector<std::int64_t>> usage;
  std::vector<std::pair<std::int64_t, std::int64_t>> sides;

  paths::Input input() const;  // which points into this
};

// A few groups of every kind of loss, usage and budget.
Instance small_instance(Random& random);

// The layouts of a network: losses over six orders of magnitude, distinct or repeated layers.
Instance network_instance(Random& random, std::int64_t groups, std::int64_t options, bool repeated,
                          double budget);

// Strongly correlated classes in small integers: the hardest known.
Instance strong_instance(Random& random, std::int64_t groups, std::int64_t options,
                         std::int64_t range);

// Least loss over all layouts, by enumeration; none if infeasible.
std::optional<double> enumerate(const Instance& instance);

// Least loss by a table over usages, which must be small and not negative.
std::optional<double> tabulate(const Instance& instance);

struct Checked {
  double loss = 0.0;
  std::int64_t usage = 0;
};

// The outcome's layout summed again; checks that it is a layout, inside the budget, as reported.
Checked check_layout(const Instance& instance, const MckpOutcome& outcome);

// What the float64 sums of this instance may be off by.
double rounding(const Instance& instance);

}  // namespace mpsolve::test
