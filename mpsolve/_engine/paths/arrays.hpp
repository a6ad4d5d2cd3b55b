// What the bindings of the engines for couplings share: arrays as input, signals and progress.
#pragma once

#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../python.hpp"
#include "input.hpp"
#include "solver.hpp"

namespace mpsolve::paths {

using Floats = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Integers = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Pairs = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Choices = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

inline const char* name_of(Reason reason) {
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

// Why a search stopped, or nothing where it did not.
inline nb::object name_of(Limit limit, bool out_of_memory, Reason reason) {
  if (reason == Reason::kOptimal || reason == Reason::kInfeasible) return nb::none();
  switch (limit) {
    case Limit::kTime:
      return nb::str("TIME");
    case Limit::kLabels:
      return nb::str("NODE");
    case Limit::kInterrupted:
      return nb::str("INTERRUPTED");
    case Limit::kNone:
      break;
  }
  return nb::str(out_of_memory ? "MEMORY" : "OTHER");
}

inline std::int64_t side(std::optional<std::int64_t> value, std::int64_t open) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 62;
  return value ? std::clamp(*value, -kLargest, kLargest) : open;
}

inline Input input_of(const Floats& loss, const Integers& offsets,
                      const std::vector<Integers>& usages,
                      const std::vector<std::optional<std::int64_t>>& lower,
                      const std::vector<std::optional<std::int64_t>>& upper, const Pairs& pairs,
                      const std::vector<Table>& tables) {
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
  return input;
}

inline Parameters parameters_of(double abs_gap, double rel_gap, std::size_t memory_limit,
                                const std::optional<Choices>& hint) {
  Parameters parameters;
  parameters.abs_gap = abs_gap;
  parameters.rel_gap = rel_gap;
  if (memory_limit > 0) parameters.memory_limit = memory_limit;
  if (hint) parameters.hint.assign(hint->data(), hint->data() + hint->shape(0));
  return parameters;
}

inline nb::object choices_of(Reason reason, const std::vector<std::int32_t>& layout) {
  if (reason != Reason::kOptimal && reason != Reason::kFeasible) return nb::none();
  auto* const copy = new std::vector<std::int32_t>(layout);
  nb::capsule owner(
      copy, [](void* data) noexcept { delete static_cast<std::vector<std::int32_t>*>(data); });
  return nb::cast(
      nb::ndarray<nb::numpy, std::int32_t, nb::ndim<1>>(copy->data(), {copy->size()}, owner));
}

// What either engine found, and why it stopped.
template <typename Outcome>
struct Answer {
  Outcome outcome;
  Limit limit;
};

// Calls an engine without the interpreter's lock.
template <typename Outcome, Outcome (*kSolve)(const Input&, const Parameters&, Control&)>
Answer<Outcome> answer(const Floats& loss, const Integers& offsets,
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
  Answer<Outcome> result;
  {
    nb::gil_scoped_release release;
    result.outcome = kSolve(input, parameters, control);
  }
  result.limit = control.limit();
  return result;
}

// Binds what both engines' answers have, and the function that makes them.
template <typename Outcome, Outcome (*kSolve)(const Input&, const Parameters&, Control&)>
nb::class_<Answer<Outcome>> bind_answer(nb::module_& module, const char* type, const char* function,
                                        const char* about) {
  using namespace nb::literals;
  using Made = Answer<Outcome>;
  module.def(function, &answer<Outcome, kSolve>, "loss"_a, "offsets"_a, "usages"_a, "lower"_a,
             "upper"_a, "pairs"_a, "tables"_a, nb::kw_only(), "abs_gap"_a = 0.0, "rel_gap"_a = 0.0,
             "time_limit"_a = kInfinity, "memory_limit"_a = 0, "label_limit"_a = 0,
             "hint"_a = nb::none(), "progress"_a = nb::none(), about);
  return nb::class_<Made>(module, type)
      .def_prop_ro("reason", [](const Made& r) { return name_of(r.outcome.reason); })
      .def_prop_ro(
          "limit",
          [](const Made& r) { return name_of(r.limit, r.outcome.out_of_memory, r.outcome.reason); })
      .def_prop_ro("choices",
                   [](const Made& r) { return choices_of(r.outcome.reason, r.outcome.layout); })
      .def_prop_ro("loss", [](const Made& r) { return r.outcome.loss; })
      .def_prop_ro("bound", [](const Made& r) { return r.outcome.bound; })
      .def_prop_ro("multipliers", [](const Made& r) { return r.outcome.multipliers; })
      .def_prop_ro("num_nodes", [](const Made& r) { return r.outcome.nodes; })
      .def_prop_ro("num_core_groups", [](const Made& r) { return r.outcome.core_groups; })
      .def_prop_ro("num_core_options", [](const Made& r) { return r.outcome.core_options; });
}

}  // namespace mpsolve::paths
