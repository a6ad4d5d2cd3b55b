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

}  // namespace mpsolve::paths
