// The Python binding of the engine for several budgets and couplings.
#include "arrays.hpp"
#include "order.hpp"

namespace nb = nanobind;

namespace {

using mpsolve::Control;
using mpsolve::Limit;
using namespace mpsolve::paths;

struct PathsOutcome {
  Outcome outcome;
  Limit limit;
};

PathsOutcome solve_paths(const Floats& loss, const Integers& offsets,
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
  PathsOutcome result;
  {
    nb::gil_scoped_release release;
    result.outcome = solve(input, parameters, control);
  }
  result.limit = control.limit();
  return result;
}

// Entries of the sweep's tables for couplings of these pairs of groups.
double sweep_entries(const Integers& offsets, const Pairs& pairs) {
  Model model;
  for (std::size_t g = 0; g < offsets.shape(0); ++g) {
    model.begin.push_back(static_cast<std::int32_t>(offsets(g)));
  }
  model.group.resize(offsets.shape(0) - 1);
  const auto count = static_cast<std::int32_t>(model.group.size());
  for (std::size_t p = 0; p < pairs.shape(0); ++p) {
    const ModelPair pair{pairs(p, 0), pairs(p, 1), {}};
    if (pair.first < 0 || pair.first >= count || pair.second < 0 || pair.second >= count) {
      throw nb::value_error("a coupling does not fit its groups");
    }
    model.pairs.push_back(pair);
  }
  return make_order(model, {}).entries;
}

}  // namespace

void bind_paths(nb::module_& module) {
  nb::class_<PathsOutcome>(module, "PathsOutcome")
      .def_prop_ro("reason", [](const PathsOutcome& r) { return name_of(r.outcome.reason); })
      .def_prop_ro("limit",
                   [](const PathsOutcome& r) {
                     return name_of(r.limit, r.outcome.out_of_memory, r.outcome.reason);
                   })
      .def_prop_ro(
          "choices",
          [](const PathsOutcome& r) { return choices_of(r.outcome.reason, r.outcome.layout); })
      .def_prop_ro("loss", [](const PathsOutcome& r) { return r.outcome.loss; })
      .def_prop_ro("bound", [](const PathsOutcome& r) { return r.outcome.bound; })
      .def_prop_ro("multipliers", [](const PathsOutcome& r) { return r.outcome.multipliers; })
      .def_prop_ro("num_labels", [](const PathsOutcome& r) { return r.outcome.labels; })
      .def_prop_ro("num_evaluations", [](const PathsOutcome& r) { return r.outcome.evaluations; })
      .def_prop_ro("num_rounds", [](const PathsOutcome& r) { return r.outcome.rounds; })
      .def_prop_ro("num_splits", [](const PathsOutcome& r) { return r.outcome.splits; })
      .def_prop_ro("max_list", [](const PathsOutcome& r) { return r.outcome.longest_list; })
      .def_prop_ro("width", [](const PathsOutcome& r) { return r.outcome.width; })
      .def_prop_ro("num_core_groups", [](const PathsOutcome& r) { return r.outcome.core_groups; })
      .def_prop_ro("num_core_options", [](const PathsOutcome& r) { return r.outcome.core_options; })
      .def_prop_ro("seconds_dual", [](const PathsOutcome& r) { return r.outcome.dual_seconds; });

  using namespace nb::literals;
  module.def("solve_paths", &solve_paths, "loss"_a, "offsets"_a, "usages"_a, "lower"_a, "upper"_a,
             "pairs"_a, "tables"_a, nb::kw_only(), "abs_gap"_a = 0.0, "rel_gap"_a = 0.0,
             "time_limit"_a = kInfinity, "memory_limit"_a = 0, "label_limit"_a = 0,
             "hint"_a = nb::none(), "progress"_a = nb::none(),
             "Solve budgets, inventories and couplings of small width exactly.");
  module.def("sweep_entries", &sweep_entries, "offsets"_a, "pairs"_a,
             "Entries of the tables that `solve_paths` would need, before anything is fixed.");
}
