#include "relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mpsolve::paths {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

}  // namespace

Relaxation::Relaxation(const Model& model) : model_(model) {
  const std::size_t width = model.rows.size();
  scale_.assign(width, 1.0);
  for (std::size_t r = 0; r < width; ++r) {
    std::int64_t most = 1;
    for (std::int32_t o = 0; o < model.num_options(); ++o) {
      most = std::max(most, model.usage_of(o)[r]);
    }
    scale_[r] = 1.0 / static_cast<double>(most);
    const Row& row = model.rows[r];
    upper_.push_back(static_cast<double>(row.upper) * scale_[r]);
    const double range = static_cast<double>(row.upper - row.lower) * scale_[r];
    range_.push_back(row.two_sided() ? range : kInfinity);
  }
}

bool Relaxation::load(const std::vector<std::int32_t>& options, const Basis* basis) {
  const std::size_t width = rows();
  group_.clear();
  begin_.assign(1, 0);
  option_.clear();
  owner_.clear();
  cost_.clear();
  decided_.assign(model_.group.size(), -1);
  decided_cost_ = CompensatedSum{};
  decided_total_.assign(width, 0);
  std::size_t next = 0;
  for (std::int32_t g = 0; g < model_.num_groups(); ++g) {
    const std::size_t first = next;
    while (next < options.size() && options[next] < model_.begin[at(g) + 1]) ++next;
    if (next == first) return false;
    if (next == first + 1) {
      decide(g, options[first]);
      continue;
    }
    for (std::size_t i = first; i < next; ++i) {
      option_.push_back(options[i]);
      owner_.push_back(group_.size());
      cost_.push_back(model_.loss[at(options[i])]);
    }
    group_.push_back(g);
    begin_.push_back(option_.size());
  }
  const std::size_t count = option_.size();
  weight_.resize(width * count);
  for (std::size_t p = 0; p < count; ++p) {
    for (std::size_t r = 0; r < width; ++r) {
      weight_[r * count + p] = static_cast<double>(model_.usage_of(option_[p])[r]) * scale_[r];
    }
  }
  flag_.assign(count, kFree);
  multiplier_.assign(width, 0.0);
  if (basis == nullptr || !start_from(*basis)) start_from_slacks();
  price_keys();
  return true;
}

void Relaxation::decide(std::int32_t group, std::int32_t option) {
  decided_[at(group)] = option;
  decided_cost_.add(model_.loss[at(option)]);
  for (std::size_t r = 0; r < rows(); ++r) decided_total_[r] += model_.usage_of(option)[r];
}

// False: some of the basis is gone.
bool Relaxation::start_from(const Basis& basis) {
  place_.resize(model_.option.size(), -1);
  for (std::size_t p = 0; p < option_.size(); ++p) {
    place_[at(option_[p])] = static_cast<std::ptrdiff_t>(p);
  }
  at_upper_ = basis.at_upper;
  basic_.clear();
  key_.assign(group_.size(), option_.size());
  bool whole = true;
  for (const std::int32_t variable : basis.basic) {
    basic_.push_back(variable < 0 ? variable : place_[at(variable)]);
    whole = whole && (variable < 0 || basic_.back() >= 0);
  }
  for (const std::int32_t key : basis.key) {
    const std::ptrdiff_t p = place_[at(key)];
    if (p >= 0) key_[owner_[static_cast<std::size_t>(p)]] = static_cast<std::size_t>(p);
  }
  for (const std::int32_t option : option_) place_[at(option)] = -1;
  if (!whole) return false;
  for (const std::ptrdiff_t variable : basic_) {
    if (variable >= 0) flag_[static_cast<std::size_t>(variable)] |= kBasic;
  }
  return invert();
}

void Relaxation::start_from_slacks() {
  for (std::uint8_t& flag : flag_) flag &= static_cast<std::uint8_t>(~kBasic);
  basic_.clear();
  at_upper_ = 0;
  for (std::size_t r = 0; r < rows(); ++r) basic_.push_back(-1 - static_cast<std::ptrdiff_t>(r));
  // Keys are the cheapest options, which `price_keys` finds.
  key_.assign(group_.size(), option_.size());
  invert();
}

void Relaxation::keep_only(std::int32_t group, const std::vector<std::int32_t>& options) {
  const auto found = std::lower_bound(group_.begin(), group_.end(), group);
  if (found == group_.end() || *found != group) return;
  const auto k = static_cast<std::size_t>(found - group_.begin());
  for (std::size_t p = begin_[k]; p < begin_[k + 1]; ++p) {
    if (std::find(options.begin(), options.end(), option_[p]) == options.end()) {
      flag_[p] |= kDropped;
    }
  }
}

void Relaxation::drop_above(double threshold) {
  for (std::size_t p = 0; p < option_.size(); ++p) {
    if (flag_[p] == kFree && key_[owner_[p]] != p && bound_with(p) >= threshold) {
      flag_[p] |= kDropped;
    }
  }
  compact();
}

double Relaxation::bound_with(std::size_t position) const {
  return bound_ - error_ + std::max(0.0, value_[position] - least_[owner_[position]]);
}

// Removes dropped options that are not in the basis, and the groups with one option left.
void Relaxation::compact() {
  const std::size_t width = rows();
  const std::size_t count = option_.size();
  std::vector<std::ptrdiff_t> place(count, -1);
  std::vector<std::size_t> kept;
  kept.reserve(count);
  std::size_t open = 0;
  std::vector<std::size_t> begin(1, 0);
  for (std::size_t k = 0; k < group_.size(); ++k) {
    const std::size_t first = kept.size();
    for (std::size_t p = begin_[k]; p < begin_[k + 1]; ++p) {
      if ((flag_[p] & kDropped) == 0 || (flag_[p] & kBasic) != 0 || key_[k] == p) kept.push_back(p);
    }
    if (kept.size() == first + 1 && (flag_[kept[first]] & kDropped) == 0) {
      const std::size_t p = kept[first];
      kept.pop_back();
      decide(group_[k], option_[p]);
      continue;
    }
    for (std::size_t i = first; i < kept.size(); ++i)
      place[kept[i]] = static_cast<std::ptrdiff_t>(i);
    group_[open] = group_[k];
    key_[open] = static_cast<std::size_t>(place[key_[k]]);
    if (k < least_.size() && open < least_.size()) least_[open] = least_[k];
    begin.push_back(kept.size());
    ++open;
  }
  if (kept.size() == count) return;
  group_.resize(open);
  key_.resize(open);
  begin_ = std::move(begin);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    option_[i] = option_[kept[i]];
    cost_[i] = cost_[kept[i]];
    value_[i] = value_[kept[i]];
    flag_[i] = flag_[kept[i]];
  }
  for (std::size_t k = 0; k < open; ++k) {
    for (std::size_t p = begin_[k]; p < begin_[k + 1]; ++p) owner_[p] = k;
  }
  for (std::size_t r = 0; r < width; ++r) {
    for (std::size_t i = 0; i < kept.size(); ++i) {
      weight_[r * kept.size() + i] = weight_[r * count + kept[i]];
    }
  }
  option_.resize(kept.size());
  owner_.resize(kept.size());
  cost_.resize(kept.size());
  value_.resize(kept.size());
  flag_.resize(kept.size());
  weight_.resize(width * kept.size());
  for (std::ptrdiff_t& variable : basic_) {
    if (variable >= 0) variable = place[static_cast<std::size_t>(variable)];
  }
}

// Values and the bound at given multipliers, computed anew.
void Relaxation::set_multiplier(const std::vector<double>& multiplier) {
  const std::size_t width = rows();
  const std::size_t count = option_.size();
  multiplier_ = multiplier;
  for (std::size_t r = 0; r < width; ++r) {
    if (std::isinf(range_[r])) multiplier_[r] = std::min(multiplier_[r], 0.0);
  }
  value_ = cost_;
  slope_.resize(count);
  for (std::size_t p = 0; p < count; ++p) slope_[p] = std::fabs(cost_[p]);
  for (std::size_t r = 0; r < width; ++r) {
    const double factor = multiplier_[r];
    const double size = std::fabs(factor);
    const double* const weight = weight_.data() + r * count;
    for (std::size_t p = 0; p < count; ++p) {
      value_[p] -= factor * weight[p];
      slope_[p] += size * weight[p];
    }
  }
  work_ += static_cast<std::int64_t>(count);
  CompensatedSum sum = decided_cost_;
  double magnitude = std::fabs(decided_cost_.value());
  for (std::size_t r = 0; r < width; ++r) {
    const double used = static_cast<double>(decided_total_[r]) * scale_[r];
    sum.add(multiplier_[r] * (upper_[r] - used));
    magnitude += std::fabs(multiplier_[r]) * (std::fabs(upper_[r]) + used);
    if (multiplier_[r] > 0.0) {
      sum.add(-multiplier_[r] * range_[r]);
      magnitude += multiplier_[r] * range_[r];
    }
  }
  least_.resize(group_.size());
  largest_ = decided_cost_.value();
  for (std::size_t k = 0; k < group_.size(); ++k) {
    double least = kInfinity;
    double most = 0.0;
    double dearest = 0.0;
    for (std::size_t p = begin_[k]; p < begin_[k + 1]; ++p) {
      if ((flag_[p] & kDropped) != 0) continue;
      least = std::min(least, value_[p]);
      most = std::max(most, slope_[p]);
      dearest = std::max(dearest, cost_[p]);
    }
    least_[k] = least;
    sum.add(least);
    magnitude += most;
    largest_ += dearest;
  }
  bound_ = sum.value();
  error_ = kEpsilon * (4.0 + static_cast<double>(width)) * magnitude;
}

std::vector<std::int32_t> Relaxation::options_of(std::size_t index) const {
  std::vector<std::int32_t> options;
  for (std::size_t p = begin_[index]; p < begin_[index + 1]; ++p) {
    if ((flag_[p] & kDropped) == 0) options.push_back(option_[p]);
  }
  return options;
}

std::vector<std::size_t> Relaxation::split_groups() const {
  std::vector<std::size_t> groups;
  for (std::size_t i = 0; i < rows(); ++i) {
    if (basic_[i] < 0 || share_[i] <= kFeasible) continue;
    const std::size_t k = owner_[static_cast<std::size_t>(basic_[i])];
    if (std::find(groups.begin(), groups.end(), k) != groups.end()) continue;
    const std::vector<Part> parts = parts_of(k);
    if (parts.size() > 1 || parts.front().option != option_[key_[k]]) groups.push_back(k);
  }
  return groups;
}

std::vector<Relaxation::Part> Relaxation::parts_of(std::size_t index) const {
  std::vector<Part> parts;
  double rest = 1.0;
  for (std::size_t i = 0; i < rows(); ++i) {
    if (basic_[i] < 0) continue;
    const auto p = static_cast<std::size_t>(basic_[i]);
    if (owner_[p] != index) continue;
    rest -= share_[i];
    if (share_[i] > kFeasible) parts.push_back({option_[p], share_[i]});
  }
  if (rest > kFeasible || parts.empty()) parts.push_back({option_[key_[index]], rest});
  return parts;
}

double Relaxation::price_of(std::int32_t option) const {
  double price = 0.0;
  for (std::size_t r = 0; r < rows(); ++r) {
    price -= multiplier_[r] * scale_[r] * static_cast<double>(model_.usage_of(option)[r]);
  }
  return price;
}

const std::vector<std::int32_t>& Relaxation::key_layout() {
  layout_ = decided_;
  for (std::size_t k = 0; k < group_.size(); ++k) layout_[at(group_[k])] = option_[key_[k]];
  return layout_;
}

std::vector<std::int64_t> Relaxation::key_usage() const {
  std::vector<std::int64_t> total = decided_total_;
  for (const std::size_t p : key_) {
    const std::int64_t* const usage = model_.usage_of(option_[p]);
    for (std::size_t r = 0; r < total.size(); ++r) total[r] += usage[r];
  }
  return total;
}

Relaxation::Basis Relaxation::basis() const {
  Basis out;
  out.at_upper = at_upper_;
  out.key.reserve(key_.size());
  for (const std::size_t p : key_) out.key.push_back(option_[p]);
  for (const std::ptrdiff_t variable : basic_) {
    out.basic.push_back(variable < 0 ? static_cast<std::int32_t>(variable)
                                     : option_[static_cast<std::size_t>(variable)]);
  }
  return out;
}

}  // namespace mpsolve::paths
