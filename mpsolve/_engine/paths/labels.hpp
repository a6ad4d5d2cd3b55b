// The search that closes the gap: labels along the sweep, pruned by bounds and dominance.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "../control.hpp"
#include "model.hpp"
#include "quanta.hpp"
#include "sweep.hpp"

namespace mpsolve::paths {

struct LabelTask {
  const Model* model = nullptr;
  const Sweep* sweep = nullptr;
  const Quanta* quanta = nullptr;
  double threshold = kInfinity;  // only losses below it matter, in quanta
  double step_down = 0.0;        // how much better a further layout must be
  std::size_t cap = 0;           // labels of a list before it is cut or split
  std::size_t most_history = 0;  // entries that lead back from labels to layouts
  bool split = false;            // true: depth first over pieces; false: cut, and lose the proof
  // Told each better layout (options within the model's groups).
  std::function<void(const std::vector<std::int32_t>&)> found;
};

struct LabelOutcome {
  bool complete = true;  // nothing below the threshold was left out
  bool found = false;
  bool out_of_memory = false;
  double threshold = kInfinity;  // after the layouts found
  double open = kInfinity;       // least bound of what was left out
  std::int64_t labels = 0;
  std::size_t longest = 0;
  std::int64_t splits = 0;
};

LabelOutcome search_labels(const LabelTask& task, Control& control);

}  // namespace mpsolve::paths
