// The Python binding of the engine for couplings of any width.
#include "../paths/arrays.hpp"
#include "solver.hpp"

namespace nb = nanobind;

namespace {

using DenseOutcome = mpsolve::paths::Answer<mpsolve::dense::Outcome>;

}  // namespace

void bind_dense(nb::module_& module) {
  mpsolve::paths::bind_answer<mpsolve::dense::Outcome, &mpsolve::dense::solve>(
      module, "DenseOutcome", "solve_dense",
      "Solve couplings of any width, with budgets and inventories, exactly.")
      .def_prop_ro("root_bound", [](const DenseOutcome& r) { return r.outcome.root_bound; })
      .def_prop_ro("num_steps", [](const DenseOutcome& r) { return r.outcome.steps; })
      .def_prop_ro("num_starts", [](const DenseOutcome& r) { return r.outcome.starts; })
      .def_prop_ro("seconds_local", [](const DenseOutcome& r) { return r.outcome.local_seconds; });
}
