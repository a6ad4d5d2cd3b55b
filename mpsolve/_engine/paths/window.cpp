#include "window.hpp"

#include <algorithm>
#include <cmath>

#include "multipliers.hpp"
#include "order.hpp"
#include "sweep.hpp"
#include "units.hpp"

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

}  // namespace

std::vector<char> below(const std::vector<double>& least, double threshold) {
  std::vector<char> keep(least.size());
  for (std::size_t o = 0; o < keep.size(); ++o) keep[o] = least[o] < threshold ? 1 : 0;
  return keep;
}

double window_threshold(const Known& known, std::vector<double> least, double bound,
                        std::size_t count, double all) {
  std::vector<double> above;
  for (const double value : least) {
    if (value > bound && value < all) above.push_back(value);
  }
  if (above.size() <= count) return all;
  const auto nth = above.begin() + static_cast<std::ptrdiff_t>(count);
  std::nth_element(above.begin(), nth, above.end());
  const double chosen = *nth;
  // A window that holds nearly everything may as well hold all.
  return known.has_layout() && chosen > bound + 0.7 * (all - bound) ? all : chosen;
}

LabelOutcome search_core(Session& session, const Model& model, const Model& core,
                         const Quanta& outer, double beat, std::size_t cap, bool split) {
  LabelOutcome nothing;
  if (core.infeasible) return nothing;
  Order order = make_order(core, {});
  Sweep sweep(core, order);
  Quanta quanta(core, sweep, near_multipliers(core, session.multipliers, session.history));
  if (quanta.infeasible()) return nothing;
  if (core.rows.empty()) {
    // Only one layout is left to look at.
    std::vector<std::int32_t> layout(core.group.size(), 0);
    follow(sweep, quanta.bounds().front().back.choice, 0, 0, layout);
    const Evaluation before = session.known.best();
    session.known.offer(core.expand(layout));
    nothing.found = session.known.best().better_than(before);
    return nothing;
  }
  // First the few groups that break the units of the others' usages, so that those hold for the
  // rest; then groups that are nearly decided.
  const std::vector<std::int64_t> units = common_units(core);
  std::vector<double> least;
  quanta.options_below(sweep, kInfinity, least);
  std::vector<double> key(core.group.size(), kInfinity);
  for (std::int32_t g = 0; g < core.num_groups(); ++g) {
    const auto first = least.begin() + core.begin[at(g)];
    const auto last = least.begin() + core.begin[at(g) + 1];
    std::vector<double> values(first, last);
    std::nth_element(values.begin(), values.begin() + 1, values.end());
    key[at(g)] = breaks_unit(core, g, units) ? kInfinity : values[1];
  }
  order = make_order(core, key);
  sweep = Sweep(core, order);
  const double gap = std::isinf(beat) ? outer.best_bound() * 0.1 + 1.0 : beat - outer.best_bound();
  quanta = Quanta(core, sweep,
                  spread_multipliers(core, sweep, session.multipliers, session.history,
                                     std::ldexp(gap, -outer.exponent())));
  session.outcome.core_groups = core.num_groups();
  session.outcome.core_options = core.num_options();

  LabelTask task;
  task.model = &core;
  task.sweep = &sweep;
  task.quanta = &quanta;
  task.step_down = step_down(quanta);
  task.threshold = session.threshold(core, quanta);
  if (beat < kInfinity) {
    const CompensatedSum loss = outer.to_loss(model, beat);
    task.threshold = std::min(task.threshold, quanta.from_loss(core, loss.value(), loss.rest()));
  }
  task.cap = cap;
  task.most_history =
      std::min<std::size_t>(session.parameters.memory_limit / 12, std::size_t{1} << 31);
  task.split = split;
  task.found = [&](const std::vector<std::int32_t>& layout) {
    session.known.offer(core.expand(layout));
  };
  const LabelOutcome found = search_labels(task, session.control);
  session.outcome.labels += found.labels;
  session.outcome.splits += found.splits;
  session.outcome.longest_list =
      std::max(session.outcome.longest_list, static_cast<std::int64_t>(found.longest));
  if (!found.complete && found.open < kInfinity) {
    // What was left out is at least as bad as its bounds, what was not searched as the window.
    const double open = std::min(found.open, task.threshold);
    session.raise_bound(quanta.to_loss(core, std::min(open, found.threshold)));
  }
  return found;
}

}  // namespace mpsolve::paths
