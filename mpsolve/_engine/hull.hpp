// Edges of a group's lower hull, from light to heavy: what a unit of usage saves, falling.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "groups.hpp"

namespace mpsolve {

struct Edge {
  double slope;          // loss saved per unit of usage
  std::int64_t usage;    // units the step takes
  std::int32_t group;
  std::int32_t heavier;  // option the step leads to
};

// Walks the hull from `start` while the slope is above `floor`. Wraps (k * edges divisions and no
// sort) for the usual group; larger groups are sorted once.
class HullWalker {
 public:
  void walk(const Groups& groups, std::int64_t group, std::int32_t start, double floor,
            std::vector<Edge>& edges) {
    const std::int64_t begin = groups.begin(group);
    const auto size = static_cast<std::int32_t>(groups.size(group));
    if (size > kWrapAtMost) {
      chain(groups, group, start, floor, edges);
      return;
    }
    std::int32_t at = start;
    for (;;) {
      const double loss = groups.loss[begin + at];
      const std::int64_t usage = groups.weight(begin + at);
      Edge best{floor, 0, static_cast<std::int32_t>(group), at};
      for (std::int32_t j = 0; j < size; ++j) {
        const double saved = loss - groups.loss[begin + j];
        const std::int64_t more = groups.weight(begin + j) - usage;
        if (more <= 0 || !(saved > 0.0)) continue;
        const double slope = saved / static_cast<double>(more);
        if (slope > best.slope || (slope == best.slope && best.usage > 0 && more > best.usage)) {
          best.slope = slope;
          best.usage = more;
          best.heavier = j;
        }
      }
      if (best.usage == 0) return;
      edges.push_back(best);
      at = best.heavier;
    }
  }

 private:
  static constexpr std::int32_t kWrapAtMost = 48;

  void chain(const Groups& groups, std::int64_t group, std::int32_t start, double floor,
             std::vector<Edge>& edges) {
    const std::int64_t begin = groups.begin(group);
    const auto size = static_cast<std::int32_t>(groups.size(group));
    const double* loss = groups.loss + begin;
    order_.clear();
    for (std::int32_t j = 0; j < size; ++j) {
      if (groups.weight(begin + j) > groups.weight(begin + start) && loss[j] < loss[start]) {
        order_.push_back(j);
      }
    }
    std::sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) {
      const std::int64_t wa = groups.weight(begin + a);
      const std::int64_t wb = groups.weight(begin + b);
      return wa != wb ? wa < wb : (loss[a] != loss[b] ? loss[a] < loss[b] : a < b);
    });
    const auto slope_of = [&](std::int32_t from, std::int32_t to) {
      return (loss[from] - loss[to]) /
             static_cast<double>(groups.weight(begin + to) - groups.weight(begin + from));
    };
    hull_.assign(1, start);
    for (const std::int32_t j : order_) {
      if (!(loss[j] < loss[hull_.back()])) continue;
      while (hull_.size() > 1 &&
             slope_of(hull_.back(), j) >= slope_of(hull_[hull_.size() - 2], hull_.back())) {
        hull_.pop_back();
      }
      hull_.push_back(j);
    }
    for (std::size_t v = 1; v < hull_.size(); ++v) {
      const double slope = slope_of(hull_[v - 1], hull_[v]);
      if (!(slope > floor)) return;
      edges.push_back(Edge{
          slope, groups.weight(begin + hull_[v]) - groups.weight(begin + hull_[v - 1]),
          static_cast<std::int32_t>(group), hull_[v]});
    }
  }

  std::vector<std::int32_t> order_;
  std::vector<std::int32_t> hull_;
};

}  // namespace mpsolve
