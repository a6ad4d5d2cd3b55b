// A part of the search: some groups decided, some options of the others gone, and the losses that
// are left moved between options and pairs so that a bound can be read off.
#pragma once

#include <vector>

#include "problem.hpp"

namespace mpsolve::dense {

// Every layout of the part costs `base`, what its options cost, and what its pairs cost: a pair
// table[a][b] - message[a][group of b] - message[b][group of a]. Options carry the multiplied usage
// of their budgets besides.
class State {
 public:
  explicit State(const Problem& problem);

  const std::vector<std::int32_t>& open() const { return open_; }  // groups not decided
  const std::int32_t* options(std::int32_t g) const { return live_.data() + begin(g); }
  std::int32_t count(std::int32_t g) const { return count_[at(g)]; }
  std::int64_t unary(std::int32_t o) const { return unary_[at(o)]; }
  std::int64_t used(std::size_t row) const { return used_[row]; }
  const std::vector<double>& slope() const { return slope_; }
  const std::vector<std::int32_t>& chosen() const { return chosen_; }  // -1: not decided

  // No layout of the part costs less, in quanta.
  double bound() const;

  // Takes an option of an open group; false: it leaves nothing feasible.
  bool decide(std::int32_t option);
  // Takes away the k-th option of an open group; false: it was the last one.
  bool remove(std::int32_t g, std::int32_t k);
  // Decides groups that have one option left, and takes away options that no layout within the
  // budgets can have; false: there is none. Says in `changed` whether it did anything.
  bool propagate(bool& changed);

  // Moves losses from pairs to options and on, once forward and once backward through the groups.
  // Returns the work done. False in `feasible`: some group has no option left.
  std::int64_t sweep(bool& feasible);
  // The multipliers of the budgets that the options' losses now call for.
  void price();
  // Takes away options that cost too much: bound and reduced loss reach `threshold`. Returns how
  // many; `feasible` as above.
  std::int32_t fix(double threshold, bool& feasible);

 private:
  std::size_t begin(std::int32_t g) const { return at(problem_->begin[at(g)]); }
  std::int64_t* messages(std::int32_t option) {
    return message_.data() + at(option) * at(problem_->num_groups);
  }
  bool pull(std::int32_t g);
  bool settle(std::int32_t g);
  void push(std::int32_t g, std::size_t first, std::size_t last, std::int64_t share);
  double best_slope(std::size_t row) const;
  double dual(std::size_t row, double slope, double& usage) const;
  std::int64_t priced(std::size_t row, double slope, std::int32_t o) const;

  const Problem* problem_;
  std::vector<std::int32_t> open_;
  std::vector<std::int32_t> live_;   // options of a group, the first `count_` of its places
  std::vector<std::int32_t> count_;  // by group
  std::vector<std::int64_t> unary_;  // by option
  std::vector<std::int64_t> message_;
  std::vector<std::int64_t> used_;  // by row, of decided groups
  std::vector<double> slope_;       // by row, quanta for a unit of usage
  std::vector<std::int32_t> chosen_;
  std::int64_t base_ = 0;
};

}  // namespace mpsolve::dense
