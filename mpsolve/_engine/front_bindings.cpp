// The binding of the front.
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "front.hpp"
#include "python.hpp"

namespace mpsolve {
namespace {

struct PyFront {
  bool is_complete;
  std::optional<std::string> limit;
  std::int64_t done_below;
  std::int64_t num_labels;
  nb::object usage;
  nb::object loss;
  nb::object is_supported;
};

PyFront front(const Array& loss, const Array& usage, const std::optional<Array>& offsets,
              std::int64_t num_options, std::optional<std::int64_t> least,
              std::optional<std::int64_t> most, double epsilon, double time_limit,
              std::int64_t memory_limit) {
  const MckpProblem problem =
      problem_of(loss, usage, offsets, num_options, std::nullopt, std::nullopt);
  require(epsilon >= 0.0, "epsilon must be at least 0");
  require(!std::isnan(time_limit), "time_limit must be a number of seconds, got nan");
  require(memory_limit > 0, "memory_limit must be a positive number of bytes");
  FrontSettings settings;
  settings.least = least.value_or(settings.least);
  settings.most = most.value_or(settings.most);
  settings.epsilon = epsilon;
  settings.time_limit = time_limit;
  settings.memory_limit = static_cast<std::size_t>(memory_limit);
  const Groups groups{problem.loss,       problem.usage,       problem.offsets,
                      problem.num_groups, problem.num_options, 0};
  PythonHost host{nb::none()};
  FrontOutcome outcome;
  {
    const nb::gil_scoped_release release;
    outcome = solve_front(groups, settings, &host);
  }
  PyFront result;
  result.is_complete = outcome.is_complete;
  result.limit = outcome.is_out_of_memory ? "MEMORY" : name_of(outcome.limit);
  result.done_below = outcome.done_below;
  result.num_labels = outcome.num_labels;
  result.usage = to_array(std::move(outcome.usage));
  result.loss = to_array(std::move(outcome.loss));
  result.is_supported = to_array(std::move(outcome.is_supported));
  return result;
}

constexpr const char* kFrontDoc =
    R"(Find every efficient pair of total usage and total loss.

Parameters
----------
loss, usage, offsets, num_options
    As for `solve_mckp`.
least, most : int or None
    Usages of interest; None leaves a side open.
epsilon : float, default 0
    A point may stand for others of no less usage whose loss is smaller by at most this share of the
    range of losses between the lightest layout and the best.
time_limit : float, default inf
    Seconds.
memory_limit : int, default 2**31
    Bytes that the lists may take.

Returns
-------
FrontOutcome

Raises
------
TypeError
    If an array has another element type.
ValueError
    If shapes, offsets or limits do not fit.
)";

}  // namespace
}  // namespace mpsolve

void bind_front(nanobind::module_& module) {
  using namespace mpsolve;
  nb::class_<PyFront>(module, "FrontOutcome", "Efficient points, rising usage. Read-only.")
      .def_ro("is_complete", &PyFront::is_complete, "Whether no limit stopped the search.")
      .def_ro("limit", &PyFront::limit, "TIME, MEMORY or INTERRUPTED; None if complete.")
      .def_ro("done_below", &PyFront::done_below,
              "All efficient points of less usage are here, even if it is not complete.")
      .def_ro("num_labels", &PyFront::num_labels, "Labels kept in all lists together.")
      .def_ro("usage", &PyFront::usage, "Total usage of each point (int64).")
      .def_ro("loss", &PyFront::loss, "Total loss of each point (float64).")
      .def_ro("is_supported", &PyFront::is_supported,
              "1 for points on the lower hull (uint8): those that some multiplier makes optimal.");

  module.def("solve_front", &front, nb::arg("loss"), nb::arg("usage"),
             nb::arg("offsets").none() = nb::none(), nb::arg("num_options") = 0,
             nb::arg("least").none() = nb::none(), nb::arg("most").none() = nb::none(),
             nb::kw_only(), nb::arg("epsilon") = 0.0,
             nb::arg("time_limit") = std::numeric_limits<double>::infinity(),
             nb::arg("memory_limit") = std::int64_t{2} << 30, kFrontDoc);
}
