#include "reduce.hpp"

#include <algorithm>
#include <cmath>

#include "sums.hpp"

namespace mpsolve {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kBlock = 2048;

struct Pass {
  const Groups& groups;
  const std::int32_t* layout;
  double multiplier;
  Window window;
  double start;  // bound before the groups' own minima
  bool collect_all;
  double incumbent;  // best known, falls during the pass
  double minima = 0.0;
  double least_dropped = kInfinity;
  bool worse_break = false;
  CompensatedSum base{};

  template <class Shape>
  void run(Shape shape, std::int64_t from, std::int64_t to, Reduced& reduced) {
    double gap = collect_all ? kInfinity : incumbent - start;
    for (std::int64_t i = from; i < to; ++i) {
      const std::int64_t begin = shape.begin(i);
      const auto size = static_cast<std::int32_t>(shape.size(i));
      const std::int32_t at = layout[i];
      const double loss = groups.loss[begin + at];
      const std::int64_t usage = groups.weight(begin + at);
      base.add(loss);
      double second = kInfinity;
      for (std::int32_t j = 0; j < size; ++j) {
        const double lost = groups.loss[begin + j] - loss;
        const std::int64_t more = groups.weight(begin + j) - usage;
        const double cost = reduced_cost(lost, more, multiplier);
        const double other = j == at ? kInfinity : cost;
        second = other < second ? other : second;
        // Hardly ever taken: the room of the break layout is small.
        if ((lost < incumbent) & (more <= window.high) & (more >= window.low)) {
          incumbent = lost;
          reduced.swap = lost;
          reduced.swap_group = static_cast<std::int32_t>(i);
          reduced.swap_option = j;
          if (!collect_all) gap = incumbent - start;
        }
      }
      if (second < 0.0) {
        minima += second;
        worse_break |= is_worse(begin, size, loss, usage);
      }
      if (second < gap) {
        reduced.candidates.push_back(Candidate{static_cast<std::int32_t>(i), second});
      } else {
        least_dropped = second < least_dropped ? second : least_dropped;
      }
    }
  }

  // Whether some option is better than the break option by more than rounding.
  bool is_worse(std::int64_t begin, std::int32_t size, double loss, std::int64_t usage) const {
    for (std::int64_t at = begin; at < begin + size; ++at) {
      const double lost = groups.loss[at] - loss;
      const std::int64_t more = groups.weight(at) - usage;
      const double cost = lost + multiplier * static_cast<double>(more);
      if (cost + kRounding * std::fabs(lost) < 0.0) return true;
    }
    return false;
  }
};

// Moves every group to its option of least reduced cost, wherever that is more than rounding.
bool mend(const Groups& groups, Dual& dual, Window& window) {
  std::int64_t change = 0;
  for (std::int64_t i = 0; i < groups.num_groups; ++i) {
    const std::int64_t begin = groups.begin(i);
    std::int32_t& option = dual.layout[static_cast<std::size_t>(i)];
    const std::int32_t old = option;
    double best = 0.0;
    for (std::int32_t j = 0; j < groups.size(i); ++j) {
      const double lost = groups.loss[begin + j] - groups.loss[begin + old];
      const std::int64_t more = groups.weight(begin + j) - groups.weight(begin + old);
      const double cost = lost + dual.multiplier * static_cast<double>(more);
      if (cost + kRounding * std::fabs(lost) < 0.0 && cost < best) {
        best = cost;
        option = j;
      }
    }
    change += groups.weight(begin + option) - groups.weight(begin + old);
  }
  dual.usage += change;
  window.high -= change;
  if (window.two_sided()) window.low -= change;
  return change != 0;
}

}  // namespace

Reduced reduce(const Groups& groups, Dual& dual, Window& window, double incumbent,
               Control& control) {
  bool collect_all = false;
  for (;;) {
    Reduced reduced;
    const double room = dual.multiplier * static_cast<double>(window.high);
    const double start = -room - kRounding * std::fabs(room);
    Pass pass{groups, dual.layout.data(), dual.multiplier, window, start, collect_all, incumbent};
    if (window.holds(0) && pass.incumbent > 0.0) {
      pass.incumbent = 0.0;
      reduced.swap = 0.0;
    }
    const bool finished = with_shape(groups, [&](auto shape) {
      for (std::int64_t from = 0; from < groups.num_groups; from += kBlock) {
        const std::int64_t to = std::min(from + kBlock, groups.num_groups);
        pass.run(shape, from, to, reduced);
        if (!control.tick(shape.begin(to) - shape.begin(from))) return false;
      }
      return true;
    });
    if (!finished) return reduced;
    if (pass.worse_break) {
      mend(groups, dual, window);
      incumbent = kInfinity;  // it was relative to the layout before
      continue;
    }
    reduced.complete = true;
    reduced.bound = start + pass.minima;
    reduced.noise = kRounding * std::fabs(room) - pass.minima;
    reduced.base_high = pass.base.value();
    reduced.base_low = pass.base.rest();
    const double gap = pass.incumbent - reduced.bound;
    // The running gap was smaller than the final one by the rounding found later: once more.
    if (pass.least_dropped < gap) {
      collect_all = true;
      continue;
    }
    // It was also larger at first, while the incumbent was still poor.
    reduced.candidates.erase(
        std::remove_if(reduced.candidates.begin(), reduced.candidates.end(),
                       [gap](const Candidate& c) { return !(c.second < gap); }),
        reduced.candidates.end());
    return reduced;
  }
}

}  // namespace mpsolve
