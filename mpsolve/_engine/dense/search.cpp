#include "search.hpp"

#include <algorithm>
#include <cmath>

namespace mpsolve::dense {
namespace {

constexpr int kRounds = 6;       // of sweeps at a node
constexpr double kSmall = 0.02;  // share of the gap that a round must win

// One level of the search: a part, and the options of one group still to be tried.
struct Level {
  State state;
  std::int32_t group = -1;
  std::vector<std::int32_t> options;
  std::size_t next = 0;
  double bound = 0.0;

  explicit Level(const State& start) : state(start) {}
};

// The group whose second best option costs most; among equals the one with fewest options.
std::int32_t choose_group(const State& state) {
  std::int32_t chosen = -1;
  double best = -1.0;
  for (const std::int32_t g : state.open()) {
    std::int64_t least = kForbidden;
    std::int64_t second = kForbidden;
    for (std::int32_t k = 0; k < state.count(g); ++k) {
      const std::int64_t value = state.unary(state.options(g)[k]);
      if (value < least) {
        second = least;
        least = value;
      } else {
        second = std::min(second, value);
      }
    }
    const double score = (static_cast<double>(second - least) + 1.0) / state.count(g);
    if (score > best) {
      best = score;
      chosen = g;
    }
  }
  return chosen;
}

void prepare(Level& level) {
  level.group = choose_group(level.state);
  level.next = 0;
  level.bound = level.state.bound();
  const std::int32_t* const first = level.state.options(level.group);
  level.options.assign(first, first + level.state.count(level.group));
  std::stable_sort(level.options.begin(), level.options.end(), [&](std::int32_t a, std::int32_t b) {
    return level.state.unary(a) < level.state.unary(b);
  });
}

}  // namespace

bool tighten(State& state, const Task& task, int rounds) {
  bool changed = false;
  if (!state.propagate(changed)) return false;
  for (int round = 0; round < rounds; ++round) {
    if (state.open().empty()) return true;
    const double threshold = task.threshold();
    const double before = state.bound();
    bool feasible = true;
    const std::int64_t work = state.sweep(feasible);
    if (!feasible) return false;
    state.price();
    const double after = state.bound();
    if (after >= threshold) return false;
    const std::int32_t removed = state.fix(threshold, feasible);
    if (!feasible || !state.propagate(changed)) return false;
    if (!task.control->tick(work)) return true;
    const bool gained = after - before > kSmall * (threshold - after);
    if (removed == 0 && !changed && !gained) break;
  }
  return true;
}

Searched search_depth_first(const State& state, const Task& task, std::int64_t most_nodes) {
  Searched result;
  std::vector<Level> levels;
  levels.reserve(state.open().size() + 1);
  const auto enter = [&](State& part) {
    ++result.nodes;
    task.control->count_labels(1);
    if (!tighten(part, task, kRounds)) return false;
    if (!part.open().empty()) return true;
    task.found(part.chosen());
    return false;
  };
  levels.emplace_back(state);
  if (!enter(levels.back().state)) {
    result.complete = true;
    return result;
  }
  prepare(levels.back());
  while (!levels.empty()) {
    const bool spent = most_nodes > 0 && result.nodes >= most_nodes;
    if (spent || task.control->limit() != Limit::kNone) {
      for (const Level& level : levels) result.open = std::min(result.open, level.bound);
      return result;
    }
    Level& level = levels.back();
    if (level.next == level.options.size()) {
      levels.pop_back();
      continue;
    }
    const std::int32_t option = level.options[level.next++];
    const double bound = level.state.bound() + static_cast<double>(level.state.unary(option));
    if (bound >= task.threshold()) continue;
    levels.emplace_back(level.state);
    State& part = levels.back().state;
    if (!part.decide(option) || !enter(part)) {
      levels.pop_back();
      continue;
    }
    prepare(levels.back());
  }
  result.complete = true;
  return result;
}

}  // namespace mpsolve::dense
