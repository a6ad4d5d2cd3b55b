// Couplings of any width, with budgets: local search, bounds by dual ascent, branching.
#pragma once

#include "../control.hpp"
#include "../paths/input.hpp"
#include "../paths/solver.hpp"

namespace mpsolve::dense {

using paths::Input;
using paths::Parameters;
using paths::Reason;

struct Outcome {
  Reason reason = Reason::kNoSolutionFound;
  bool out_of_memory = false;
  std::vector<std::int32_t> layout;  // empty: none
  double loss = 0.0;
  double bound = 0.0;
  std::vector<double> multipliers;  // by budget
  // Counters.
  std::int64_t nodes = 0;
  std::int64_t steps = 0;        // of Newton's method
  std::int64_t starts = 0;       // of the local search
  std::int32_t core_groups = 0;  // left after the root
  std::int32_t core_options = 0;
  double root_bound = 0.0;
  double local_seconds = 0.0;
};

Outcome solve(const Input& input, const Parameters& parameters, Control& control);

}  // namespace mpsolve::dense
