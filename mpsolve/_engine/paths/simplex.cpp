// The pivots of the relaxation.
#include <algorithm>
#include <cmath>

#include "inverse.hpp"
#include "relaxation.hpp"

namespace mpsolve::paths {
namespace {

constexpr double kPivot = 1e-9;  // entries below are too small to pivot on
constexpr double kSingular = 1e-14;
constexpr int kMostPivots = 400;

bool in_set(std::uint32_t set, std::size_t r) { return ((set >> r) & 1U) != 0; }

}  // namespace

// The best option of a group that was not dropped; the number of positions: none is left.
std::size_t Relaxation::cheapest(std::size_t index) const {
  std::size_t best = option_.size();
  for (std::size_t p = begin_[index]; p < begin_[index + 1]; ++p) {
    if ((flag_[p] & kDropped) != 0) continue;
    if (best == option_.size() || value_[p] < value_[best]) best = p;
  }
  return best;
}

// Values of all options, and the best ones as keys of the groups that are not split.
void Relaxation::price_keys() {
  set_multiplier(multiplier_);
  for (std::size_t k = 0; k < group_.size(); ++k) {
    if (!has_basic(k)) key_[k] = cheapest(k);
  }
}

// Gives groups whose key was dropped another key. False: there is none. A basis that became
// singular proves nothing, and the solve starts from the slacks.
bool Relaxation::settle_keys() {
  bool changed = false;
  for (std::size_t k = 0; k < group_.size(); ++k) {
    if ((flag_[key_[k]] & kDropped) == 0) continue;
    const std::size_t best = cheapest(k);
    if (best == option_.size()) return false;
    if (has_basic(k)) {
      swap_key(k);
    } else {
      key_[k] = best;
    }
    changed = true;
  }
  if (changed && !invert()) {
    start_from_slacks();
    price_keys();
  }
  return true;
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

// Inverts the basis and finds its multipliers. False: it is singular.
bool Relaxation::invert() {
  const std::size_t width = rows();
  matrix_.assign(width * width, 0.0);
  for (std::size_t c = 0; c < width; ++c) {
    if (basic_[c] < 0) {
      matrix_[static_cast<std::size_t>(-1 - basic_[c]) * width + c] = 1.0;
      continue;
    }
    const auto p = static_cast<std::size_t>(basic_[c]);
    const std::size_t key = key_[owner_[p]];
    if (key >= option_.size()) return false;
    for (std::size_t r = 0; r < width; ++r) matrix_[r * width + c] = entry(r, p) - entry(r, key);
  }
  if (!paths::invert(matrix_, inverse_, width, kSingular)) return false;
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
  return !(bound() >= threshold);
}

}  // namespace mpsolve::paths
