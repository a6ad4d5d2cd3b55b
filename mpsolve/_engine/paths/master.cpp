#include "master.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "inverse.hpp"

namespace mpsolve::paths {
namespace {

constexpr double kPivot = 1e-11;    // smaller entries are rounding
constexpr double kReduced = 1e-13;  // relative to the price
constexpr int kMostPivots = 2000;
constexpr int kPatience = 60;  // pivots without progress before Bland's rule

}  // namespace

Master::Master(std::size_t num_rows, std::vector<double> low, std::vector<double> high)
    : rows_(num_rows), low_(std::move(low)), high_(std::move(high)), multipliers_(num_rows, 0.0) {}

void Master::add_cut(double cost, const double* gain) {
  cost_.push_back(cost);
  gain_.insert(gain_.end(), gain, gain + rows_);
}

void Master::set_box(std::size_t row, double low, double high) {
  low_[row] = low;
  high_[row] = high;
}

bool Master::at_side(std::size_t row) const {
  for (std::size_t i = 0; i < basis_.size(); ++i) {
    if (weight_[i] <= kPivot) continue;
    const std::ptrdiff_t variable = basis_[i];
    if (variable >= 0 || static_cast<std::size_t>((-1 - variable) / 2) != row) continue;
    return true;
  }
  return false;
}

std::vector<std::size_t> Master::active() const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < basis_.size(); ++i) {
    if (basis_[i] >= 0 && weight_[i] > kPivot) out.push_back(static_cast<std::size_t>(basis_[i]));
  }
  return out;
}

void Master::column(std::ptrdiff_t variable, std::vector<double>& out) const {
  out.assign(rows_ + 1, 0.0);
  if (variable >= 0) {
    const double* const gain = gain_.data() + static_cast<std::size_t>(variable) * rows_;
    std::copy(gain, gain + rows_, out.begin());
    out[rows_] = 1.0;
  } else {
    const auto side = static_cast<std::size_t>(-1 - variable);
    out[side / 2] = side % 2 == 0 ? 1.0 : -1.0;
  }
}

double Master::price(std::ptrdiff_t variable) const {
  if (variable >= 0) return cost_[static_cast<std::size_t>(variable)];
  const auto side = static_cast<std::size_t>(-1 - variable);
  return side % 2 == 0 ? -low_[side / 2] : high_[side / 2];
}

// Inverts the basis from scratch. Whatever a singular one gives, bounds are computed anew from the
// multipliers.
void Master::refactor() {
  const std::size_t size = rows_ + 1;
  std::vector<double> matrix(size * size, 0.0);
  std::vector<double> entry;
  for (std::size_t c = 0; c < size; ++c) {
    column(basis_[c], entry);
    for (std::size_t r = 0; r < size; ++r) matrix[r * size + c] = entry[r];
  }
  invert(matrix, inverse_, size, -1.0);
  weight_.resize(size);
  for (std::size_t r = 0; r < size; ++r) weight_[r] = std::max(0.0, inverse_[r * size + rows_]);
}

// The first basis: one cut, and the sides that make up for its gains.
bool Master::start() {
  if (cost_.empty()) return false;
  basis_.clear();
  for (std::size_t r = 0; r < rows_; ++r) {
    const auto side = static_cast<std::ptrdiff_t>(2 * r) + (gain_[r] > 0.0 ? 1 : 0);
    basis_.push_back(-1 - side);
  }
  basis_.push_back(0);
  return true;
}

bool Master::solve() {
  if (basis_.empty() && !start()) return false;
  const std::size_t size = rows_ + 1;
  std::vector<double> dual(size);
  std::vector<double> entering;
  std::vector<double> direction(size);
  double best_value = std::numeric_limits<double>::infinity();
  int stalled = 0;
  bool solved = false;
  for (int pivot = 0; pivot < kMostPivots; ++pivot) {
    refactor();
    std::fill(dual.begin(), dual.end(), 0.0);
    value_ = 0.0;
    for (std::size_t i = 0; i < size; ++i) {
      const double cost = price(basis_[i]);
      value_ += cost * weight_[i];
      for (std::size_t r = 0; r < size; ++r) dual[r] += cost * inverse_[i * size + r];
    }
    for (std::size_t r = 0; r < rows_; ++r) multipliers_[r] = -dual[r];
    stalled = value_ < best_value ? 0 : stalled + 1;
    best_value = std::min(best_value, value_);
    const bool bland = stalled > kPatience;

    std::ptrdiff_t chosen = 0;
    bool found = false;
    double least = 0.0;
    const auto consider = [&](std::ptrdiff_t variable, double reduced, double magnitude) {
      if (!(reduced < -kReduced * magnitude)) return;
      if (bland ? !found || variable < chosen : reduced < least) {
        least = reduced;
        chosen = variable;
        found = true;
      }
    };
    for (std::size_t r = 0; r < rows_; ++r) {
      const auto side = static_cast<std::ptrdiff_t>(2 * r);
      const double magnitude = std::fabs(dual[r]) + std::fabs(low_[r]) + std::fabs(high_[r]);
      consider(-1 - side, -low_[r] - dual[r], magnitude);
      consider(-2 - side, high_[r] + dual[r], magnitude);
    }
    for (std::size_t k = 0; k < cost_.size(); ++k) {
      double reduced = cost_[k] - dual[rows_];
      double magnitude = std::fabs(cost_[k]) + std::fabs(dual[rows_]);
      for (std::size_t r = 0; r < rows_; ++r) {
        const double part = dual[r] * gain_[k * rows_ + r];
        reduced -= part;
        magnitude += std::fabs(part);
      }
      consider(static_cast<std::ptrdiff_t>(k), reduced, magnitude);
    }
    if (!found) {
      solved = true;
      break;
    }
    column(chosen, entering);
    std::size_t leaving = size;
    double ratio = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < size; ++i) {
      double step = 0.0;
      for (std::size_t r = 0; r < size; ++r) step += inverse_[i * size + r] * entering[r];
      direction[i] = step;
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (direction[i] <= kPivot) continue;
      const double candidate = weight_[i] / direction[i];
      const bool tie = leaving < size && candidate == ratio;
      if (candidate < ratio ||
          (tie && (bland ? basis_[i] < basis_[leaving] : direction[i] > direction[leaving]))) {
        ratio = candidate;
        leaving = i;
      }
    }
    if (leaving == size) break;
    basis_[leaving] = chosen;
  }
  for (std::size_t r = 0; r < rows_; ++r) {
    multipliers_[r] = std::min(std::max(multipliers_[r], low_[r]), high_[r]);
  }
  return solved;
}

}  // namespace mpsolve::paths
