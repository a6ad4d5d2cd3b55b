#include "known.hpp"

#include <algorithm>
#include <cmath>

namespace mpsolve::paths {
namespace {

constexpr double kTiny = 1e-9;  // relative gaps up to this do not prune

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

}  // namespace

double difference(const CompensatedSum& a, const CompensatedSum& b) {
  return (a.value() - b.value()) + (a.rest() - b.rest());
}

double step_down(const Quanta& quanta) {
  const double unit = static_cast<double>(quanta.unit());
  return unit > 4.0 * quanta.margin() ? unit - quanta.margin() : quanta.margin();
}

Known::Known(const Input& input, double abs_gap, double rel_gap)
    : input_(input), abs_gap_(abs_gap), rel_gap_(rel_gap) {
  bound_.add(trivial_bound(input_));
}

double Known::incumbent_loss() const {
  return best_.feasible ? best_.high : std::numeric_limits<double>::quiet_NaN();
}

void Known::offer(const std::vector<std::int32_t>& layout) {
  const Evaluation value = evaluate(input_, layout.data());
  if (!value.better_than(best_)) return;
  best_ = value;
  layout_ = layout;
}

void Known::raise_bound(const CompensatedSum& bound) {
  if (difference(bound, bound_) > 0.0) bound_ = bound;
}

CompensatedSum Known::best_loss() const {
  CompensatedSum sum;
  sum.add(best_.high);
  sum.add(best_.low);
  return sum;
}

double Known::allowed_gap() const { return std::max(abs_gap_, rel_gap_ * std::fabs(best_.high)); }

bool Known::gap_closed() const {
  return best_.feasible && difference(best_loss(), bound_) <= allowed_gap();
}

double Known::free_gap() const {
  const double allowed = allowed_gap();
  return allowed <= 1.001 * kTiny * std::fabs(best_.high) ? 0.0 : allowed;
}

double Known::threshold(const Model& model, const Quanta& quanta) const {
  if (!best_.feasible) return kInfinity;
  const double loss = quanta.from_loss(model, best_.high, best_.low);
  const double gap = std::ldexp(free_gap(), quanta.exponent());
  return loss - std::max(gap, step_down(quanta));
}

double Known::loss_within(const Model& model) const {
  return best_.feasible ? difference(best_loss(), model.base) : kInfinity;
}

std::vector<std::int32_t> Known::contract(const Model& model) const {
  if (!best_.feasible) return {};
  std::vector<std::int32_t> layout(model.group.size(), -1);
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    const std::int32_t chosen = layout_[at(model.group[at(g)])];
    for (std::int32_t j = 0; j < model.size(g); ++j) {
      if (model.option[at(model.begin[at(g)] + j)] == chosen) layout[at(g)] = j;
    }
    if (layout[at(g)] < 0) return {};
  }
  return layout;
}

}  // namespace mpsolve::paths
