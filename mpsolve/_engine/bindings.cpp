// The bindings of one budget, and the module: arrays in, outcome out, GIL released in between.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "many.hpp"
#include "mckp.hpp"
#include "python.hpp"

namespace nb = nanobind;

namespace mpsolve {

MckpProblem problem_of(const Array& loss, const Array& usage, const std::optional<Array>& offsets,
                       std::int64_t num_options, std::optional<std::int64_t> lower,
                       std::optional<std::int64_t> upper) {
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  MckpProblem problem;
  problem.loss = data_of<double>(loss, "loss", "float64");
  problem.usage = data_of<std::int64_t>(usage, "usage", "int64");
  const auto total = static_cast<std::int64_t>(loss.shape(0));
  require(loss.shape(0) == usage.shape(0), "loss and usage must have the same length, got " +
                                               std::to_string(total) + " and " +
                                               std::to_string(usage.shape(0)));
  if (offsets) {
    problem.offsets = data_of<std::int64_t>(*offsets, "offsets", "int64");
    require(offsets->shape(0) >= 1, "offsets must have one entry more than there are groups");
    problem.num_groups = static_cast<std::int64_t>(offsets->shape(0)) - 1;
    require(problem.num_groups < most, "at most 2**31 - 2 groups are supported");
    require(problem.offsets[0] == 0 && problem.offsets[problem.num_groups] == total,
            "offsets must begin at 0 and end at the number of options, " + std::to_string(total));
    bool rising = true;
    for (std::int64_t i = 0; i < problem.num_groups; ++i) {
      rising &= problem.offsets[i] < problem.offsets[i + 1];
      rising &= problem.offsets[i + 1] <= total;
    }
    require(rising, "offsets must rise: every group needs at least one option");
    for (std::int64_t i = 0; total >= most && i < problem.num_groups; ++i) {
      require(problem.size_of(i) < most, "at most 2**31 - 2 options a group are supported");
    }
  } else {
    require(num_options >= 1 && num_options < most,
            "num_options must be in [1, 2**31 - 2] without offsets, got " +
                std::to_string(num_options));
    require(total % num_options == 0, "the number of options, " + std::to_string(total) +
                                          ", must be a multiple of num_options, " +
                                          std::to_string(num_options));
    problem.num_options = num_options;
    problem.num_groups = total / num_options;
    require(problem.num_groups < most, "at most 2**31 - 2 groups are supported");
  }
  problem.has_lower = lower.has_value();
  problem.has_upper = upper.has_value();
  problem.lower = lower.value_or(0);
  problem.upper = upper.value_or(0);
  return problem;
}

}  // namespace mpsolve

void bind_dense(nb::module_& module);  // dense/bindings.cpp
void bind_front(nb::module_& module);  // front_bindings.cpp
void bind_paths(nb::module_& module);  // paths/bindings.cpp

namespace {

using mpsolve::Array;
using mpsolve::data_of;
using mpsolve::name_of;
using mpsolve::problem_of;
using mpsolve::PythonHost;
using mpsolve::require;
using mpsolve::to_array;

struct PyOutcome {
  std::string reason;
  std::optional<std::string> limit;
  nb::object choices;
  mpsolve::MckpOutcome outcome;
};

const std::int32_t* hint_of(const Array& array, const mpsolve::MckpProblem& problem) {
  const auto* hint = data_of<std::int32_t>(array, "hint", "int32");
  require(static_cast<std::int64_t>(array.shape(0)) == problem.num_groups,
          "hint must have one option per group, " + std::to_string(problem.num_groups) + ", got " +
              std::to_string(array.shape(0)));
  for (std::int64_t i = 0; i < problem.num_groups; ++i) {
    require(hint[i] >= 0 && hint[i] < problem.size_of(i),
            "hint must be in [0, " + std::to_string(problem.size_of(i)) + ") for group " +
                std::to_string(i) + ", got " + std::to_string(hint[i]));
  }
  return hint;
}

PyOutcome to_python(mpsolve::MckpOutcome outcome) {
  PyOutcome result;
  switch (outcome.reason) {
    case mpsolve::Reason::kOptimal:
      result.reason = "OPTIMAL";
      break;
    case mpsolve::Reason::kFeasible:
      result.reason = "FEASIBLE";
      break;
    case mpsolve::Reason::kInfeasible:
      result.reason = "INFEASIBLE";
      break;
    case mpsolve::Reason::kNoSolutionFound:
      result.reason = "NO_SOLUTION_FOUND";
      break;
  }
  result.limit = name_of(outcome.limit);
  result.choices = outcome.has_layout ? to_array(std::move(outcome.choices)) : nb::none();
  result.outcome = std::move(outcome);
  return result;
}

void check_limits(double abs_gap, double rel_gap, double time_limit, std::int64_t memory_limit) {
  require(abs_gap >= 0.0, "abs_gap must be at least 0");
  require(rel_gap >= 0.0, "rel_gap must be at least 0");
  require(!std::isnan(time_limit), "time_limit must be a number of seconds, got nan");
  require(memory_limit > 0, "memory_limit must be a positive number of bytes");
}

PyOutcome solve(const Array& loss, const Array& usage, const std::optional<Array>& offsets,
                std::int64_t num_options, std::optional<std::int64_t> lower,
                std::optional<std::int64_t> upper, double abs_gap, double rel_gap,
                double time_limit, std::int64_t memory_limit, std::int64_t label_limit,
                const std::optional<Array>& hint, nb::object progress) {
  const mpsolve::MckpProblem problem = problem_of(loss, usage, offsets, num_options, lower, upper);
  check_limits(abs_gap, rel_gap, time_limit, memory_limit);
  require(label_limit >= 0, "label_limit must be at least 0");
  mpsolve::MckpSettings settings;
  settings.abs_gap = abs_gap;
  settings.rel_gap = rel_gap;
  settings.time_limit = time_limit;
  settings.memory_limit = static_cast<std::size_t>(memory_limit);
  settings.label_limit = label_limit;
  if (hint) settings.hint = hint_of(*hint, problem);
  PythonHost host(std::move(progress));
  mpsolve::MckpOutcome outcome;
  {
    const nb::gil_scoped_release release;
    outcome = mpsolve::solve_mckp(problem, settings, &host);
  }
  return to_python(std::move(outcome));
}

using Side = std::optional<std::int64_t>;

std::vector<PyOutcome> many(const Array& loss, const Array& usage,
                            const std::optional<Array>& offsets, std::int64_t num_options,
                            const std::vector<std::pair<Side, Side>>& budgets, double abs_gap,
                            double rel_gap, double time_limit, std::int64_t memory_limit) {
  const mpsolve::MckpProblem problem =
      problem_of(loss, usage, offsets, num_options, std::nullopt, std::nullopt);
  check_limits(abs_gap, rel_gap, time_limit, memory_limit);
  mpsolve::MckpSettings settings;
  settings.abs_gap = abs_gap;
  settings.rel_gap = rel_gap;
  settings.time_limit = time_limit;
  settings.memory_limit = static_cast<std::size_t>(memory_limit);
  std::vector<mpsolve::Sides> sides;
  sides.reserve(budgets.size());
  for (const auto& [lower, upper] : budgets) sides.push_back(mpsolve::Sides{lower, upper});
  PythonHost host{nb::none()};
  std::vector<mpsolve::MckpOutcome> outcomes;
  {
    const nb::gil_scoped_release release;
    outcomes = mpsolve::solve_many(problem, sides, settings, &host);
  }
  std::vector<PyOutcome> results;
  results.reserve(outcomes.size());
  for (mpsolve::MckpOutcome& outcome : outcomes) results.push_back(to_python(std::move(outcome)));
  return results;
}

constexpr const char* kManyDoc =
    R"(Solve one problem under many budgets, preparing it once.

Parameters
----------
loss, usage, offsets, num_options
    As for `solve_mckp`.
budgets : list of (int or None, int or None)
    Lower and upper side of each budget.
abs_gap, rel_gap : float, default 0
    As for `solve_mckp`.
time_limit : float, default inf
    Seconds for all budgets together.
memory_limit : int, default 2**31
    Bytes that the search may allocate.

Returns
-------
list of MckpOutcome
    One for each budget, in the order given.

Raises
------
TypeError
    If an array has another element type.
ValueError
    If shapes, offsets or limits do not fit.
)";

constexpr const char* kSolveDoc =
    R"(Choose one option per group: least total loss, total usage within the budget.

Parameters
----------
loss : ndarray of float64, shape (num_total_options,)
    Loss of every option, group after group; finite.
usage : ndarray of int64, shape (num_total_options,)
    Usage of every option. The total of any layout must lie within (-2**62, 2**62).
offsets : ndarray of int64, shape (num_groups + 1,), or None
    Where each group begins; None if every group has `num_options` options.
num_options : int
    Options per group if `offsets` is None, else ignored.
lower, upper : int or None
    Sides of the budget; None leaves a side open.
abs_gap, rel_gap : float, default 0
    Stop once loss - bound <= max(abs_gap, rel_gap * abs(loss)).
time_limit : float, default inf
    Seconds.
memory_limit : int, default 2**31
    Bytes that the search may allocate.
label_limit : int, default 0
    Labels that the search may create; 0 means no limit.
hint : ndarray of int32, shape (num_groups,), optional
    A layout to start from; ignored if it breaks the budget.
progress : callable, optional
    Called with (loss of the incumbent or nan, bound, number of labels) at most every 100 ms.
    An exception it raises ends the search and is passed on.

Returns
-------
MckpOutcome
    The layout, a valid bound, and why the search stopped.

Raises
------
TypeError
    If an array has another element type.
ValueError
    If shapes, offsets, hint or limits do not fit.
)";

}  // namespace

NB_MODULE(_native, module) {
  module.doc() = "Compiled part of mpsolve._engine.";

  nb::class_<PyOutcome>(module, "MckpOutcome", "What the engine found and proved. Read-only.")
      .def_ro("reason", &PyOutcome::reason,
              "One of OPTIMAL, FEASIBLE, INFEASIBLE, NO_SOLUTION_FOUND.")
      .def_ro("limit", &PyOutcome::limit, "TIME, NODE or INTERRUPTED; None if the proof is done.")
      .def_ro("choices", &PyOutcome::choices, "Option of each group (int32), or None.")
      .def_prop_ro(
          "loss", [](const PyOutcome& o) { return o.outcome.loss; },
          "Loss of the layout; nan without one.")
      .def_prop_ro(
          "bound", [](const PyOutcome& o) { return o.outcome.bound; },
          "No layout has a smaller loss; inf if infeasible.")
      .def_prop_ro(
          "usage", [](const PyOutcome& o) { return o.outcome.usage; },
          "Usage of the layout; 0 without one.")
      .def_prop_ro(
          "multiplier", [](const PyOutcome& o) { return o.outcome.multiplier; },
          "Loss that one more unit of the budget saves: positive where the upper side binds, "
          "negative where the lower one does.")
      .def_prop_ro(
          "num_core_groups", [](const PyOutcome& o) { return o.outcome.counters.num_core_groups; },
          "Groups that reduced costs could not fix.")
      .def_prop_ro(
          "num_core_options",
          [](const PyOutcome& o) { return o.outcome.counters.num_core_options; },
          "Options left in those groups.")
      .def_prop_ro(
          "num_labels", [](const PyOutcome& o) { return o.outcome.counters.num_labels; },
          "Labels created.")
      .def_prop_ro(
          "max_list", [](const PyOutcome& o) { return o.outcome.counters.max_list; },
          "Labels of the longest list.")
      .def_prop_ro(
          "num_splits", [](const PyOutcome& o) { return o.outcome.counters.num_splits; },
          "Lists cut because of the memory limit.")
      .def_prop_ro(
          "seconds_dual", [](const PyOutcome& o) { return o.outcome.counters.seconds_dual; },
          "Seconds for multiplier and break layout.")
      .def_prop_ro(
          "seconds_reduce", [](const PyOutcome& o) { return o.outcome.counters.seconds_reduce; },
          "Seconds for reduced costs.")
      .def_prop_ro(
          "seconds_search", [](const PyOutcome& o) { return o.outcome.counters.seconds_search; },
          "Seconds for core and labels.");

  module.def("solve_mckp", &solve, nb::arg("loss"), nb::arg("usage"),
             nb::arg("offsets").none() = nb::none(), nb::arg("num_options") = 0,
             nb::arg("lower").none() = nb::none(), nb::arg("upper").none() = nb::none(),
             nb::kw_only(), nb::arg("abs_gap") = 0.0, nb::arg("rel_gap") = 0.0,
             nb::arg("time_limit") = std::numeric_limits<double>::infinity(),
             nb::arg("memory_limit") = std::int64_t{2} << 30, nb::arg("label_limit") = 0,
             nb::arg("hint").none() = nb::none(), nb::arg("progress").none() = nb::none(),
             kSolveDoc);

  module.def("solve_many", &many, nb::arg("loss"), nb::arg("usage"), nb::arg("offsets").none(),
             nb::arg("num_options"), nb::arg("budgets"), nb::kw_only(), nb::arg("abs_gap") = 0.0,
             nb::arg("rel_gap") = 0.0,
             nb::arg("time_limit") = std::numeric_limits<double>::infinity(),
             nb::arg("memory_limit") = std::int64_t{2} << 30, kManyDoc);

  bind_front(module);
  bind_paths(module);
  bind_dense(module);
}
