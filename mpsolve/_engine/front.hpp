// The exact front: every (usage, loss) that no layout beats in both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "control.hpp"
#include "groups.hpp"

namespace mpsolve {

struct FrontSettings {
  std::int64_t least = std::numeric_limits<std::int64_t>::min();  // usages of interest
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  double epsilon = 0.0;  // share of the range of losses by which a point may stand for a better one
  double time_limit = std::numeric_limits<double>::infinity();  // seconds
  std::size_t memory_limit = std::size_t{2} << 30;              // bytes
};

struct FrontOutcome {
  bool is_complete = false;
  bool is_out_of_memory = false;
  Limit limit = Limit::kNone;
  std::int64_t done_below = 0;             // all efficient points of less usage are here
  std::vector<std::int64_t> usage;         // rising
  std::vector<double> loss;                // falling
  std::vector<std::uint8_t> is_supported;  // on the lower hull
  std::int64_t num_labels = 0;
};

FrontOutcome solve_front(const Groups& groups, const FrontSettings& settings, Host* host);

}  // namespace mpsolve
