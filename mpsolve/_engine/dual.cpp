// Hulls only for the groups whose option changes inside a bracket of the break multiplier, and a
// weighted selection among their edges.
#include "dual.hpp"

#include <algorithm>
#include <utility>

#include "bracket.hpp"
#include "hull.hpp"
#include "select.hpp"

namespace mpsolve {
namespace {

constexpr std::int64_t kBlock = 2048;  // groups between two looks at the clock

}  // namespace

Dual solve_dual(const Groups& groups, std::int64_t upper, Control& control) {
  Dual dual;
  HullWalker walker;
  Bracket bracket;
  const Enclosed enclosed = enclose_break(groups, upper, walker, control, bracket);
  dual.layout = std::move(bracket.layout);
  dual.usage = bracket.usage;
  if (enclosed != Enclosed::kBreak) {
    dual.status = enclosed == Enclosed::kInfeasible      ? DualStatus::kInfeasible
                  : enclosed == Enclosed::kUnconstrained ? DualStatus::kUnconstrained
                                                         : DualStatus::kStopped;
    return dual;
  }

  std::vector<Edge> edges;
  edges.reserve(2 * bracket.open.size());
  std::int64_t work = 0;
  for (const auto& [group, heavier] : bracket.open) {
    walker.walk(groups, group, dual.layout[static_cast<std::size_t>(group)], heavier, edges);
    if (++work % kBlock == 0 && !control.tick(kBlock)) return dual;
  }
  const std::int64_t room = upper - dual.usage;
  const std::size_t split = select_break(edges, 0, edges.size(), room);
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
