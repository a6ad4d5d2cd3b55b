// One pass over the data at both ends of a bracket of the break multiplier; hulls only for the
// groups whose option changes inside the bracket; a weighted selection among their edges.
#include "dual.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bracket.hpp"
#include "hull.hpp"
#include "select.hpp"

namespace mpsolve {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kBlock = 2048;      // groups between two looks at the clock
constexpr std::int64_t kSampleFrom = 300;  // below, hulling everything costs less

// A group whose option changes inside the bracket: from the layout's to this one.
struct OpenGroup {
  std::int32_t group;
  std::int32_t heavier;
};

struct PassTotals {
  std::int64_t usage_lo = 0;
  std::int64_t usage_hi = 0;
};

// How ties are broken. At both ends of a sampled bracket they hardly occur and do not matter; at a
// multiplier of 0 the lighter option wins, and at infinity the one of least loss.
enum class Ends { kSampled, kFinite, kLightest };

// The option of least loss + multiplier * usage at both multipliers. Everything is taken relative
// to the group's first option, so that a large common part cancels exactly.
template <Ends kEnds, class Shape>
void evaluate(const Groups& groups, Shape shape, Bracket bracket, std::int64_t from,
              std::int64_t to, std::int32_t* layout, std::vector<OpenGroup>& open,
              PassTotals& totals) {
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
      const double v_hi = kEnds == Ends::kLightest ? lost : lost + hi * units;
      if constexpr (kEnds == Ends::kSampled) {
        at_lo = v_lo < value_lo ? j : at_lo;
        value_lo = v_lo < value_lo ? v_lo : value_lo;
        at_hi = v_hi < value_hi ? j : at_hi;
        value_hi = v_hi < value_hi ? v_hi : value_hi;
      } else {
        const bool better_lo = (v_lo < value_lo) | ((v_lo == value_lo) & (more < more_lo));
        value_lo = better_lo ? v_lo : value_lo;
        more_lo = better_lo ? more : more_lo;
        at_lo = better_lo ? j : at_lo;
        const bool better_hi = kEnds == Ends::kLightest
                                   ? (more < more_hi) | ((more == more_hi) & (v_hi < value_hi))
                                   : (v_hi < value_hi) | ((v_hi == value_hi) & (more < more_hi));
        value_hi = better_hi ? v_hi : value_hi;
        more_hi = better_hi ? more : more_hi;
        at_hi = better_hi ? j : at_hi;
      }
    }
    totals.usage_lo += groups.weight(begin + at_lo);
    totals.usage_hi += groups.weight(begin + at_hi);
    layout[i] = at_hi;
    if (at_lo != at_hi) open.push_back(OpenGroup{static_cast<std::int32_t>(i), at_lo});
  }
}

bool full_pass(const Groups& groups, Bracket bracket, std::int32_t* layout,
               std::vector<OpenGroup>& open, PassTotals& totals, Control& control) {
  return with_shape(groups, [&](auto shape) {
    for (std::int64_t from = 0; from < groups.num_groups; from += kBlock) {
      const std::int64_t to = std::min(from + kBlock, groups.num_groups);
      if (bracket.hi == kInfinity) {
        evaluate<Ends::kLightest>(groups, shape, bracket, from, to, layout, open, totals);
      } else if (bracket.lo == 0.0) {
        evaluate<Ends::kFinite>(groups, shape, bracket, from, to, layout, open, totals);
      } else {
        evaluate<Ends::kSampled>(groups, shape, bracket, from, to, layout, open, totals);
      }
      if (!control.tick(shape.begin(to) - shape.begin(from))) return false;
    }
    return true;
  });
}

}  // namespace

Dual solve_dual(const Groups& groups, std::int64_t upper, Control& control) {
  Dual dual;
  const std::int64_t n = groups.num_groups;
  dual.layout.resize(static_cast<std::size_t>(n));
  HullWalker walker;
  Bracket bracket;
  if (n > kSampleFrom) bracket = guess_bracket(groups, upper, walker);
  std::vector<OpenGroup> open;
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
  edges.reserve(2 * open.size());
  for (std::size_t o = 0; o < open.size(); ++o) {
    const std::int32_t group = open[o].group;
    walker.walk(groups, group, dual.layout[static_cast<std::size_t>(group)], open[o].heavier,
                edges);
    if (o % kBlock == 0 && !control.tick(kBlock)) return dual;
  }
  const std::int64_t room = upper - totals.usage_hi;
  const std::size_t split = select_break(edges, 0, edges.size(), room);
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
