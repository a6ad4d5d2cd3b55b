// Depth first: decide one group after the other, with a bound by dual ascent at every step.
#pragma once

#include <functional>

#include "../control.hpp"
#include "state.hpp"

namespace mpsolve::dense {

// What a search shares with who asked for it.
struct Task {
  const Problem* problem = nullptr;
  // Layouts are wanted below this, in quanta; asked again whenever one was found.
  std::function<double()> threshold;
  // Called with a layout that keeps everything.
  std::function<void(const std::vector<std::int32_t>&)> found;
  Control* control = nullptr;
};

struct Searched {
  bool complete = false;
  double open = kInfinity;  // bound of what was left out
  std::int64_t nodes = 0;
};

// Raises a state's bound by sweeps, multipliers and fixing, until little comes of it or `rounds`
// are over. False: the part holds no layout below the threshold.
bool tighten(State& state, const Task& task, int rounds);

// Searches a part; at most `most_nodes` nodes, where that is not 0.
Searched search_depth_first(const State& state, const Task& task, std::int64_t most_nodes);

}  // namespace mpsolve::dense
