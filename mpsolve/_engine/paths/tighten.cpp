#include "tighten.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "dual.hpp"
#include "multipliers.hpp"
#include "order.hpp"
#include "quanta.hpp"
#include "sweep.hpp"

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

constexpr int kMostRounds = 6;
constexpr double kMostEntries = 0x1p30;  // states are counted in 32 bits

void check_size(const Session& session, const Order& order) {
  const double bytes = order.bytes();
  const bool fits = bytes <= static_cast<double>(session.parameters.memory_limit);
  if (fits && order.entries < kMostEntries) return;
  throw TooWide("the couplings join " + std::to_string(order.width) +
                " groups at a time, which needs " + std::to_string(bytes / 1048576.0) +
                " MiB; the memory limit allows " +
                std::to_string(static_cast<double>(session.parameters.memory_limit) / 1048576.0));
}

bool fits(const Model& model, const std::vector<std::int32_t>& layout) {
  for (std::size_t r = 0; r < model.rows.size(); ++r) {
    std::int64_t total = 0;
    for (std::int32_t g = 0; g < model.num_groups(); ++g) {
      total += model.usage_of(model.begin[at(g)] + layout[at(g)])[r];
    }
    if (total > model.rows[r].upper || total < model.rows[r].lower) return false;
  }
  return true;
}

double largest_loss(const Model& model) {
  double sum = 0.0;
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    const auto first = model.loss.begin() + model.begin[at(g)];
    sum += *std::max_element(first, model.loss.begin() + model.begin[at(g) + 1]);
  }
  for (const ModelPair& pair : model.pairs) {
    double most = -kInfinity;
    for (const double value : pair.table) {
      if (!std::isinf(value)) most = std::max(most, value);
    }
    sum += most;
  }
  return sum;
}

}  // namespace

Verdict tighten(Session& session, Model& model) {
  for (int round = 0; round < kMostRounds; ++round) {
    ++session.outcome.rounds;
    const Order order = make_order(model, {});
    check_size(session, order);
    session.outcome.width = std::max(session.outcome.width, order.width);
    const Sweep sweep(model, order);
    const FloatCosts costs(model, sweep);
    const double before = session.control.seconds();
    const Seen seen = [&](const std::vector<std::int32_t>& layout) {
      if (fits(model, layout)) session.known.offer(model.expand(layout));
    };
    const Dual dual = solve_dual(model, sweep, costs, to_rows(model, session.multipliers),
                                 largest_loss(model), seen, session.control);
    session.outcome.dual_seconds += session.control.seconds() - before;
    session.outcome.evaluations += dual.evaluations;
    if (dual.infeasible) {
      return Verdict::kDecided;
    }
    session.multipliers = to_budgets(model, dual.multipliers, session.input.budgets.size());
    session.history.clear();
    for (const std::vector<double>& vector : dual.history) {
      session.history.push_back(to_budgets(model, vector, session.input.budgets.size()));
    }
    const Quanta quanta(model, sweep,
                        near_multipliers(model, session.multipliers, session.history));
    session.raise_bound(quanta.to_loss(model, quanta.best_bound()));
    if (quanta.infeasible() || model.rows.empty()) {
      // Without budgets the cheapest layout is the answer, and it was offered.
      return Verdict::kDecided;
    }
    if (session.control.limit() != Limit::kNone || session.known.gap_closed())
      return Verdict::kStopped;
    if (!session.known.has_layout() && dual.bound > largest_loss(model) * (1.0 + 1e-9)) {
      return Verdict::kDecided;
    }
    const double beat = session.threshold(model, quanta);
    std::vector<double> least;
    const std::vector<char> keep = quanta.options_below(sweep, beat, least);
    const auto kept = static_cast<std::size_t>(std::count(keep.begin(), keep.end(), 1));
    const std::size_t all = keep.size();
    if (kept < all) {
      model = restrict_model(model, keep);
      if (model.infeasible) {
        return Verdict::kDecided;
      }
    }
    if (10 * kept > 9 * all) return Verdict::kGoOn;
  }
  return Verdict::kGoOn;
}

}  // namespace mpsolve::paths
