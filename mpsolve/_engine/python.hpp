// What the binding files share: arrays in and out, signals and progress, names of limits.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control.hpp"
#include "mckp.hpp"

namespace mpsolve {

namespace nb = nanobind;

using Array = nb::ndarray<nb::ro, nb::device::cpu>;

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

// The data of a one-dimensional contiguous array of T, or a TypeError or ValueError that names it.
template <class T>
const T* data_of(const Array& array, const char* name, const char* type) {
  if (array.dtype() != nb::dtype<T>()) {
    throw nb::type_error((std::string(name) + " must be an array of " + type).c_str());
  }
  if (array.ndim() != 1) {
    throw nb::value_error(
        (std::string(name) + " must have one dimension, got " + std::to_string(array.ndim()))
            .c_str());
  }
  if (array.shape(0) > 1 && array.stride(0) != 1) {
    throw nb::value_error((std::string(name) + " must be contiguous").c_str());
  }
  return static_cast<const T*>(array.data());
}

inline void require(bool condition, const std::string& message) {
  if (!condition) throw nb::value_error(message.c_str());
}

// The problem over the caller's arrays, or an error that names what does not fit.
MckpProblem problem_of(const Array& loss, const Array& usage, const std::optional<Array>& offsets,
                       std::int64_t num_options, std::optional<std::int64_t> lower,
                       std::optional<std::int64_t> upper);

template <class T>
nb::object to_array(std::vector<T> values) {
  auto* owned = new std::vector<T>(std::move(values));
  const nb::capsule owner(owned,
                          [](void* held) noexcept { delete static_cast<std::vector<T>*>(held); });
  return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(owned->data(), {owned->size()}, owner));
}

inline std::optional<std::string> name_of(Limit limit) {
  switch (limit) {
    case Limit::kTime:
      return "TIME";
    case Limit::kLabels:
      return "NODE";
    case Limit::kInterrupted:
      return "INTERRUPTED";
    default:
      return std::nullopt;
  }
}

}  // namespace mpsolve
