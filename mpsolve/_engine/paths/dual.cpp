#include "dual.hpp"

#include <algorithm>
#include <cmath>

#include "master.hpp"

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

// The gap, relative to what is at stake, below which cutting planes only chase rounding.
constexpr double kConverged = 1e-14;
constexpr std::size_t kRemembered = 6;

// One side of a row: multiplier >= 0 on sign * (usage - side) <= 0; free where it is an equality.
struct Side {
  std::size_t row;
  double sign;
  std::int64_t side;
  bool free;
  double unit;  // usage is measured in this, so that multipliers are of the losses' magnitude
};

struct Evaluated {
  double bound;
  double loss;
  std::vector<double> gains;  // by side
};

class Search {
 public:
  Search(const Model& model, const Sweep& sweep, const FloatCosts& costs, const Seen& seen)
      : model_(model), sweep_(sweep), costs_(costs), seen_(seen), layout_(model.group.size()) {
    for (std::int32_t g = 0; g < model.num_groups(); ++g) {
      double most = 0.0;
      for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
        most = std::max(most, model.loss[at(o)]);
      }
      scale_ += most;
    }
    for (const ModelPair& pair : model.pairs) {
      double most = 0.0;
      for (const double value : pair.table) {
        if (!std::isinf(value)) most = std::max(most, std::fabs(value));
      }
      scale_ += most;
    }
    if (scale_ == 0.0) scale_ = 1.0;
    for (std::size_t r = 0; r < model.rows.size(); ++r) {
      const Row& row = model.rows[r];
      const double unit = std::max(1.0, static_cast<double>(row.most));
      sides_.push_back(Side{r, 1.0, row.upper, row.two_sided() && row.equality(), unit});
      if (row.two_sided() && !row.equality()) {
        sides_.push_back(Side{r, -1.0, row.lower, false, unit});
      }
    }
  }

  const std::vector<Side>& sides() const { return sides_; }
  double scale() const { return scale_; }

  // Multipliers of rows for those of sides (both in the master's units), netted.
  std::vector<double> rows_of(const std::vector<double>& values) const {
    std::vector<double> out(model_.rows.size(), 0.0);
    for (std::size_t s = 0; s < sides_.size(); ++s) {
      out[sides_[s].row] += sides_[s].sign * values[s] * scale_ / sides_[s].unit;
    }
    return out;
  }

  std::vector<double> sides_of(const std::vector<double>& rows) const {
    std::vector<double> out(sides_.size(), 0.0);
    for (std::size_t s = 0; s < sides_.size(); ++s) {
      const double value = sides_[s].sign * rows[sides_[s].row] * sides_[s].unit / scale_;
      out[s] = sides_[s].free ? value : std::max(0.0, value);
    }
    return out;
  }

  // The bound at some multipliers, and the cut of the layout that has it. False: no layout.
  bool evaluate(const std::vector<double>& values, Evaluated& out) {
    const std::vector<double> rows = rows_of(values);
    price_.resize(model_.option.size());
    for (std::int32_t o = 0; o < model_.num_options(); ++o) {
      const std::int64_t* const usage = model_.usage_of(o);
      double price = costs_.option[at(o)];
      for (std::size_t r = 0; r < rows.size(); ++r) {
        price += rows[r] * static_cast<double>(usage[r]);
      }
      price_[at(o)] = price;
    }
    go_back<double>(sweep_, costs_.arc.data(), price_.data(), kInfinity, potentials_);
    if (std::isinf(potentials_.node[0])) return false;
    follow(sweep_, potentials_.choice, 0, 0, layout_);
    seen_(layout_);
    std::vector<std::int64_t> total(rows.size(), 0);
    CompensatedSum loss;
    std::int32_t state = 0;
    for (const Step& step : sweep_.steps()) {
      const std::int32_t j = layout_[at(step.group)];
      const std::int32_t o = step.option + j;
      for (std::size_t r = 0; r < rows.size(); ++r) total[r] += model_.usage_of(o)[r];
      loss.add(costs_.option[at(o)]);
      loss.add(costs_.arc[step.arc + at(state * step.size + j)]);
      state = sweep_.next_state(step, state, j);
    }
    out.loss = loss.value() / scale_;
    out.gains.resize(sides_.size());
    for (std::size_t s = 0; s < sides_.size(); ++s) {
      const std::int64_t excess = total[sides_[s].row] - sides_[s].side;
      out.gains[s] = sides_[s].sign * static_cast<double>(excess) / sides_[s].unit;
    }
    // With both sides of a row netted, only one of them presses.
    CompensatedSum bound;
    bound.add(out.loss);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const std::int64_t side = rows[r] > 0.0 ? model_.rows[r].upper : model_.rows[r].lower;
      bound.add(rows[r] * static_cast<double>(total[r] - side) / scale_);
    }
    out.bound = bound.value();
    return true;
  }

 private:
  const Model& model_;
  const Sweep& sweep_;
  const FloatCosts& costs_;
  const Seen& seen_;
  std::vector<Side> sides_;
  double scale_ = 0.0;
  std::vector<double> price_;
  Potentials<double> potentials_;
  std::vector<std::int32_t> layout_;
};

}  // namespace

FloatCosts::FloatCosts(const Model& model, const Sweep& sweep)
    : arc(sweep.num_arcs(), 0.0), option(model.loss) {
  sweep.visit_pairs([&](std::size_t a, std::size_t pair, std::size_t entry) {
    arc[a] += model.pairs[pair].table[entry];
  });
}

double room_price(const Model& model, const std::vector<double>& multipliers) {
  CompensatedSum sum;
  for (std::size_t r = 0; r < multipliers.size(); ++r) {
    const Row& row = model.rows[r];
    sum.add(multipliers[r] * static_cast<double>(multipliers[r] > 0.0 ? row.upper : row.lower));
  }
  return sum.value();
}

Dual solve_dual(const Model& model, const Sweep& sweep, const FloatCosts& costs,
                const std::vector<double>& start, double largest_loss, const Seen& seen,
                Control& control) {
  Dual dual;
  Search search(model, sweep, costs, seen);
  const std::size_t size = search.sides().size();
  const auto work = static_cast<std::int64_t>(sweep.num_arcs() + model.option.size());
  std::vector<double> best(size, 0.0);
  if (!start.empty()) best = search.sides_of(start);
  Evaluated evaluated;
  dual.evaluations = 1;
  if (!search.evaluate(best, evaluated)) {
    dual.infeasible = true;
    return dual;
  }
  double best_bound = evaluated.bound;
  std::vector<std::pair<double, std::vector<double>>> history{{best_bound, best}};

  std::vector<double> low(size, 0.0);
  std::vector<double> high(size, 4.0);
  for (std::size_t s = 0; s < size; ++s) {
    high[s] = std::max(4.0, 4.0 * std::fabs(best[s]));
    if (search.sides()[s].free) low[s] = -high[s];
  }
  Master master(size, low, high);
  master.add_cut(evaluated.loss, evaluated.gains.data());
  // Wentges' smoothing: look between the best multipliers and the master's.
  double smoothing = size > 1 ? 0.3 : 0.0;
  const int most = 200 + 200 * static_cast<int>(size);
  std::vector<double> values(size);
  bool converged = size == 0;
  while (!converged && dual.evaluations < most && control.tick(work)) {
    if (!master.solve()) smoothing = 0.0;
    const double gap = master.value() - best_bound;
    if (gap <= kConverged * (1.0 + std::fabs(best_bound))) {
      bool grown = false;
      for (std::size_t s = 0; s < size; ++s) {
        const double value = master.multipliers()[s];
        const bool top = value >= master.high(s) * (1.0 - 1e-9);
        const bool bottom = master.low(s) < 0.0 && value <= master.low(s) * (1.0 - 1e-9);
        if (!(top || bottom) || !master.at_side(s)) continue;
        const double side = 8.0 * master.high(s);
        if (side > 1e30) continue;
        master.set_box(s, master.low(s) < 0.0 ? -side : 0.0, side);
        grown = true;
      }
      if (!grown) break;
      if (best_bound * search.scale() > largest_loss) break;  // nothing feasible is that bad
      continue;
    }
    const std::vector<double>& target = master.multipliers();
    for (std::size_t s = 0; s < size; ++s) {
      values[s] = smoothing * best[s] + (1.0 - smoothing) * target[s];
    }
    ++dual.evaluations;
    search.evaluate(values, evaluated);
    master.add_cut(evaluated.loss, evaluated.gains.data());
    history.emplace_back(evaluated.bound, values);
    double at_target = evaluated.loss;
    for (std::size_t s = 0; s < size; ++s) at_target += evaluated.gains[s] * target[s];
    const bool cuts = at_target < master.value() - 0.1 * gap;
    if (evaluated.bound > best_bound) {
      best_bound = evaluated.bound;
      best = values;
    } else if (smoothing == 0.0 && !(at_target < master.value() - 0.5 * kConverged)) {
      break;  // the cut was there already: rounding is all that is left
    }
    smoothing = !cuts || gap < 1e-9 * (1.0 + std::fabs(best_bound)) ? 0.0 : (size > 1 ? 0.3 : 0.0);
  }
  dual.complete = control.limit() == Limit::kNone;
  dual.bound = best_bound * search.scale();
  dual.multipliers = search.rows_of(best);
  std::stable_sort(history.begin(), history.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [bound, point] : history) {
    if (dual.history.size() == kRemembered) break;
    if (point != best) dual.history.push_back(search.rows_of(point));
  }
  return dual;
}

}  // namespace mpsolve::paths
