// The Python binding of the engine for several budgets and couplings.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model.hpp"
#include "order.hpp"
#include "solver.hpp"

namespace nb = nanobind;

namespace {

using mpsolve::Control;
using mpsolve::Host;
using mpsolve::Limit;
using namespace mpsolve::paths;

using Floats = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Integers = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Pairs = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Choices = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Runs between the engine and the interpreter: signals every look, progress every 100 ms.
class PythonHost final : public Host {
 public:
  explicit PythonHost(nb::object progress) : progress_(std::move(progress)) {}

  bool poll(double incumbent_loss, double bound, std::int64_t num_labels) override {
    const nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) {
      PyErr_Clear();
      return false;
    }
    const auto now = Control::Clock::now();
    if (!progress_.is_none() && now - last_ >= std::chrono::milliseconds(100)) {
      last_ = now;
      progress_(incumbent_loss, bound, num_labels);
    }
    return true;
  }

 private:
  nb::object progress_;
  Control::Clock::time_point last_ = Control::Clock::now();
};

struct PathsOutcome {
  Outcome outcome;
  Limit limit;
};

const char* name_of(Reason reason) {
  switch (reason) {
    case Reason::kOptimal:
      return "OPTIMAL";
    case Reason::kFeasible:
      return "FEASIBLE";
    case Reason::kInfeasible:
      return "INFEASIBLE";
    case Reason::kNoSolutionFound:
      break;
  }
  return "NO_SOLUTION_FOUND";
}

const char* name_of(const PathsOutcome& result) {
  switch (result.limit) {
    case Limit::kTime:
      return "TIME";
    case Limit::kLabels:
      return "NODE";
    case Limit::kInterrupted:
      return "INTERRUPTED";
    case Limit::kNone:
      break;
  }
  return result.outcome.out_of_memory ? "MEMORY" : "OTHER";
}

std::int64_t side(std::optional<std::int64_t> value, std::int64_t open) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 62;
  return value ? std::clamp(*value, -kLargest, kLargest) : open;
}

PathsOutcome solve_paths(const Floats& loss, const Integers& offsets,
                         const std::vector<Integers>& usages,
                         const std::vector<std::optional<std::int64_t>>& lower,
                         const std::vector<std::optional<std::int64_t>>& upper, const Pairs& pairs,
                         const std::vector<Table>& tables, double abs_gap, double rel_gap,
                         double time_limit, std::size_t memory_limit, std::int64_t label_limit,
                         std::optional<Choices> hint, nb::object progress) {
  Input input;
  input.num_groups = static_cast<std::int32_t>(offsets.shape(0)) - 1;
  input.offsets = offsets.data();
  input.loss = loss.data();
  if (usages.size() != lower.size() || usages.size() != upper.size() || usages.size() > 32) {
    throw nb::value_error("there must be as many usages as sides, at most 32");
  }
  for (std::size_t r = 0; r < usages.size(); ++r) {
    if (usages[r].shape(0) != loss.shape(0)) throw nb::value_error("a usage has a wrong size");
    input.budgets.push_back(
        Budget{usages[r].data(), side(lower[r], kOpenLow), side(upper[r], kOpenHigh)});
  }
  if (pairs.shape(0) != tables.size() || (!tables.empty() && pairs.shape(1) != 2)) {
    throw nb::value_error("there must be a pair of groups for every table");
  }
  for (std::size_t p = 0; p < tables.size(); ++p) {
    const std::int32_t first = pairs(p, 0);
    const std::int32_t second = pairs(p, 1);
    const bool known = first >= 0 && first < input.num_groups && second >= 0 &&
                       second < input.num_groups && first != second;
    if (!known || static_cast<std::int32_t>(tables[p].shape(0)) != input.size(first) ||
        static_cast<std::int32_t>(tables[p].shape(1)) != input.size(second)) {
      throw nb::value_error("a coupling does not fit its groups");
    }
    input.couplings.push_back(Coupling{first, second, tables[p].data()});
  }
  Parameters parameters;
  parameters.abs_gap = abs_gap;
  parameters.rel_gap = rel_gap;
  if (memory_limit > 0) parameters.memory_limit = memory_limit;
  if (hint) parameters.hint.assign(hint->data(), hint->data() + hint->shape(0));
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

nb::object choices_of(const PathsOutcome& result) {
  const std::vector<std::int32_t>& layout = result.outcome.layout;
  const bool found =
      result.outcome.reason == Reason::kOptimal || result.outcome.reason == Reason::kFeasible;
  if (!found) return nb::none();
  auto* const copy = new std::vector<std::int32_t>(layout);
  nb::capsule owner(
      copy, [](void* data) noexcept { delete static_cast<std::vector<std::int32_t>*>(data); });
  return nb::cast(
      nb::ndarray<nb::numpy, std::int32_t, nb::ndim<1>>(copy->data(), {copy->size()}, owner));
}

}  // namespace

void bind_paths(nb::module_& module) {
  nb::class_<PathsOutcome>(module, "PathsOutcome")
      .def_prop_ro("reason", [](const PathsOutcome& r) { return name_of(r.outcome.reason); })
      .def_prop_ro("limit",
                   [](const PathsOutcome& r) -> nb::object {
                     const bool stopped = r.outcome.reason == Reason::kFeasible ||
                                          r.outcome.reason == Reason::kNoSolutionFound;
                     if (!stopped) return nb::none();
                     return nb::str(name_of(r));
                   })
      .def_prop_ro("choices", &choices_of)
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
  module.attr("PATHS_MEMORY") = kMemoryLimit;
  module.def("paths_width", &paths_width, "offsets"_a, "pairs"_a,
             "Bytes that couplings need in solve_paths, and groups they join at a time.");
  module.def("solve_paths", &solve_paths, "loss"_a, "offsets"_a, "usages"_a, "lower"_a, "upper"_a,
             "pairs"_a, "tables"_a, nb::kw_only(), "abs_gap"_a = 0.0, "rel_gap"_a = 0.0,
             "time_limit"_a = kInfinity, "memory_limit"_a = 0, "label_limit"_a = 0,
             "hint"_a = nb::none(), "progress"_a = nb::none(),
             "Solve budgets, inventories and couplings of small width exactly.");
}
