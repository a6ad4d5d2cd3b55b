// What the steps of a solve share.
#pragma once

#include <optional>
#include <vector>

#include "../control.hpp"
#include "input.hpp"
#include "known.hpp"
#include "model.hpp"
#include "quanta.hpp"
#include "solver.hpp"

namespace mpsolve::paths {

enum class Verdict {
  kGoOn,
  kDecided,  // the best layout is optimal, or there is none (below the cutoff, if there is one)
  kStopped,
};

struct Session {
  Session(const Input& problem, const Parameters& asked, Control& limits)
      : input(problem),
        parameters(asked),
        control(limits),
        known(problem, asked.abs_gap, asked.rel_gap),
        multipliers(problem.budgets.size(), 0.0) {}

  // What must be beaten, in quanta of a model.
  double threshold(const Model& model, const Quanta& quanta) const;
  // The same in the model's terms, where a rounding error does not count as beaten.
  double threshold_within(const Model& model) const;
  // Below a cutoff, no more than the cutoff is proven.
  void raise_bound(const CompensatedSum& bound);

  const Input& input;
  const Parameters& parameters;
  Control& control;
  Outcome outcome;
  Known known;
  std::vector<double> multipliers;           // of the caller's budgets
  std::vector<std::vector<double>> history;  // other ones with good bounds
  std::optional<CompensatedSum> cutoff;  // of the window that is searched as a problem of its own
};

}  // namespace mpsolve::paths
