#include "quanta.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

// Multipliers that weigh more than this, relative to the losses, would make the quanta too coarse.
constexpr double kHeaviest = 4096.0;

double weight_of(const Model& model, const std::vector<double>& multipliers) {
  double sum = 0.0;
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    double most = 0.0;
    for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
      double price = 0.0;
      for (std::size_t r = 0; r < multipliers.size(); ++r) {
        price += std::fabs(multipliers[r]) * static_cast<double>(model.usage_of(o)[r]);
      }
      most = std::max(most, price);
    }
    sum += most;
  }
  return sum;
}

}  // namespace

Quanta::Quanta(const Model& model, const Sweep& sweep,
               const std::vector<std::vector<double>>& multipliers) {
  double losses = 0.0;
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    double most = 0.0;
    for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
      most = std::max(most, model.loss[at(o)]);
    }
    losses += most;
  }
  for (const ModelPair& pair : model.pairs) {
    double most = 0.0;
    for (const double value : pair.table) {
      if (!std::isinf(value)) most = std::max(most, std::fabs(value));
    }
    losses += 2.0 * most;
  }
  if (losses == 0.0) losses = 1.0;
  std::vector<std::vector<double>> vectors = multipliers;
  double heaviest = 0.0;
  for (std::vector<double>& vector : vectors) {
    const double weight = weight_of(model, vector);
    if (weight > kHeaviest * losses) {
      for (double& value : vector) value *= kHeaviest * losses / weight;
    }
    heaviest = std::max(heaviest, std::min(weight, kHeaviest * losses));
  }
  exponent_ = 56 - std::ilogb(losses + heaviest);

  const auto round = [this](double value) { return std::llround(std::ldexp(value, exponent_)); };
  std::int64_t unit = 0;
  option_.resize(model.option.size());
  for (std::size_t o = 0; o < option_.size(); ++o) {
    option_[o] = round(model.loss[o]) + round(model.rest[o]);
    if (unit != 1) unit = std::gcd(unit, option_[o]);
  }
  std::vector<std::vector<std::int64_t>> tables(model.pairs.size());
  for (std::size_t p = 0; p < tables.size(); ++p) {
    std::int64_t least = kForbidden;
    for (const double value : model.pairs[p].table) {
      tables[p].push_back(std::isinf(value) ? kForbidden : round(value));
      least = std::min(least, tables[p].back());
    }
    for (std::int64_t& value : tables[p]) {
      if (value == kForbidden) continue;
      value -= least;
      if (unit != 1) unit = std::gcd(unit, value);
    }
    shift_ += least;
  }
  unit_ = unit == 0 ? 1 : unit;
  arc_.assign(sweep.num_arcs(), 0);
  sweep.visit_pairs([&](std::size_t a, std::size_t pair, std::size_t entry) {
    arc_[a] = std::min(kForbidden, arc_[a] + tables[pair][entry]);
  });
  // Each option, table and multiplied usage is off by half a quantum, sums of float64 by a few
  // ulps.
  const std::size_t terms = 3 * model.group.size() + model.pairs.size();
  margin_ = static_cast<double>(terms) + 4096.0;
  for (const std::vector<double>& vector : vectors) add_bounds(model, sweep, vector);
}

void Quanta::add_bounds(const Model& model, const Sweep& sweep,
                        const std::vector<double>& multipliers) {
  NodeBounds bounds;
  for (const double value : multipliers) bounds.slope.push_back(std::ldexp(value, exponent_));
  bounds.price.resize(option_.size());
  std::int64_t shift = 0;
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
      double price = 0.0;
      for (std::size_t r = 0; r < multipliers.size(); ++r) {
        price += bounds.slope[r] * static_cast<double>(model.usage_of(o)[r]);
      }
      bounds.price[at(o)] = option_[at(o)] + std::llround(price);
      least = std::min(least, bounds.price[at(o)]);
    }
    for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
      bounds.price[at(o)] -= least;
    }
    bounds.least.push_back(least);
    shift += least;
  }
  go_back(sweep, arc_.data(), bounds.price.data(), kForbidden, bounds.back);
  const std::int64_t root = bounds.back.node[0];
  if (root >= kForbidden) infeasible_ = true;
  const double room = std::ldexp(room_price(model, multipliers), exponent_);
  bounds.constant = static_cast<double>(shift) - room;
  bounds.bound = static_cast<double>(root) + bounds.constant - margin_;
  bounds_.push_back(std::move(bounds));
}

double Quanta::best_bound() const {
  double best = -kInfinity;
  for (const NodeBounds& bounds : bounds_) best = std::max(best, bounds.bound);
  return best;
}

double Quanta::from_loss(const Model& model, double high, double low) const {
  const TwoSum difference = two_sum(high, -model.base.value());
  const double rest = difference.error + low - model.base.rest();
  return std::ldexp(difference.sum + rest, exponent_) - static_cast<double>(shift_);
}

CompensatedSum Quanta::to_loss(const Model& model, double quanta) const {
  CompensatedSum sum = model.base;
  sum.add(std::ldexp(quanta + static_cast<double>(shift_), -exponent_));
  return sum;
}

std::vector<char> Quanta::options_below(const Sweep& sweep, double threshold,
                                        std::vector<double>& least) const {
  std::vector<char> keep(option_.size(), 1);
  least.assign(option_.size(), -kInfinity);
  std::vector<std::int64_t> marginal;
  for (const NodeBounds& bounds : bounds_) {
    min_marginals(sweep, arc_.data(), bounds.price.data(), kForbidden, bounds.back, marginal,
                  option_.size());
    for (std::size_t o = 0; o < keep.size(); ++o) {
      const double value = marginal[o] >= kForbidden
                               ? kInfinity
                               : static_cast<double>(marginal[o]) + bounds.constant - margin_;
      least[o] = std::max(least[o], value);
      if (!(value < threshold)) keep[o] = 0;
    }
  }
  return keep;
}

}  // namespace mpsolve::paths
