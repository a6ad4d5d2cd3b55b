// Edges of a group's lower hull, from light to heavy: what a unit of usage saves, falling.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "groups.hpp"

namespace mpsolve {

struct Edge {
  double slope;        // loss saved per unit of usage
  std::int64_t usage;  // units the step takes
  std::int32_t group;
  std::int32_t heavier;  // option the step leads to
};

// The option of least usage, of least loss among those.
inline std::int32_t lightest_option(const Groups& groups, std::int64_t group) {
  const std::int64_t begin = groups.begin(group);
  std::int32_t lightest = 0;
  for (std::int32_t j = 1; j < groups.size(group); ++j) {
    const std::int64_t more = groups.weight(begin + j) - groups.weight(begin + lightest);
    const double lost = groups.loss[begin + j] - groups.loss[begin + lightest];
    if (more < 0 || (more == 0 && lost < 0.0)) lightest = j;
  }
  return lightest;
}

// Walks the hull from `start` to `end` (-1: as far as it goes). Groups whose options are listed in
// order of usage, as most are, need no sort.
class HullWalker {
 public:
  void walk(const Groups& groups, std::int64_t group, std::int32_t start, std::int32_t end,
            std::vector<Edge>& edges) {
    const std::int64_t begin = groups.begin(group);
    const auto size = static_cast<std::int32_t>(groups.size(group));
    bool rising = true;
    bool falling = true;
    for (std::int64_t at = begin + 1; at < begin + size; ++at) {
      rising &= groups.weight(at - 1) < groups.weight(at);
      falling &= groups.weight(at - 1) > groups.weight(at);
    }
    hull_.clear();
    hull_.push_back(Vertex{groups.loss[begin + start], groups.weight(begin + start), 0.0, start});
    if (rising) {
      const std::int32_t last = end < 0 ? size - 1 : end;
      for (std::int32_t j = start + 1; j <= last; ++j) add(groups, begin, j);
    } else if (falling) {
      const std::int32_t last = end < 0 ? 0 : end;
      for (std::int32_t j = start - 1; j >= last; --j) add(groups, begin, j);
    } else {
      sort_heavier(groups, begin, size, start, end);
      for (const std::int32_t j : order_) add(groups, begin, j);
    }
    for (std::size_t v = 1; v < hull_.size(); ++v) {
      edges.push_back(Edge{hull_[v].slope, hull_[v].usage - hull_[v - 1].usage,
                           static_cast<std::int32_t>(group), hull_[v].option});
    }
  }

 private:
  struct Vertex {
    double loss;
    std::int64_t usage;
    double slope;  // of the edge that leads here
    std::int32_t option;
  };

  static double slope_of(const Vertex& from, double loss, std::int64_t usage) {
    return (from.loss - loss) / static_cast<double>(usage - from.usage);
  }

  // The next option by usage: it replaces the vertices that it leaves above the hull.
  void add(const Groups& groups, std::int64_t begin, std::int32_t option) {
    const double loss = groups.loss[begin + option];
    const std::int64_t usage = groups.weight(begin + option);
    if (!(loss < hull_.back().loss)) return;
    double slope = slope_of(hull_.back(), loss, usage);
    while (hull_.size() > 1 && slope >= hull_.back().slope) {
      hull_.pop_back();
      slope = slope_of(hull_.back(), loss, usage);
    }
    hull_.push_back(Vertex{loss, usage, slope, option});
  }

  // Options heavier than `start` and at most as heavy as `end`, each usage once.
  void sort_heavier(const Groups& groups, std::int64_t begin, std::int32_t size, std::int32_t start,
                    std::int32_t end) {
    order_.clear();
    const std::int64_t above = groups.weight(begin + start);
    const std::int64_t most =
        end < 0 ? std::numeric_limits<std::int64_t>::max() : groups.weight(begin + end);
    for (std::int32_t j = 0; j < size; ++j) {
      const std::int64_t usage = groups.weight(begin + j);
      if (usage > above && usage <= most) order_.push_back(j);
    }
    std::sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) {
      const std::int64_t wa = groups.weight(begin + a);
      const std::int64_t wb = groups.weight(begin + b);
      if (wa != wb) return wa < wb;
      const double la = groups.loss[begin + a];
      const double lb = groups.loss[begin + b];
      return la != lb ? la < lb : a < b;
    });
    // Of equal usages the first has the least loss; the others would divide by zero.
    order_.erase(std::unique(order_.begin(), order_.end(),
                             [&](std::int32_t a, std::int32_t b) {
                               return groups.weight(begin + a) == groups.weight(begin + b);
                             }),
                 order_.end());
  }

  std::vector<Vertex> hull_;
  std::vector<std::int32_t> order_;
};

}  // namespace mpsolve
