// Selection of the break edge among hull edges.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hull.hpp"

namespace mpsolve {

// Positions without a pattern, the same on every machine.
class Scatter {
 public:
  std::size_t below(std::size_t count) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>((state_ >> 33) % count);
  }

 private:
  std::uint64_t state_ = 0x9E3779B97F4A7C15ULL;
};

inline bool steeper(const Edge& a, const Edge& b) {
  if (a.slope != b.slope) return a.slope > b.slope;
  if (a.group != b.group) return a.group < b.group;
  return a.heavier < b.heavier;
}

// Moves the edges of [low, high) that satisfy the test to the front, and sums their usage; without
// a branch, because which way a test goes is as good as random.
template <class Test>
std::size_t gather(std::vector<Edge>& edges, std::size_t low, std::size_t high, Test test,
                   std::int64_t& usage) {
  std::size_t kept = low;
  usage = 0;
  for (std::size_t e = low; e < high; ++e) {
    const Edge edge = edges[e];
    const bool keep = test(edge);
    edges[e] = edges[kept];
    edges[kept] = edge;
    usage += keep ? edge.usage : 0;
    kept += keep;
  }
  return kept;
}

// Reorders the edges of [low, high) so that the ones before the returned index are the steepest
// that fit `room` together, and the one at it is the break edge. Expected O(edges).
inline std::size_t select_break(std::vector<Edge>& edges, std::size_t low, std::size_t high,
                                std::int64_t room) {
  Scatter scatter;
  while (high - low > 24) {
    const auto any = [&] { return edges[low + scatter.below(high - low)].slope; };
    const double x = any();
    const double y = any();
    const double z = any();
    const double pivot = std::max(std::min(x, y), std::min(std::max(x, y), z));
    std::int64_t usage = 0;
    const std::size_t steep =
        gather(edges, low, high, [pivot](const Edge& e) { return e.slope > pivot; }, usage);
    if (usage > room) {
      high = steep;
      continue;
    }
    room -= usage;
    low = steep;
    const std::size_t equal =
        gather(edges, low, high, [pivot](const Edge& e) { return e.slope == pivot; }, usage);
    if (usage > room) {
      high = equal;
      break;
    }
    room -= usage;
    low = equal;
  }
  const auto first = edges.begin() + static_cast<std::ptrdiff_t>(low);
  std::sort(first, edges.begin() + static_cast<std::ptrdiff_t>(high), steeper);
  while (low < high && edges[low].usage <= room) room -= edges[low++].usage;
  return low;
}

}  // namespace mpsolve
