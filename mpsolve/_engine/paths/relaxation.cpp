#include "relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mpsolve::paths {
namespace {

constexpr double kFeasible = 1e-9;  // shares beyond their sides by less are rounding
constexpr double kPivot = 1e-9;     // entries below are too small to pivot on
constexpr int kMostPivots = 400;
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

bool in_set(std::uint32_t set, std::size_t r) { return ((set >> r) & 1U) != 0; }

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
  set_multiplier(multiplier_);
  for (std::size_t k = 0; k < group_.size(); ++k) {
    bool has_basic = false;
    std::size_t best = begin_[k];
    for (std::size_t p = begin_[k]; p < begin_[k + 1]; ++p) {
      has_basic = has_basic || flag_[p] != kFree;
      if (value_[p] < value_[best]) best = p;
    }
    if (!has_basic) key_[k] = best;
  }
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
  std::fill(flag_.begin(), flag_.end(), static_cast<std::uint8_t>(kFree));
  basic_.clear();
  at_upper_ = 0;
  for (std::size_t r = 0; r < rows(); ++r) basic_.push_back(-1 - static_cast<std::ptrdiff_t>(r));
  // Keys are the cheapest options, which `load` finds.
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

// Gives groups whose key was dropped another key. False: there is none.
bool Relaxation::settle_keys() {
  bool changed = false;
  for (std::size_t k = 0; k < group_.size(); ++k) {
    if ((flag_[key_[k]] & kDropped) == 0) continue;
    std::size_t best = option_.size();
    bool has_basic = false;
    for (std::size_t p = begin_[k]; p < begin_[k + 1]; ++p) {
      has_basic = has_basic || (flag_[p] & kBasic) != 0;
      if ((flag_[p] & kDropped) == 0 && (best == option_.size() || value_[p] < value_[best])) {
        best = p;
      }
    }
    if (best == option_.size()) return false;
    if (has_basic) {
      if (!swap_key(k)) return false;
    } else {
      key_[k] = best;
    }
    changed = true;
  }
  return !changed || invert();
}

// Makes a basic option of a group its key, and the key basic.
bool Relaxation::swap_key(std::size_t index) {
  std::size_t chosen = rows();
  bool chosen_is_dropped = true;
  for (std::size_t i = 0; i < rows(); ++i) {
    if (basic_[i] < 0 || owner_[static_cast<std::size_t>(basic_[i])] != index) continue;
    const bool dropped = (flag_[static_cast<std::size_t>(basic_[i])] & kDropped) != 0;
    if (chosen == rows() || (chosen_is_dropped && !dropped)) {
      chosen = i;
      chosen_is_dropped = dropped;
    }
  }
  if (chosen == rows()) return false;
  const auto next = static_cast<std::size_t>(basic_[chosen]);
  flag_[next] &= static_cast<std::uint8_t>(~kBasic);
  flag_[key_[index]] |= kBasic;
  basic_[chosen] = static_cast<std::ptrdiff_t>(key_[index]);
  key_[index] = next;
  return true;
}

// Inverts the basis by Gauss-Jordan with row pivoting, and finds its multipliers.
bool Relaxation::invert() {
  const std::size_t width = rows();
  std::vector<double>& matrix = matrix_;
  matrix.assign(width * width, 0.0);
  inverse_.assign(width * width, 0.0);
  for (std::size_t c = 0; c < width; ++c) {
    inverse_[c * width + c] = 1.0;
    if (basic_[c] < 0) {
      matrix[static_cast<std::size_t>(-1 - basic_[c]) * width + c] = 1.0;
      continue;
    }
    const auto p = static_cast<std::size_t>(basic_[c]);
    const std::size_t key = key_[owner_[p]];
    if (key >= option_.size()) return false;
    for (std::size_t r = 0; r < width; ++r) matrix[r * width + c] = entry(r, p) - entry(r, key);
  }
  for (std::size_t c = 0; c < width; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < width; ++r) {
      if (std::fabs(matrix[r * width + c]) > std::fabs(matrix[pivot * width + c])) pivot = r;
    }
    if (std::fabs(matrix[pivot * width + c]) < 1e-14) return false;
    for (std::size_t j = 0; j < width; ++j) {
      std::swap(matrix[c * width + j], matrix[pivot * width + j]);
      std::swap(inverse_[c * width + j], inverse_[pivot * width + j]);
    }
    const double scale = 1.0 / matrix[c * width + c];
    for (std::size_t j = 0; j < width; ++j) {
      matrix[c * width + j] *= scale;
      inverse_[c * width + j] *= scale;
    }
    for (std::size_t r = 0; r < width; ++r) {
      const double factor = matrix[r * width + c];
      if (r == c || factor == 0.0) continue;
      for (std::size_t j = 0; j < width; ++j) {
        matrix[r * width + j] -= factor * matrix[c * width + j];
        inverse_[r * width + j] -= factor * inverse_[c * width + j];
      }
    }
  }
  for (std::size_t r = 0; r < width; ++r) {
    multiplier_[r] = 0.0;
    for (std::size_t i = 0; i < width; ++i) {
      if (basic_[i] < 0) continue;
      const auto p = static_cast<std::size_t>(basic_[i]);
      multiplier_[r] += (cost_[p] - cost_[key_[owner_[p]]]) * inverse_[i * width + r];
    }
  }
  return true;
}

// Shares of the basic variables.
void Relaxation::place() {
  const std::size_t width = rows();
  std::vector<double>& room = room_;
  room.resize(width);
  for (std::size_t r = 0; r < width; ++r) {
    room[r] = upper_[r] - static_cast<double>(decided_total_[r]) * scale_[r];
    if (in_set(at_upper_, r)) room[r] -= range_[r];
    const double* const weight = weight_.data() + r * option_.size();
    for (const std::size_t p : key_) room[r] -= weight[p];
  }
  share_.assign(width, 0.0);
  for (std::size_t i = 0; i < width; ++i) {
    for (std::size_t r = 0; r < width; ++r) share_[i] += inverse_[i * width + r] * room[r];
  }
}

// The basic variable that is furthest beyond its sides; rows(): none. A key that is beyond becomes
// a basic variable first.
std::size_t Relaxation::leaving(bool& decrease, double& violation) {
  const std::size_t width = rows();
  for (int attempt = 0; attempt < 4; ++attempt) {
    std::size_t worst = width;
    std::size_t worst_key = group_.size();
    violation = kFeasible;
    for (std::size_t i = 0; i < width; ++i) {
      double most = kInfinity;
      if (basic_[i] < 0) {
        most = range_[static_cast<std::size_t>(-1 - basic_[i])];
      } else {
        const auto p = static_cast<std::size_t>(basic_[i]);
        if ((flag_[p] & kDropped) != 0) most = 0.0;
        const std::size_t k = owner_[p];
        double rest = 1.0;
        for (std::size_t j = 0; j < width; ++j) {
          if (basic_[j] >= 0 && owner_[static_cast<std::size_t>(basic_[j])] == k) rest -= share_[j];
        }
        const bool dropped = (flag_[key_[k]] & kDropped) != 0;
        const double beyond = dropped ? std::fabs(rest) : -rest;
        if (beyond > violation) {
          violation = beyond;
          worst = width;
          worst_key = k;
        }
      }
      const double beyond = std::max(-share_[i], share_[i] - most);
      if (beyond > violation) {
        violation = beyond;
        worst = i;
        worst_key = group_.size();
        decrease = share_[i] > most;
      }
    }
    if (worst_key == group_.size()) return worst;
    if (!swap_key(worst_key) || !invert()) return width;
    place();
  }
  return width;
}

// Goes as far in the direction of `row` as the bound rises, and brings the variable at which it
// stops into the basis, in place of that of the row. On the way groups without a basic option
// change their keys: steps past such changes are the long steps of the bound flipping ratio test
// [A. Koberstein, "The dual simplex method", thesis, Paderborn 2005, section 3.3]. False: nothing
// stops it.
bool Relaxation::pivot(std::size_t row, bool decrease, double violation) {
  const std::size_t width = rows();
  const std::size_t count = option_.size();
  const double* const rho = inverse_.data() + row * width;
  slope_.assign(count, 0.0);
  for (std::size_t r = 0; r < width; ++r) {
    const double factor = rho[r];
    if (factor == 0.0) continue;
    const double* const weight = weight_.data() + r * count;
    for (std::size_t p = 0; p < count; ++p) slope_[p] += factor * weight[p];
  }
  work_ += static_cast<std::int64_t>(count);
  const double sign = decrease ? 1.0 : -1.0;
  crossings_.clear();
  for (std::size_t k = 0; k < group_.size(); ++k) add_crossing(k, sign);
  std::uint32_t in_basis = 0;
  for (const std::ptrdiff_t variable : basic_) {
    if (variable < 0) in_basis |= 1U << static_cast<std::uint32_t>(-1 - variable);
  }
  // Slacks stop it for good.
  Crossing stop{kInfinity, 0.0, -1};
  for (std::size_t r = 0; r < width; ++r) {
    if (in_set(in_basis, r) || range_[r] == 0.0) continue;
    // A slack at its upper end moves down: both signs turn.
    const double turn = in_set(at_upper_, r) ? -1.0 : 1.0;
    const double size = sign * turn * rho[r];
    if (size <= kPivot) continue;
    const double where = std::max(0.0, -multiplier_[r] * turn) / size;
    if (where < stop.where || (where == stop.where && size > stop.size)) {
      stop = {where, size, -1 - static_cast<std::ptrdiff_t>(r)};
    }
  }
  // Most steps end at their first crossing: only then is the order of the others needed.
  bool is_heap = false;
  while (!crossings_.empty()) {
    const auto first = is_heap ? crossings_.begin()
                               : std::max_element(crossings_.begin(), crossings_.end(), later);
    const Crossing next = *first;
    if (next.where >= stop.where) break;
    if (is_heap) {
      std::pop_heap(crossings_.begin(), crossings_.end(), later);
      crossings_.pop_back();
    } else {
      *first = crossings_.back();
      crossings_.pop_back();
      if (violation > next.size) std::make_heap(crossings_.begin(), crossings_.end(), later);
      is_heap = true;
    }
    const auto p = static_cast<std::size_t>(next.variable);
    const std::size_t k = owner_[p];
    if (violation <= next.size || has_basic(k)) {
      stop = next;
      break;
    }
    violation -= next.size;
    key_[k] = p;
    if (add_crossing(k, sign)) std::push_heap(crossings_.begin(), crossings_.end(), later);
  }
  if (std::isinf(stop.where)) return false;
  const double step = sign * stop.where;
  for (std::size_t p = 0; p < count; ++p) value_[p] -= step * slope_[p];
  const std::ptrdiff_t left = basic_[row];
  if (left >= 0) {
    flag_[static_cast<std::size_t>(left)] &= static_cast<std::uint8_t>(~kBasic);
  } else {
    const auto bit = 1U << static_cast<std::uint32_t>(-1 - left);
    at_upper_ = decrease ? at_upper_ | bit : at_upper_ & ~bit;
  }
  basic_[row] = stop.variable;
  if (stop.variable >= 0) {
    flag_[static_cast<std::size_t>(stop.variable)] |= kBasic;
  } else {
    at_upper_ &= ~(1U << static_cast<std::uint32_t>(-1 - stop.variable));
  }
  return invert();
}

// Where the first other option of a group becomes as good as its key. False: nowhere.
bool Relaxation::add_crossing(std::size_t index, double sign) {
  const std::size_t key = key_[index];
  Crossing first{kInfinity, 0.0, -1};
  for (std::size_t p = begin_[index]; p < begin_[index + 1]; ++p) {
    if (flag_[p] != kFree) continue;
    const double size = sign * (slope_[p] - slope_[key]);
    if (size <= kPivot) continue;
    const double where = std::max(0.0, value_[p] - value_[key]) / size;
    if (where < first.where || (where == first.where && size > first.size)) {
      first = {where, size, static_cast<std::ptrdiff_t>(p)};
    }
  }
  if (first.variable < 0) return false;
  crossings_.push_back(first);
  return true;
}

bool Relaxation::has_basic(std::size_t index) const {
  for (const std::ptrdiff_t variable : basic_) {
    if (variable >= 0 && owner_[static_cast<std::size_t>(variable)] == index) return true;
  }
  return false;
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

// Whether the bound goes beyond the threshold along a direction in which it only rises.
bool Relaxation::ray_beats(std::size_t row, bool decrease, double violation, double threshold) {
  const std::size_t width = rows();
  const std::vector<double> start = multiplier_;
  const std::vector<double> direction(
      inverse_.begin() + static_cast<std::ptrdiff_t>(row * width),
      inverse_.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
  set_multiplier(start);
  const double goal = std::min(threshold, largest_ * (1.0 + 1e-6) + 1e-300);
  double step = 2.0 * std::max(goal - bound_, 1e-12 * std::fabs(goal)) / violation;
  for (int attempt = 0; attempt < 6; ++attempt, step *= 8.0) {
    std::vector<double> moved = start;
    for (std::size_t r = 0; r < width; ++r) moved[r] += (decrease ? step : -step) * direction[r];
    set_multiplier(moved);
    if (bound() >= goal) return true;
  }
  set_multiplier(start);
  return false;
}

bool Relaxation::solve(double threshold) {
  if (!settle_keys()) return false;
  set_multiplier(multiplier_);
  if (bound() >= threshold) return false;
  for (int count = 0; count < kMostPivots; ++count) {
    place();
    bool decrease = false;
    double violation = 0.0;
    const std::size_t row = leaving(decrease, violation);
    if (row == rows()) break;
    if (!pivot(row, decrease, violation)) {
      if (ray_beats(row, decrease, violation, threshold)) return false;
      break;
    }
  }
  set_multiplier(multiplier_);
  return bound() < threshold;
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
