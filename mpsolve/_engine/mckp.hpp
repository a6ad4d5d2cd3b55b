// The engine's way in: one choice per group, least loss, usage within a two-sided budget, proven.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "control.hpp"
#include "dual.hpp"

namespace mpsolve {

struct MckpProblem {
  const double* loss = nullptr;           // options of all groups, one after the other
  const std::int64_t* usage = nullptr;    // any layout's total must lie inside (-2^62, 2^62)
  const std::int64_t* offsets = nullptr;  // n + 1, or null: every group has num_options
  std::int64_t num_groups = 0;
  std::int64_t num_options = 0;
  bool has_lower = false;
  bool has_upper = false;
  std::int64_t lower = 0;
  std::int64_t upper = 0;

  std::int64_t size_of(std::int64_t group) const {
    return offsets != nullptr ? offsets[group + 1] - offsets[group] : num_options;
  }
};

struct MckpSettings {
  double abs_gap = 0.0;
  double rel_gap = 0.0;
  double time_limit = std::numeric_limits<double>::infinity();  // seconds
  std::size_t memory_limit = std::size_t{2} << 30;              // bytes
  std::int64_t label_limit = 0;                                 // 0: none
  const std::int32_t* hint = nullptr;                           // an option of each group
  const Dual* dual = nullptr;  // of the upper side, where it is known
};

enum class Reason { kOptimal, kFeasible, kInfeasible, kNoSolutionFound };

struct MckpCounters {
  std::int64_t num_core_groups = 0;
  std::int64_t num_core_options = 0;
  std::int64_t num_labels = 0;
  std::int64_t max_list = 0;
  std::int64_t num_splits = 0;
  double seconds_dual = 0.0;
  double seconds_reduce = 0.0;
  double seconds_search = 0.0;
};

struct MckpOutcome {
  Reason reason = Reason::kNoSolutionFound;
  Limit limit = Limit::kNone;
  bool has_layout = false;
  std::vector<std::int32_t> choices;
  double loss = std::numeric_limits<double>::quiet_NaN();
  double bound = -std::numeric_limits<double>::infinity();
  std::int64_t usage = 0;
  double multiplier = 0.0;
  MckpCounters counters;
};

MckpOutcome solve_mckp(const MckpProblem& problem, const MckpSettings& settings, Host* host);

}  // namespace mpsolve
