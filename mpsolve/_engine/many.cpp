// The lower hull of all (usage, loss) sums, once: its edges sorted by slope are the dual function
// at every budget, so that each budget finds its break layout by a binary search. Budgets are
// solved from small to large, because a layout that fits one fits the next, and is a good one
// there.
#include "many.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "dual.hpp"
#include "groups.hpp"
#include "hull.hpp"
#include "select.hpp"

namespace mpsolve {
namespace {

constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();

// The break layouts of rising budgets.
class Breaks {
 public:
  explicit Breaks(const Groups& groups)
      : groups_(groups), layout_(static_cast<std::size_t>(groups.num_groups)) {
    HullWalker walker;
    for (std::int64_t i = 0; i < groups.num_groups; ++i) {
      const std::int32_t lightest = lightest_option(groups, i);
      layout_[static_cast<std::size_t>(i)] = lightest;
      usage_ += groups.weight(groups.begin(i) + lightest);
      walker.walk(groups, i, lightest, -1, edges_);
    }
    std::sort(edges_.begin(), edges_.end(), steeper);
    totals_.reserve(edges_.size());
    std::int64_t total = usage_;
    for (const Edge& edge : edges_) totals_.push_back(total += edge.usage);
  }

  // `upper` must not be below that of the call before.
  Dual at(std::int64_t upper) {
    Dual dual;
    if (upper < usage_ && taken_ == 0) {
      dual.status = DualStatus::kInfeasible;
      return dual;
    }
    const auto end = std::upper_bound(totals_.begin(), totals_.end(), upper);
    const auto count = static_cast<std::size_t>(end - totals_.begin());
    for (; taken_ < count; ++taken_) take(edges_[taken_]);
    dual.layout = layout_;
    dual.usage = usage_;
    dual.status = DualStatus::kUnconstrained;
    if (count == edges_.size()) return dual;
    dual.status = DualStatus::kBreak;
    dual.multiplier = edges_[count].slope;
    // Later edges of the same slope may still fit: the bound is the same, the layout is better.
    for (std::size_t e = count; e < edges_.size() && edges_[e].slope == dual.multiplier; ++e) {
      const Edge& edge = edges_[e];
      if (edge.usage > upper - dual.usage) continue;
      dual.usage += edge.usage;
      dual.layout[static_cast<std::size_t>(edge.group)] = edge.heavier;
    }
    return dual;
  }

 private:
  void take(const Edge& edge) {
    layout_[static_cast<std::size_t>(edge.group)] = edge.heavier;
    usage_ += edge.usage;
  }

  const Groups& groups_;
  std::vector<Edge> edges_;           // steepest first; of one group, from light to heavy
  std::vector<std::int64_t> totals_;  // usage of the layout after each edge
  std::vector<std::int32_t> layout_;
  std::int64_t usage_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace

std::vector<MckpOutcome> solve_many(MckpProblem problem, const std::vector<Sides>& budgets,
                                    const MckpSettings& settings, Host* host) {
  const auto start = Control::Clock::now();
  const Groups groups{problem.loss,       problem.usage,       problem.offsets,
                      problem.num_groups, problem.num_options, 0};
  Breaks breaks(groups);
  std::vector<std::size_t> order(budgets.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return budgets[a].upper.value_or(kFar) < budgets[b].upper.value_or(kFar);
  });
  MckpOutcome unsolved;
  unsolved.limit = Limit::kInterrupted;
  std::vector<MckpOutcome> outcomes(budgets.size(), unsolved);
  MckpSettings own = settings;
  for (const std::size_t b : order) {
    const Sides& sides = budgets[b];
    problem.has_lower = sides.lower.has_value();
    problem.has_upper = sides.upper.has_value();
    problem.lower = sides.lower.value_or(0);
    problem.upper = sides.upper.value_or(0);
    const Dual dual = breaks.at(sides.upper.value_or(kFar));
    own.dual = &dual;
    const std::chrono::duration<double> spent = Control::Clock::now() - start;
    own.time_limit = std::max(0.0, settings.time_limit - spent.count());
    outcomes[b] = solve_mckp(problem, own, host);
    if (outcomes[b].has_layout) own.hint = outcomes[b].choices.data();
    if (outcomes[b].limit == Limit::kInterrupted) break;
  }
  return outcomes;
}

}  // namespace mpsolve
