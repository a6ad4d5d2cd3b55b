// A model whose losses are integers: every coupling in one symmetric matrix over all options.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../paths/model.hpp"

namespace mpsolve::dense {

using paths::kInfinity;
using paths::Model;
using paths::Row;

// Stands for an infinite loss; every sum of finite ones stays far below half of it.
constexpr std::int64_t kForbidden = std::int64_t{1} << 60;
constexpr bool is_forbidden(std::int64_t value) { return value >= kForbidden / 2; }

inline std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

struct Problem {
  explicit Problem(const Model& model);

  std::int32_t num_groups = 0;
  std::int32_t num_options = 0;
  std::vector<std::int32_t> begin;  // num_groups + 1
  std::vector<std::int32_t> group;  // of every option
  std::vector<std::int64_t> loss;   // of every option
  std::vector<std::int64_t> table;  // option by option, symmetric; 0 within a group
  std::vector<Row> rows;            // 0 <= usage, lower <= total <= upper
  std::vector<std::int64_t> usage;  // row by option
  std::int64_t total = 0;           // no layout's loss is larger, in absolute value
  std::int64_t substitute = 0;      // as large as losses get, for what is forbidden anyway
  int exponent = 0;                 // a quantum is 2^-exponent
  double margin = 0.0;              // what rounding to quanta may change of a layout's loss
  std::int64_t unit = 1;            // losses of layouts differ by multiples of it

  std::int32_t size(std::int32_t g) const { return begin[at(g) + 1] - begin[at(g)]; }
  std::int64_t pair(std::int32_t a, std::int32_t b) const {
    return table[at(a) * at(num_options) + at(b)];
  }
  std::int64_t usage_of(std::size_t row, std::int32_t o) const {
    return usage[row * at(num_options) + at(o)];
  }
  // The smallest improvement that is told apart from rounding.
  double step_down() const;
  // A loss of the caller's problem (in two parts) in quanta, and back.
  double from_loss(double high, double low) const;
  CompensatedSum to_loss(double quanta) const;

 private:
  CompensatedSum base_;
};

// What the matrix of a model's couplings and the search over it take.
double bytes_needed(const Model& model);

}  // namespace mpsolve::dense
