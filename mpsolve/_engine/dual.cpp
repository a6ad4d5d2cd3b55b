// One pass over the data at both ends of a bracket of the break multiplier; hulls only for the
// groups whose option changes inside the bracket; a weighted selection among their edges.
#include "dual.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "hull.hpp"

namespace mpsolve {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kBlock = 2048;         // groups between two looks at the clock
constexpr std::int64_t kSampleFrom = 20000;   // below, hulling everything costs less
constexpr std::int64_t kSampleLeast = 4096;

// Multipliers that enclose the break: usage(lo) > upper >= usage(hi).
struct Bracket {
  double lo = 0.0;
  double hi = kInfinity;
};

struct PassTotals {
  std::int64_t usage_lo = 0;
  std::int64_t usage_hi = 0;
};

// The option of least loss + multiplier * usage, lighter on ties, at both multipliers. Everything is
// taken relative to the group's first option, so that a large common part cancels exactly.
// kLightest: hi is infinite, so the lightest option, least loss on ties.
template <bool kLightest, class Shape>
void evaluate(const Groups& groups, Shape shape, Bracket bracket, std::int64_t from, std::int64_t to,
              std::int32_t* layout, std::vector<std::int32_t>& open, PassTotals& totals) {
  const double lo = bracket.lo;
  const double hi = bracket.hi;
  for (std::int64_t i = from; i < to; ++i) {
    const std::int64_t begin = shape.begin(i);
    const auto size = static_cast<std::int32_t>(shape.size(i));
    const double loss = groups.loss[begin];
    const std::int64_t usage = groups.weight(begin);
    double value_lo = 0.0;
    double value_hi = 0.0;
    std::int64_t more_lo = 0;
    std::int64_t more_hi = 0;
    std::int32_t at_lo = 0;
    std::int32_t at_hi = 0;
    for (std::int32_t j = 1; j < size; ++j) {
      const double lost = groups.loss[begin + j] - loss;
      const std::int64_t more = groups.weight(begin + j) - usage;
      const auto units = static_cast<double>(more);
      const double v_lo = lost + lo * units;
      const bool better_lo = (v_lo < value_lo) | ((v_lo == value_lo) & (more < more_lo));
      value_lo = better_lo ? v_lo : value_lo;
      more_lo = better_lo ? more : more_lo;
      at_lo = better_lo ? j : at_lo;
      const double v_hi = kLightest ? lost : lost + hi * units;
      const bool better_hi = kLightest
                                 ? (more < more_hi) | ((more == more_hi) & (v_hi < value_hi))
                                 : (v_hi < value_hi) | ((v_hi == value_hi) & (more < more_hi));
      value_hi = better_hi ? v_hi : value_hi;
      more_hi = better_hi ? more : more_hi;
      at_hi = better_hi ? j : at_hi;
    }
    totals.usage_lo += usage + more_lo;
    totals.usage_hi += usage + more_hi;
    layout[i] = at_hi;
    if (at_lo != at_hi) open.push_back(static_cast<std::int32_t>(i));
  }
}

bool full_pass(const Groups& groups, Bracket bracket, std::int32_t* layout,
               std::vector<std::int32_t>& open, PassTotals& totals, Control& control) {
  return with_shape(groups, [&](auto shape) {
    for (std::int64_t from = 0; from < groups.num_groups; from += kBlock) {
      const std::int64_t to = std::min(from + kBlock, groups.num_groups);
      if (bracket.hi == kInfinity) {
        evaluate<true>(groups, shape, bracket, from, to, layout, open, totals);
      } else {
        evaluate<false>(groups, shape, bracket, from, to, layout, open, totals);
      }
      if (!control.tick(shape.begin(to) - shape.begin(from))) return false;
    }
    return true;
  });
}

bool steeper(const Edge& a, const Edge& b) {
  if (a.slope != b.slope) return a.slope > b.slope;
  if (a.group != b.group) return a.group < b.group;
  return a.heavier < b.heavier;
}

// Reorders the edges so that the ones before the returned index are the steepest that fit `room`
// together, and the one at it is the break edge. Halves the range by selection: O(edges).
std::size_t select_break(std::vector<Edge>& edges, std::int64_t room) {
  std::size_t low = 0;
  std::size_t high = edges.size();
  const auto at = [&](std::size_t index) {
    return edges.begin() + static_cast<std::vector<Edge>::difference_type>(index);
  };
  while (high - low > 24) {
    const std::size_t middle = low + (high - low) / 2;
    std::nth_element(at(low), at(middle), at(high), steeper);
    std::int64_t taken = 0;
    for (std::size_t e = low; e < middle; ++e) taken += edges[e].usage;
    if (taken <= room) {
      room -= taken;
      low = middle;
    } else {
      high = middle;
    }
  }
  std::sort(at(low), at(high), steeper);
  while (low < high && edges[low].usage <= room) room -= edges[low++].usage;
  return low;
}

// A bracket from a sample of groups; wide enough that a miss is rare, and a miss costs one pass.
Bracket guess_bracket(const Groups& groups, std::int64_t upper, HullWalker& walker) {
  const std::int64_t n = groups.num_groups;
  const std::int64_t wanted = std::max(kSampleLeast, std::min<std::int64_t>(n / 64, 16384));
  const std::int64_t stride = n / wanted;
  std::vector<std::int32_t> sample;
  std::uint64_t state = 0x9E3779B97F4A7C15ULL;
  for (std::int64_t first = 0; first + stride <= n; first += stride) {
    // A step inside each stride, or a period of the network would be sampled at one phase only.
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto step = static_cast<std::int64_t>((state >> 33) % static_cast<std::uint64_t>(stride));
    sample.push_back(static_cast<std::int32_t>(first + step));
  }
  const auto count = static_cast<double>(sample.size());
  std::vector<Edge> edges;
  std::vector<double> usage(sample.size());
  double total = 0.0;
  for (std::size_t s = 0; s < sample.size(); ++s) {
    std::int32_t lightest = 0;
    std::vector<std::int32_t> open;
    PassTotals totals;
    const std::int64_t group = sample[s];
    const std::int64_t begin = groups.begin(group);
    for (std::int32_t j = 1; j < groups.size(group); ++j) {
      const std::int64_t more = groups.weight(begin + j) - groups.weight(begin + lightest);
      if (more < 0 || (more == 0 && groups.loss[begin + j] < groups.loss[begin + lightest])) {
        lightest = j;
      }
    }
    const std::size_t before = edges.size();
    walker.walk(groups, group, lightest, 0.0, edges);
    for (std::size_t e = before; e < edges.size(); ++e) {
      edges[e].group = static_cast<std::int32_t>(s);
    }
    usage[s] = static_cast<double>(groups.weight(begin + lightest));
    total += usage[s];
  }
  std::sort(edges.begin(), edges.end(), steeper);
  const double target = static_cast<double>(upper) * (count / static_cast<double>(n));
  // Spread of a group's usage near the break gives the error of the sampled total.
  double filled = total;
  for (const Edge& edge : edges) {
    if (filled > target) break;
    filled += static_cast<double>(edge.usage);
    usage[static_cast<std::size_t>(edge.group)] += static_cast<double>(edge.usage);
  }
  double squares = 0.0;
  for (const double u : usage) squares += (u - filled / count) * (u - filled / count);
  const double band = 3.5 * std::sqrt(squares);
  Bracket bracket;
  filled = total;
  for (const Edge& edge : edges) {
    if (filled <= target - band) bracket.hi = edge.slope;
    filled += static_cast<double>(edge.usage);
    if (filled > target + band) {
      bracket.lo = edge.slope;
      break;
    }
  }
  // The sample's own edges lie at the ends: step over them.
  bracket.lo *= 1.0 - 1e-9;
  bracket.hi *= 1.0 + 1e-9;
  return bracket;
}

}  // namespace

Dual solve_dual(const Groups& groups, std::int64_t upper, Control& control) {
  Dual dual;
  const std::int64_t n = groups.num_groups;
  dual.layout.resize(static_cast<std::size_t>(n));
  HullWalker walker;
  Bracket bracket;
  if (n > kSampleFrom) bracket = guess_bracket(groups, upper, walker);
  std::vector<std::int32_t> open;
  PassTotals totals;
  for (;;) {
    open.clear();
    totals = PassTotals{};
    if (!full_pass(groups, bracket, dual.layout.data(), open, totals, control)) return dual;
    if (totals.usage_hi > upper) {
      if (bracket.hi == kInfinity) {
        dual.status = DualStatus::kInfeasible;
        return dual;
      }
      bracket = Bracket{bracket.hi, kInfinity};
    } else if (totals.usage_lo <= upper) {
      if (bracket.lo == 0.0) {
        // hi may have stopped short of the least loss: take that layout itself.
        PassTotals best;
        open.clear();
        if (!full_pass(groups, Bracket{0.0, 0.0}, dual.layout.data(), open, best, control)) {
          return dual;
        }
        dual.status = DualStatus::kUnconstrained;
        dual.usage = best.usage_lo;
        return dual;
      }
      bracket = Bracket{0.0, bracket.lo};
    } else {
      break;
    }
  }

  std::vector<Edge> edges;
  for (std::size_t o = 0; o < open.size(); ++o) {
    const std::int32_t group = open[o];
    walker.walk(groups, group, dual.layout[static_cast<std::size_t>(group)], bracket.lo, edges);
    if (o % kBlock == 0 && !control.tick(kBlock)) return dual;
  }
  const std::int64_t room = upper - totals.usage_hi;
  const std::size_t split = select_break(edges, room);
  dual.usage = totals.usage_hi;
  for (std::size_t e = 0; e < split; ++e) {
    const Edge& edge = edges[e];
    std::int32_t& option = dual.layout[static_cast<std::size_t>(edge.group)];
    const std::int64_t begin = groups.begin(edge.group);
    const std::int64_t more = groups.weight(begin + edge.heavier) - groups.weight(begin + option);
    if (more > 0) {
      dual.usage += more;
      option = edge.heavier;
    }
  }
  dual.multiplier = split < edges.size() ? edges[split].slope : bracket.lo;
  // Later edges of the same slope may still fit: the bound is the same, the layout is better.
  for (std::size_t e = split; e < edges.size(); ++e) {
    const Edge& edge = edges[e];
    if (edge.slope != dual.multiplier || edge.usage > upper - dual.usage) continue;
    std::int32_t& option = dual.layout[static_cast<std::size_t>(edge.group)];
    const std::int64_t begin = groups.begin(edge.group);
    if (groups.weight(begin + edge.heavier) - groups.weight(begin + option) != edge.usage) continue;
    dual.usage += edge.usage;
    option = edge.heavier;
  }
  dual.status = DualStatus::kBreak;
  return dual;
}

Survey survey(const Groups& groups, Control& control) {
  Survey total;
  for (std::int64_t i = 0; i < groups.num_groups; ++i) {
    const std::int64_t begin = groups.begin(i);
    const std::int64_t end = begin + groups.size(i);
    std::int64_t least = groups.weight(begin);
    std::int64_t most = least;
    std::int64_t light = least;
    std::int64_t heavy = least;
    double loss = groups.loss[begin];
    for (std::int64_t at = begin + 1; at < end; ++at) {
      const std::int64_t usage = groups.weight(at);
      least = std::min(least, usage);
      most = std::max(most, usage);
      if (groups.loss[at] < loss) {
        loss = groups.loss[at];
        light = heavy = usage;
      } else if (groups.loss[at] == loss) {
        light = std::min(light, usage);
        heavy = std::max(heavy, usage);
      }
    }
    total.min_usage += least;
    total.max_usage += most;
    total.best_light += light;
    total.best_heavy += heavy;
    if (i % kBlock == 0 && !control.tick(kBlock)) return total;
  }
  total.complete = true;
  return total;
}

}  // namespace mpsolve
