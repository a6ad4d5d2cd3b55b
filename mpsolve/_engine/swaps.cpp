#include "swaps.hpp"

#include <algorithm>
#include <cstddef>

namespace mpsolve {
namespace {

struct Step {
  std::int64_t usage;
  double loss;
  Swap swap;
};

}  // namespace

PairSwap best_pair(const Groups& groups, const Dual& dual, const std::vector<Candidate>& candidates,
                   double gap, std::int64_t high) {
  std::vector<Step> steps;
  for (const Candidate& candidate : candidates) {
    const std::int64_t begin = groups.begin(candidate.group);
    const std::int64_t at = begin + dual.layout[static_cast<std::size_t>(candidate.group)];
    for (std::int32_t j = 0; j < groups.size(candidate.group); ++j) {
      const double lost = groups.loss[begin + j] - groups.loss[at];
      const std::int64_t more = groups.weight(begin + j) - groups.weight(at);
      const double cost = lost + dual.multiplier * static_cast<double>(more);
      if (begin + j != at && cost < gap) steps.push_back(Step{more, lost, {candidate.group, j}});
    }
  }
  std::sort(steps.begin(), steps.end(), [](const Step& x, const Step& y) {
    if (x.usage != y.usage) return x.usage < y.usage;
    if (x.loss != y.loss) return x.loss < y.loss;
    return x.swap.group < y.swap.group;
  });

  // While the first step grows heavier, fewer seconds fit: walk down over running minima, the least
  // loss and the least of another group.
  struct Least {
    std::size_t best;
    std::size_t other;  // == best: there is none
  };
  std::vector<Least> least(steps.size());
  for (std::size_t s = 0; s < steps.size(); ++s) {
    Least now = s > 0 ? least[s - 1] : Least{0, 0};
    if (s > 0) {
      const bool same = steps[s].swap.group == steps[now.best].swap.group;
      if (steps[s].loss < steps[now.best].loss) {
        if (!same) now.other = now.best;
        now.best = s;
        if (same && now.other == least[s - 1].best) now.other = s;
      } else if (!same && (now.other == now.best || steps[s].loss < steps[now.other].loss)) {
        now.other = s;
      }
    }
    least[s] = now;
  }
  PairSwap pair;
  std::size_t fitting = steps.size();
  for (std::size_t s = 0; s < steps.size(); ++s) {
    while (fitting > 0 && steps[fitting - 1].usage > high - steps[s].usage) --fitting;
    if (fitting == 0) break;
    const Least& with = least[fitting - 1];
    const std::size_t partner =
        steps[with.best].swap.group != steps[s].swap.group ? with.best : with.other;
    if (steps[partner].swap.group == steps[s].swap.group) continue;
    const double loss = steps[s].loss + steps[partner].loss;
    if (loss < pair.loss) pair = PairSwap{loss, steps[s].swap, steps[partner].swap};
  }
  return pair;
}

}  // namespace mpsolve
