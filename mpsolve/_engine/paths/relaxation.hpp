// The linear relaxation of a model without couplings: the bound of a node of branch and bound.
#pragma once

#include <cstdint>
#include <vector>

#include "model.hpp"

namespace mpsolve::paths {

// A dual simplex method with generalized upper bounds [G. B. Dantzig and R. M. Van Slyke,
// "Generalized upper bounding techniques", Journal of Computer and System Sciences 1 (1967)]:
// every group has a key option, which takes what its other options leave of 1, so that the basis
// that is inverted has one column for each row and none for the groups. A pivot looks once at
// every option.
//
// Options are dropped as the search goes down: dropped ones never enter, and those in the basis
// are driven out.
class Relaxation {
 public:
  // Where a solve starts. Options are those of the model.
  struct Basis {
    std::vector<std::int32_t> key;    // of every open group
    std::vector<std::int32_t> basic;  // an option, or -1 - r for the slack of row r
    std::uint32_t at_upper = 0;       // rows whose slack stands at its upper end
  };

  struct Part {
    std::int32_t option;
    double share;  // above 0
  };

  explicit Relaxation(const Model& model);

  // Starts anew with these options, in order, from a basis or from the slacks. False: a group has
  // none.
  bool load(const std::vector<std::int32_t>& options, const Basis* basis);
  // Keeps only these options of an undecided group.
  void keep_only(std::int32_t group, const std::vector<std::int32_t>& options);

  // Pivots until the relaxation is solved, or its bound reaches the threshold. False: no layout
  // of the node is below the threshold.
  bool solve(double threshold);

  // A bound on the loss of every layout, in the model's terms, less the rounding errors of its
  // computation.
  double bound() const { return bound_ - error_; }
  // The same for the layouts with one option; `position` is below `num_positions`.
  double bound_with(std::size_t position) const;
  // Drops the options that only layouts at or above the threshold have.
  void drop_above(double threshold);

  std::size_t num_positions() const { return option_.size(); }
  std::int32_t option_at(std::size_t position) const { return option_[position]; }
  // Groups that still have a choice, and their options in order.
  std::size_t num_open() const { return group_.size(); }
  std::int32_t open_group(std::size_t index) const { return group_[index]; }
  std::vector<std::int32_t> options_of(std::size_t index) const;
  // The open groups that the solution does not give to their keys, and the shares of their options.
  std::vector<std::size_t> split_groups() const;
  std::vector<Part> parts_of(std::size_t index) const;
  // The price of an option's usages, and what the prices make of its loss.
  double price_of(std::int32_t option) const;

  // The layout that takes the key options, by options of the model, and its usages.
  const std::vector<std::int32_t>& key_layout();
  std::vector<std::int64_t> key_usage() const;
  Basis basis() const;
  std::int64_t work() const { return work_; }

 private:
  // Where along a step another variable gets as cheap as the one it would replace.
  struct Crossing {
    double where;
    double size;  // what that takes of the violation
    std::ptrdiff_t variable;
  };
  static bool later(const Crossing& a, const Crossing& b) {
    return a.where != b.where ? a.where > b.where : a.size < b.size;
  }

  static constexpr double kFeasible = 1e-9;  // shares beyond their sides by less are rounding

  enum Flag : std::uint8_t { kFree = 0, kDropped = 1, kBasic = 2 };

  std::size_t rows() const { return upper_.size(); }
  double entry(std::size_t row, std::size_t position) const {
    return weight_[row * option_.size() + position];
  }
  void start_from_slacks();
  void decide(std::int32_t group, std::int32_t option);
  bool start_from(const Basis& basis);
  void compact();
  std::size_t cheapest(std::size_t index) const;
  void price_keys();
  bool settle_keys();
  bool invert();
  void place();
  std::size_t leaving(bool& decrease, double& violation);
  bool swap_key(std::size_t index);
  bool pivot(std::size_t row, bool decrease, double violation);
  bool add_crossing(std::size_t index, double sign);
  bool has_basic(std::size_t index) const;
  void set_multiplier(const std::vector<double>& multiplier);
  bool ray_beats(std::size_t row, bool decrease, double violation, double threshold);

  const Model& model_;
  std::vector<double> scale_;  // of every row: usages become at most 1
  std::vector<double> upper_, range_;

  // Positions: the options of open groups.
  std::vector<std::int32_t> group_;
  std::vector<std::size_t> begin_;
  std::vector<std::size_t> key_;  // position of every open group's key
  std::vector<std::int32_t> option_;
  std::vector<std::size_t> owner_;  // index of the open group
  std::vector<double> cost_, weight_, value_, slope_;
  std::vector<Crossing> crossings_;
  std::vector<std::uint8_t> flag_;
  std::vector<double> least_;  // value of every open group's best option

  // Decided groups.
  std::vector<std::int32_t> decided_;  // option of every group of the model; of open ones any
  CompensatedSum decided_cost_;
  std::vector<std::int64_t> decided_total_;

  std::vector<std::ptrdiff_t> basic_;  // position, or -1 - r
  std::uint32_t at_upper_ = 0;
  std::vector<double> matrix_, inverse_, room_, share_;
  std::vector<double> multiplier_;
  double bound_ = 0.0;
  double error_ = 0.0;
  double largest_ = 0.0;  // loss that no layout exceeds
  std::int64_t work_ = 0;
  std::vector<std::int32_t> layout_;
  std::vector<std::ptrdiff_t> place_;  // position of options, while a basis is read
};

}  // namespace mpsolve::paths
