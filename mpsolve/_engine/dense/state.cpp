#include "state.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mpsolve::dense {
namespace {

constexpr int kHalvings = 12;

}  // namespace

State::State(const Problem& problem)
    : problem_(&problem),
      live_(at(problem.num_options)),
      count_(at(problem.num_groups)),
      unary_(problem.loss),
      message_(at(problem.num_options) * at(problem.num_groups), 0),
      used_(problem.rows.size(), 0),
      slope_(problem.rows.size(), 0.0),
      chosen_(at(problem.num_groups), -1) {
  for (std::int32_t g = 0; g < problem.num_groups; ++g) {
    open_.push_back(g);
    count_[at(g)] = problem.size(g);
  }
  for (std::int32_t o = 0; o < problem.num_options; ++o) live_[at(o)] = o;
  for (const std::int32_t g : open_) settle(g);
  // What every entry of a pair costs at least.
  for (std::int32_t g = 0; g < problem.num_groups; ++g) {
    for (std::int32_t h = g + 1; h < problem.num_groups; ++h) {
      std::int64_t least = kForbidden;
      for (std::int32_t a = problem.begin[at(g)]; a < problem.begin[at(g) + 1]; ++a) {
        const std::int64_t* const row = problem.table.data() + at(a) * at(problem.num_options);
        least = std::min(
            least, *std::min_element(row + problem.begin[at(h)], row + problem.begin[at(h) + 1]));
      }
      if (least == 0 || is_forbidden(least)) continue;
      base_ += least;
      for (std::int32_t a = problem.begin[at(g)]; a < problem.begin[at(g) + 1]; ++a) {
        messages(a)[at(h)] = least;
      }
    }
  }
}

double State::bound() const {
  double room = 0.0;
  for (std::size_t r = 0; r < slope_.size(); ++r) {
    const Row& row = problem_->rows[r];
    room += slope_[r] * static_cast<double>(slope_[r] > 0.0 ? row.upper : row.lower);
  }
  // Each price is rounded once for every group.
  const std::size_t prices = room == 0.0 ? 0 : slope_.size() * at(problem_->num_groups) + 1;
  return static_cast<double>(base_) - room - static_cast<double>(prices) - std::fabs(room) * 1e-15;
}

bool State::decide(std::int32_t option) {
  const std::int32_t g = problem_->group[at(option)];
  open_.erase(std::find(open_.begin(), open_.end(), g));
  chosen_[at(g)] = option;
  count_[at(g)] = 1;
  live_[begin(g)] = option;
  base_ += unary_[at(option)];
  for (std::size_t r = 0; r < used_.size(); ++r) used_[r] += problem_->usage_of(r, option);
  const std::int64_t* const row = problem_->table.data() + at(option) * at(problem_->num_options);
  for (const std::int32_t h : open_) {
    const std::int64_t given = messages(option)[at(h)];
    for (std::int32_t k = count_[at(h)] - 1; k >= 0; --k) {
      const std::int32_t b = live_[begin(h) + at(k)];
      if (is_forbidden(row[b])) {
        if (!remove(h, k)) return false;
        continue;
      }
      unary_[at(b)] += row[b] - given - messages(b)[at(g)];
    }
    if (!settle(h)) return false;
  }
  return true;
}

bool State::remove(std::int32_t g, std::int32_t k) {
  std::int32_t& count = count_[at(g)];
  std::int32_t* const live = live_.data() + begin(g);
  std::copy(live + k + 1, live + count, live + k);
  return --count > 0;
}

bool State::propagate(bool& changed) {
  changed = false;
  for (bool again = true; again;) {
    again = false;
    for (std::size_t r = 0; r < used_.size(); ++r) {
      const Row& row = problem_->rows[r];
      std::int64_t least = used_[r];
      std::int64_t most = used_[r];
      for (const std::int32_t g : open_) {
        std::int64_t low = std::numeric_limits<std::int64_t>::max();
        std::int64_t high = 0;
        for (std::int32_t k = 0; k < count_[at(g)]; ++k) {
          const std::int64_t usage = problem_->usage_of(r, live_[begin(g) + at(k)]);
          low = std::min(low, usage);
          high = std::max(high, usage);
        }
        least += low;
        most += high;
      }
      if (least > row.upper || most < row.lower) return false;
      if (most <= row.upper && least >= row.lower) continue;
      for (const std::int32_t g : open_) {
        std::int64_t low = std::numeric_limits<std::int64_t>::max();
        std::int64_t high = 0;
        for (std::int32_t k = 0; k < count_[at(g)]; ++k) {
          const std::int64_t usage = problem_->usage_of(r, live_[begin(g) + at(k)]);
          low = std::min(low, usage);
          high = std::max(high, usage);
        }
        for (std::int32_t k = count_[at(g)] - 1; k >= 0; --k) {
          const std::int64_t usage = problem_->usage_of(r, live_[begin(g) + at(k)]);
          if (least - low + usage <= row.upper && most - high + usage >= row.lower) continue;
          if (!remove(g, k)) return false;
          again = true;
        }
      }
    }
    for (std::size_t p = 0; p < open_.size();) {
      const std::int32_t g = open_[p];
      if (count_[at(g)] > 1) {
        ++p;
        continue;
      }
      if (!decide(live_[begin(g)])) return false;
      again = true;
      p = 0;
    }
    changed |= again;
  }
  return true;
}

// Takes all that pairs with open groups cost at least to the options of a group.
bool State::pull(std::int32_t g) {
  const std::size_t width = at(problem_->num_options);
  const std::size_t groups = at(problem_->num_groups);
  for (std::int32_t k = count_[at(g)] - 1; k >= 0; --k) {
    const std::int32_t a = live_[begin(g) + at(k)];
    const std::int64_t* const row = problem_->table.data() + at(a) * width;
    std::int64_t* const given = messages(a);
    std::int64_t gained = 0;
    bool possible = true;
    for (const std::int32_t h : open_) {
      if (h == g) continue;
      const std::int32_t* const live = live_.data() + begin(h);
      std::int64_t least = std::numeric_limits<std::int64_t>::max();
      for (std::int32_t q = 0; q < count_[at(h)]; ++q) {
        const std::size_t b = at(live[q]);
        least = std::min(least, row[b] - message_[b * groups + at(g)]);
      }
      if (is_forbidden(least)) {
        possible = false;
        break;
      }
      least -= given[at(h)];
      given[at(h)] += least;
      gained += least;
    }
    if (!possible) {
      if (!remove(g, k)) return false;
      continue;
    }
    unary_[at(a)] += gained;
  }
  return settle(g);
}

// Takes what every option of a group costs to the base.
bool State::settle(std::int32_t g) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  const std::int32_t* const live = live_.data() + begin(g);
  for (std::int32_t k = 0; k < count_[at(g)]; ++k) least = std::min(least, unary_[at(live[k])]);
  if (count_[at(g)] == 0) return false;
  for (std::int32_t k = 0; k < count_[at(g)]; ++k) unary_[at(live[k])] -= least;
  base_ += least;
  return true;
}

// Gives a share of what options of a group cost to their pairs with open_[first .. last).
void State::push(std::int32_t g, std::size_t first, std::size_t last, std::int64_t share) {
  for (std::int32_t k = 0; k < count_[at(g)]; ++k) {
    const std::int32_t a = live_[begin(g) + at(k)];
    const std::int64_t part = unary_[at(a)] / share;
    if (part == 0) continue;
    std::int64_t* const given = messages(a);
    for (std::size_t p = first; p < last; ++p) given[at(open_[p])] -= part;
    unary_[at(a)] -= part * static_cast<std::int64_t>(last - first);
  }
}

std::int64_t State::sweep(bool& feasible) {
  const std::size_t groups = open_.size();
  feasible = true;
  std::int64_t work = 0;
  for (int direction = 0; direction < 2; ++direction) {
    for (std::size_t step = 0; step < groups; ++step) {
      const std::size_t p = direction == 0 ? step : groups - 1 - step;
      if (!pull(open_[p])) {
        feasible = false;
        return work;
      }
      work += static_cast<std::int64_t>(groups);
      const std::size_t share = std::max<std::size_t>({p, groups - 1 - p, 1});
      if (direction == 0) {
        push(open_[p], p + 1, groups, static_cast<std::int64_t>(share));
      } else {
        push(open_[p], 0, p, static_cast<std::int64_t>(share));
      }
    }
  }
  return 16 * work;
}

std::int64_t State::priced(std::size_t row, double slope, std::int32_t o) const {
  return std::llround(slope * static_cast<double>(problem_->usage_of(row, o)));
}

// What the options cost at least under another multiplier of one row, and the usage that has.
double State::dual(std::size_t row, double slope, double& usage) const {
  const double change = slope - slope_[row];
  double sum = 0.0;
  std::int64_t total = used_[row];
  for (const std::int32_t g : open_) {
    double least = kInfinity;
    std::int64_t takes = 0;
    for (std::int32_t k = 0; k < count_[at(g)]; ++k) {
      const std::int32_t o = live_[begin(g) + at(k)];
      const std::int64_t usage_of = problem_->usage_of(row, o);
      const double cost =
          static_cast<double>(unary_[at(o)]) + change * static_cast<double>(usage_of);
      if (cost < least || (cost == least && usage_of < takes)) {
        least = cost;
        takes = usage_of;
      }
    }
    sum += least;
    total += takes;
  }
  usage = static_cast<double>(total);
  const Row& limits = problem_->rows[row];
  const double side = static_cast<double>(slope > 0.0 ? limits.upper : limits.lower);
  return sum - slope * (side - static_cast<double>(used_[row]));
}

// The multiplier of a row that the options' losses call for, all others kept.
double State::best_slope(std::size_t r) const {
  const Row& row = problem_->rows[r];
  double usage = 0.0;
  double chosen = slope_[r];
  double best = dual(r, chosen, usage);
  // The dual is concave, and its slope is the usage beyond the side.
  double sign = 1.0;
  const auto beyond = [&](double slope) {
    const double value = dual(r, sign * slope, usage);
    if (value > best) {
      best = value;
      chosen = sign * slope;
    }
    return sign > 0.0 ? usage > static_cast<double>(row.upper)
                      : usage < static_cast<double>(row.lower);
  };
  if (!beyond(0.0)) {
    if (row.lower <= 0) return chosen;
    sign = -1.0;
    if (!beyond(0.0)) return chosen;
  }
  // So that all prices together stay far below what an integer holds.
  const double most = 8.0 * static_cast<double>(problem_->total) /
                      static_cast<double>(std::max<std::int64_t>(row.most, 1));
  double low = 0.0;
  double high = slope_[r] * sign > 0.0 ? slope_[r] * sign : std::ldexp(most, -24);
  if (beyond(high)) {
    while (low < high) {
      low = high;
      high = std::min(most, 4.0 * high);
      if (!beyond(high)) break;
    }
  } else {
    while (high > std::ldexp(most, -50)) {
      low = 0.25 * high;
      if (beyond(low)) break;
      high = low;
    }
  }
  for (int step = 0; step < kHalvings && low < high; ++step) {
    const double middle = 0.5 * (low + high);
    (beyond(middle) ? low : high) = middle;
  }
  return chosen;
}

void State::price() {
  for (std::size_t r = 0; r < slope_.size(); ++r) {
    const double slope = best_slope(r);
    if (slope == slope_[r]) continue;
    for (const std::int32_t g : open_) {
      for (std::int32_t k = 0; k < count_[at(g)]; ++k) {
        const std::int32_t o = live_[begin(g) + at(k)];
        unary_[at(o)] += priced(r, slope, o) - priced(r, slope_[r], o);
      }
    }
    // What is decided keeps its usage, at the new price.
    for (const std::int32_t o : chosen_) {
      if (o >= 0) base_ += priced(r, slope, o) - priced(r, slope_[r], o);
    }
    slope_[r] = slope;
    for (const std::int32_t g : open_) settle(g);
  }
}

std::int32_t State::fix(double threshold, bool& feasible) {
  const double room = threshold - bound();
  std::int32_t removed = 0;
  feasible = true;
  for (const std::int32_t g : open_) {
    for (std::int32_t k = count_[at(g)] - 1; k >= 0; --k) {
      const std::int32_t o = live_[begin(g) + at(k)];
      if (static_cast<double>(unary_[at(o)]) < room) continue;
      ++removed;
      if (!remove(g, k)) {
        feasible = false;
        return removed;
      }
    }
  }
  return removed;
}

}  // namespace mpsolve::dense
