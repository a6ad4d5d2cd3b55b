// The caller's problem: groups, resources with both sides, couplings. Nothing here is changed.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace mpsolve::paths {

// An open side of a budget.
constexpr std::int64_t kOpenLow = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kOpenHigh = std::numeric_limits<std::int64_t>::max();

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A loss on a pair of groups; infinity forbids the pair.
struct Coupling {
  std::int32_t first;
  std::int32_t second;
  const double* table;  // options of `first` by options of `second`
};

struct Budget {
  const std::int64_t* usage;  // of every option
  std::int64_t lower = kOpenLow;
  std::int64_t upper = kOpenHigh;
};

struct Input {
  std::int32_t num_groups = 0;
  const std::int64_t* offsets = nullptr;  // num_groups + 1
  const double* loss = nullptr;           // infinity forbids the option
  std::vector<Budget> budgets;
  std::vector<Coupling> couplings;

  std::int32_t size(std::int32_t group) const {
    return static_cast<std::int32_t>(offsets[group + 1] - offsets[group]);
  }
};

// The loss of a layout in two parts that hold twice the digits, and whether it keeps everything.
struct Evaluation {
  bool feasible = false;
  double high = kInfinity;
  double low = 0.0;

  bool better_than(const Evaluation& other) const {
    if (!feasible || !other.feasible) return feasible && !other.feasible;
    return high != other.high ? high < other.high : low < other.low;
  }
};

Evaluation evaluate(const Input& input, const std::int32_t* layout);

// What options and couplings cost at least, each by itself.
double trivial_bound(const Input& input);

}  // namespace mpsolve::paths
