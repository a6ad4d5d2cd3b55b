#include "improve.hpp"

#include <algorithm>
#include <cmath>

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

constexpr std::int32_t kPatience = 6;     // steps on one side before its weight changes
constexpr double kAdapt = 1.25;           // by how much
constexpr std::int64_t kLeastTenure = 3;  // steps that a changed group stays
constexpr std::int64_t kStale = 40;       // steps a group without improvement, before a shake

}  // namespace

Improver::Improver(const Model& model, const std::vector<double>& multipliers, std::uint64_t seed)
    : model_(model), multipliers_(multipliers), near_(model.group.size()), state_(seed) {
  double most = 0.0;
  for (const double value : multipliers_) most = std::max(most, std::fabs(value));
  for (std::size_t r = 0; r < model.rows.size(); ++r) {
    // Where a budget costs nothing at first, a thousandth of its range costs as the others do.
    const double least = 1e-3 * most;
    weight_.push_back(2.0 * std::max(std::fabs(multipliers_[r]), least > 0.0 ? least : 1e-9));
  }
  double largest = 0.0;
  for (const double value : model.loss) largest = std::max(largest, value);
  for (std::size_t p = 0; p < model.pairs.size(); ++p) {
    const ModelPair& pair = model.pairs[p];
    near_[at(pair.first)].push_back({pair.second, static_cast<std::int32_t>(p), true});
    near_[at(pair.second)].push_back({pair.first, static_cast<std::int32_t>(p), false});
    for (const double value : pair.table) {
      if (!std::isinf(value)) largest = std::max(largest, value);
    }
  }
  forbidden_ = 100.0 * largest + 1.0;
  total_.resize(model.rows.size());
  broken_.assign(model.rows.size(), 0);
  tabu_.assign(model.group.size(), 0);
  cost_.resize(model.option.size());
}

void Improver::start(const std::vector<std::int32_t>& layout) {
  layout_ = layout.empty() ? cheapest() : layout;
  best_layout_ = layout_;
  evaluate();
}

std::vector<std::int32_t> Improver::cheapest() const {
  std::vector<std::int32_t> layout(model_.group.size(), 0);
  for (std::int32_t g = 0; g < model_.num_groups(); ++g) {
    double least = kInfinity;
    for (std::int32_t o = model_.begin[at(g)]; o < model_.begin[at(g) + 1]; ++o) {
      double value = model_.loss[at(o)];
      for (std::size_t r = 0; r < model_.rows.size(); ++r) {
        value += multipliers_[r] * static_cast<double>(model_.usage_of(o)[r]);
      }
      if (value < least) {
        least = value;
        layout[at(g)] = o - model_.begin[at(g)];
      }
    }
  }
  return layout;
}

double Improver::entry(const Neighbour& neighbour, std::int32_t own, std::int32_t other) const {
  const ModelPair& pair = model_.pairs[at(neighbour.pair)];
  const std::int32_t columns = model_.size(pair.second);
  const std::int32_t row = neighbour.first ? own : other;
  const std::int32_t column = neighbour.first ? other : own;
  const double value = pair.table[at(row * columns + column)];
  return std::isinf(value) ? forbidden_ : value;
}

void Improver::evaluate() {
  std::fill(total_.begin(), total_.end(), 0);
  std::copy(model_.loss.begin(), model_.loss.end(), cost_.begin());
  loss_ = 0.0;
  for (std::int32_t g = 0; g < model_.num_groups(); ++g) {
    const std::int32_t first = model_.begin[at(g)];
    const std::int64_t* const usage = model_.usage_of(first + layout_[at(g)]);
    for (std::size_t r = 0; r < total_.size(); ++r) total_[r] += usage[r];
    loss_ += model_.loss[at(first + layout_[at(g)])];
    for (const Neighbour& neighbour : near_[at(g)]) {
      for (std::int32_t j = 0; j < model_.size(g); ++j) {
        cost_[at(first + j)] += entry(neighbour, j, layout_[at(neighbour.group)]);
      }
      if (neighbour.first) loss_ += entry(neighbour, layout_[at(g)], layout_[at(neighbour.group)]);
    }
  }
}

double Improver::violation(std::size_t row, std::int64_t total) const {
  const Row& side = model_.rows[row];
  const std::int64_t over = total > side.upper ? total - side.upper : 0;
  const std::int64_t under = total < side.lower ? side.lower - total : 0;
  return static_cast<double>(over + under);
}

bool Improver::feasible() const {
  for (std::size_t r = 0; r < total_.size(); ++r) {
    if (total_[r] > model_.rows[r].upper || total_[r] < model_.rows[r].lower) return false;
  }
  return true;
}

void Improver::place(std::int32_t group, std::int32_t option) {
  const std::int32_t first = model_.begin[at(group)];
  const std::int32_t old = layout_[at(group)];
  loss_ += cost_[at(first + option)] - cost_[at(first + old)];
  for (std::size_t r = 0; r < total_.size(); ++r) {
    total_[r] += model_.usage_of(first + option)[r] - model_.usage_of(first + old)[r];
  }
  layout_[at(group)] = option;
  for (const Neighbour& neighbour : near_[at(group)]) {
    const std::int32_t other = model_.begin[at(neighbour.group)];
    for (std::int32_t k = 0; k < model_.size(neighbour.group); ++k) {
      cost_[at(other + k)] += entry(neighbour, option, k) - entry(neighbour, old, k);
    }
  }
}

void Improver::adapt() {
  for (std::size_t r = 0; r < total_.size(); ++r) {
    const bool broken = violation(r, total_[r]) > 0.0;
    std::int32_t& run = broken_[r];
    run = broken ? std::max(run, 0) + 1 : std::min(run, 0) - 1;
    if (run >= kPatience) {
      weight_[r] *= kAdapt;
      run = 0;
    } else if (run <= -kPatience) {
      weight_[r] /= kAdapt;
      run = 0;
    }
  }
}

// Back to the best layout, with some groups changed at random.
void Improver::shake() {
  layout_ = best_layout_;
  evaluate();
  const std::uint64_t groups = model_.group.size();
  for (std::uint64_t count = 1 + groups / 20; count > 0; --count) {
    const auto group = static_cast<std::int32_t>(random() % groups);
    const auto size = static_cast<std::uint64_t>(model_.size(group));
    place(group, static_cast<std::int32_t>(random() % size));
  }
  last_improved_ = step_;
}

std::uint64_t Improver::random() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

void Improver::run(std::int64_t work, double best, const Found& found, Control& control) {
  const std::size_t rows = total_.size();
  std::vector<std::int64_t> without(rows);
  std::vector<double> now(rows);
  const std::int64_t stale = kStale * std::max<std::int64_t>(model_.num_groups(), 10);
  for (std::int64_t done = 0; done < work; done += model_.num_options()) {
    if (!control.tick(model_.num_options())) return;
    ++step_;
    double penalty = 0.0;
    for (std::size_t r = 0; r < rows; ++r) penalty += weight_[r] * violation(r, total_[r]);
    double least = kInfinity;
    std::int32_t group = -1;
    std::int32_t option = 0;
    for (std::int32_t g = 0; g < model_.num_groups(); ++g) {
      const bool tabu = tabu_[at(g)] > step_;
      const std::int32_t first = model_.begin[at(g)];
      const std::int32_t old = layout_[at(g)];
      for (std::size_t r = 0; r < rows; ++r) {
        without[r] = total_[r] - model_.usage_of(first + old)[r];
      }
      const double own = cost_[at(first + old)];
      for (std::int32_t j = 0; j < model_.size(g); ++j) {
        if (j == old) continue;
        double value = cost_[at(first + j)] - own - penalty;
        const std::int64_t* const usage = model_.usage_of(first + j);
        bool keeps = true;
        for (std::size_t r = 0; r < rows; ++r) {
          const double broken = violation(r, without[r] + usage[r]);
          value += weight_[r] * broken;
          keeps &= broken == 0.0;
        }
        // A tabu group may move to a layout that is better than any before.
        if (tabu && !(keeps && loss_ + cost_[at(first + j)] - own < best)) continue;
        if (value < least) {
          least = value;
          group = g;
          option = j;
        }
      }
    }
    if (group >= 0) {
      place(group, option);
      const std::int64_t spread = 8 + model_.num_groups() / 16;
      tabu_[at(group)] = step_ + kLeastTenure +
                         static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(spread));
    }
    if (loss_ < best && feasible()) {
      best = loss_;
      best_layout_ = layout_;
      last_improved_ = step_;
      found(layout_);
    }
    adapt();
    if (step_ - last_improved_ > stale) shake();
  }
}

}  // namespace mpsolve::paths
