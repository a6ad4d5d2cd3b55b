// The Python binding of the engine for several budgets and couplings.
#include <nanobind/stl/pair.h>

#include "arrays.hpp"
#include "order.hpp"

namespace nb = nanobind;

namespace {

using mpsolve::Control;
using mpsolve::Limit;
using mpsolve::PythonHost;
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

// Bytes and groups at a time that couplings need, if nothing is fixed beforehand.
std::pair<double, std::int32_t> paths_width(const Integers& offsets, const Pairs& pairs) {
  Model model;
  for (std::size_t g = 0; g < offsets.shape(0); ++g) {
    if (g > 0) model.group.push_back(static_cast<std::int32_t>(g) - 1);
    model.begin.push_back(static_cast<std::int32_t>(offsets(g)));
  }
  for (std::size_t p = 0; p < pairs.shape(0); ++p) {
    const std::int32_t first = pairs(p, 0);
    const std::int32_t second = pairs(p, 1);
    const std::int32_t count = model.num_groups();
    if (first < 0 || second < 0 || first >= count || second >= count || first == second) {
      throw nb::value_error("a coupling does not fit its groups");
    }
    // A group without a choice is no state.
    if (model.size(first) > 1 && model.size(second) > 1) {
      model.pairs.push_back(ModelPair{first, second, {}});
    }
  }
  const Order order = make_order(model, {});
  return {order.bytes(), order.width};
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
      .def_prop_ro("num_nodes", [](const PathsOutcome& r) { return r.outcome.nodes; })
      .def_prop_ro("max_list", [](const PathsOutcome& r) { return r.outcome.longest_list; })
      .def_prop_ro("width", [](const PathsOutcome& r) { return r.outcome.width; })
      .def_prop_ro("num_core_groups", [](const PathsOutcome& r) { return r.outcome.core_groups; })
      .def_prop_ro("num_core_options", [](const PathsOutcome& r) { return r.outcome.core_options; })
      .def_prop_ro("seconds_dual", [](const PathsOutcome& r) { return r.outcome.dual_seconds; });

  using namespace nb::literals;
  module.attr("PATHS_MEMORY") = kMemoryLimit;
  module.def("paths_width", &paths_width, "offsets"_a, "pairs"_a,
             "Bytes that couplings need in solve_paths, and groups they join at a time.");
  module.def("solve_paths", &solve_paths, "loss"_a, "offsets"_a, "usages"_a, "lower"_a, "upper"_a,
             "pairs"_a, "tables"_a, nb::kw_only(), "abs_gap"_a = 0.0, "rel_gap"_a = 0.0,
             "time_limit"_a = kInfinity, "memory_limit"_a = 0, "label_limit"_a = 0,
             "hint"_a = nb::none(), "progress"_a = nb::none(),
             "Solve budgets, inventories and couplings of small width exactly.");
}
