// All of it: budgets, inventories and couplings of small width, solved together and proven.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "../control.hpp"
#include "input.hpp"

namespace mpsolve::paths {

// The couplings need more states than the memory limit allows.
class TooWide : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

enum class Reason { kOptimal, kFeasible, kInfeasible, kNoSolutionFound };

constexpr std::size_t kMemoryLimit = std::size_t{1} << 30;  // bytes, where nothing is said

struct Parameters {
  double abs_gap = 0.0;
  double rel_gap = 0.0;
  std::size_t memory_limit = kMemoryLimit;
  std::vector<std::int32_t> hint;  // option of every group, or empty
};

struct Outcome {
  Reason reason = Reason::kNoSolutionFound;
  bool out_of_memory = false;
  std::vector<std::int32_t> layout;  // empty: none
  double loss = 0.0;
  double bound = 0.0;
  std::vector<double> multipliers;  // by budget
  // Counters.
  std::int64_t labels = 0;
  std::int64_t evaluations = 0;
  std::int64_t rounds = 0;
  std::int64_t longest_list = 0;
  std::int64_t splits = 0;
  std::int64_t nodes = 0;
  std::int32_t width = 0;
  std::int32_t core_groups = 0;
  std::int32_t core_options = 0;
  double dual_seconds = 0.0;
};

Outcome solve(const Input& input, const Parameters& parameters, Control& control);

}  // namespace mpsolve::paths
