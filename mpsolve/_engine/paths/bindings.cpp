// The Python binding of the engine for several budgets and couplings.
#include <nanobind/stl/pair.h>

#include "arrays.hpp"
#include "order.hpp"

namespace nb = nanobind;

namespace {

using namespace mpsolve::paths;

using PathsOutcome = Answer<Outcome>;

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
  bind_answer<Outcome, &solve>(module, "PathsOutcome", "solve_paths",
                               "Solve budgets, inventories and couplings of small width exactly.")
      .def_prop_ro("num_labels", [](const PathsOutcome& r) { return r.outcome.labels; })
      .def_prop_ro("num_evaluations", [](const PathsOutcome& r) { return r.outcome.evaluations; })
      .def_prop_ro("num_rounds", [](const PathsOutcome& r) { return r.outcome.rounds; })
      .def_prop_ro("num_splits", [](const PathsOutcome& r) { return r.outcome.splits; })
      .def_prop_ro("max_list", [](const PathsOutcome& r) { return r.outcome.longest_list; })
      .def_prop_ro("width", [](const PathsOutcome& r) { return r.outcome.width; })
      .def_prop_ro("seconds_dual", [](const PathsOutcome& r) { return r.outcome.dual_seconds; });

  using namespace nb::literals;
  module.attr("PATHS_MEMORY") = kMemoryLimit;
  module.def("paths_width", &paths_width, "offsets"_a, "pairs"_a,
             "Bytes that couplings need in solve_paths, and groups they join at a time.");
}
