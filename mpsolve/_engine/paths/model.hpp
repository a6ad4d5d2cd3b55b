// What is left of the problem: options that may still be in a better layout, in the smallest
// numbers. The model shrinks as options are fixed; `restrict` makes the smaller one.
#pragma once

#include <cstdint>
#include <vector>

#include "../sums.hpp"
#include "input.hpp"

namespace mpsolve::paths {

// A budget of the model: 0 <= usage of every option, lower <= total <= upper.
struct Row {
  std::int32_t source;     // the caller's budget it stands for
  std::int32_t sign = 1;   // -1: usages were turned around, so that a lower side became upper
  std::int64_t scale = 1;  // the caller's units in one unit
  std::int64_t lower = 0;  // 0: no lower side
  std::int64_t upper = 0;  // most: no upper side
  std::int64_t most = 0;   // largest total

  bool two_sided() const { return lower > 0; }
  bool equality() const { return lower == upper; }
};

struct ModelPair {
  std::int32_t first;
  std::int32_t second;
  std::vector<double> table;  // >= 0
};

struct Model {
  bool infeasible = false;
  std::int32_t num_rows = 0;
  std::vector<Row> rows;             // two-sided ones first
  std::vector<std::int32_t> group;   // the caller's group of each group
  std::vector<std::int32_t> begin;   // num_groups() + 1
  std::vector<std::int32_t> option;  // the caller's option of each option
  std::vector<double> loss;          // more than the best option of the group, rounded
  std::vector<double> rest;          // what the rounding lost
  std::vector<std::int64_t> usage;   // option by row
  std::vector<ModelPair> pairs;
  CompensatedSum base;                // loss of what is decided
  std::vector<std::int32_t> decided;  // option of each of the caller's groups that left the model

  std::int32_t num_groups() const { return static_cast<std::int32_t>(group.size()); }
  std::int32_t num_options() const { return static_cast<std::int32_t>(option.size()); }
  std::int32_t size(std::int32_t g) const {
    const auto at = static_cast<std::size_t>(g);
    return begin[at + 1] - begin[at];
  }
  const std::int64_t* usage_of(std::int32_t o) const {
    return usage.data() + static_cast<std::size_t>(o) * static_cast<std::size_t>(num_rows);
  }
  // The caller's layout for a layout of the model (options within their groups).
  std::vector<std::int32_t> expand(const std::vector<std::int32_t>& layout) const;
};

Model build_model(const Input& input);

// The model of the options marked in `keep`; groups with one option left leave it.
Model restrict_model(const Model& model, const std::vector<char>& keep);

// Multipliers of the caller's budgets as those of a model's rows, and back.
std::vector<double> to_rows(const Model& model, const std::vector<double>& multipliers);
std::vector<double> to_budgets(const Model& model, const std::vector<double>& multipliers,
                               std::size_t num_budgets);

}  // namespace mpsolve::paths
