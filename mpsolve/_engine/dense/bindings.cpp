// The Python binding of the engine for couplings of any width.
#include "../paths/arrays.hpp"
#include "solver.hpp"

namespace nb = nanobind;

namespace {

using mpsolve::Control;
using mpsolve::Limit;
using mpsolve::PythonHost;
using namespace mpsolve::paths;

struct DenseOutcome {
  mpsolve::dense::Outcome outcome;
  Limit limit;
};

DenseOutcome solve_dense(const Floats& loss, const Integers& offsets,
                         const std::vector<Integers>& usages,
                         const std::vector<std::optional<std::int64_t>>& lower,
                         const std::vector<std::optional<std::int64_t>>& upper, const Pairs& pairs,
                         const std::vector<Table>& tables, double abs_gap, double rel_gap,
                         double time_limit, std::size_t memory_limit, std::int64_t label_limit,
                         std::optional<Choices> hint, nb::object progress) {
  const Input input = input_of(loss, offsets, usages, lower, upper, pairs, tables);
  const Parameters parameters = parameters_of(abs_gap, rel_gap, memory_limit, hint);
  PythonHost host(std::move(progress));
  Control control(time_limit, label_limit, &host);
  DenseOutcome result;
  {
    nb::gil_scoped_release release;
    result.outcome = mpsolve::dense::solve(input, parameters, control);
  }
  result.limit = control.limit();
  return result;
}

}  // namespace

void bind_dense(nb::module_& module) {
  nb::class_<DenseOutcome>(module, "DenseOutcome")
      .def_prop_ro("reason", [](const DenseOutcome& r) { return name_of(r.outcome.reason); })
      .def_prop_ro("limit",
                   [](const DenseOutcome& r) {
                     return name_of(r.limit, r.outcome.out_of_memory, r.outcome.reason);
                   })
      .def_prop_ro(
          "choices",
          [](const DenseOutcome& r) { return choices_of(r.outcome.reason, r.outcome.layout); })
      .def_prop_ro("loss", [](const DenseOutcome& r) { return r.outcome.loss; })
      .def_prop_ro("bound", [](const DenseOutcome& r) { return r.outcome.bound; })
      .def_prop_ro("multipliers", [](const DenseOutcome& r) { return r.outcome.multipliers; })
      .def_prop_ro("root_bound", [](const DenseOutcome& r) { return r.outcome.root_bound; })
      .def_prop_ro("num_nodes", [](const DenseOutcome& r) { return r.outcome.nodes; })
      .def_prop_ro("num_steps", [](const DenseOutcome& r) { return r.outcome.steps; })
      .def_prop_ro("num_starts", [](const DenseOutcome& r) { return r.outcome.starts; })
      .def_prop_ro("num_core_groups", [](const DenseOutcome& r) { return r.outcome.core_groups; })
      .def_prop_ro("num_core_options", [](const DenseOutcome& r) { return r.outcome.core_options; })
      .def_prop_ro("seconds_local", [](const DenseOutcome& r) { return r.outcome.local_seconds; });

  using namespace nb::literals;
  module.def("solve_dense", &solve_dense, "loss"_a, "offsets"_a, "usages"_a, "lower"_a, "upper"_a,
             "pairs"_a, "tables"_a, nb::kw_only(), "abs_gap"_a = 0.0, "rel_gap"_a = 0.0,
             "time_limit"_a = kInfinity, "memory_limit"_a = 0, "label_limit"_a = 0,
             "hint"_a = nb::none(), "progress"_a = nb::none(),
             "Solve couplings of any width, with budgets and inventories, exactly.");
}
