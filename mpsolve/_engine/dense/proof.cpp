// What a form proves, rounding included: about a whole part, and about single options.
#include <algorithm>
#include <cmath>
#include <limits>

#include "form.hpp"

namespace mpsolve::dense {
namespace {

constexpr double kUnit = std::numeric_limits<double>::epsilon();

}  // namespace

// Where the form is least, and how fast it rises around.
void Form::centre() {
  invert(factor_, inverse_);
  const double corner = inverse_.row(0)[0];
  centre_.assign(size_, 1.0);
  spread_.reset(size_);
  for (std::size_t i = 1; i < size_; ++i) {
    centre_[i] = inverse_.row(i)[0] / corner;
    for (std::size_t j = 1; j < size_; ++j) {
      spread_.row(i)[j] = inverse_.row(i)[j] - inverse_.row(i)[0] * inverse_.row(0)[j] / corner;
    }
  }
  least_ = value_[0] + 1.0 / corner;
}

// What rounding may add to the form at z, or take from it: a factor that floats computed belongs
// to a matrix that differs in every entry by at most about size * epsilon * sqrt of its diagonal
// entries (Higham, Accuracy and Stability of Numerical Algorithms, section 10.1).
double Form::rounding(const std::vector<double>& z) const {
  double sum = std::sqrt(std::fabs(base_.row(0)[0]) + std::fabs(value_[0]) + 1.0);
  for (std::size_t i = 1; i < size_; ++i) {
    sum += std::fabs(z[i]) * std::sqrt(current_.row(i)[i]);
  }
  double priced = 0.0;
  for (std::size_t v = 0; v < variables_.size(); ++v) {
    if (variables_[v].kind != Variable::Kind::kMultiplier) continue;
    for (const double value : sides_[variables_[v].side].vector) {
      priced += value_[v] * std::fabs(value);
    }
  }
  const double terms = static_cast<double>(size_) + 16.0;
  return 2.0 * terms * kUnit * sum * sum + 8.0 * kUnit * priced + 2.0 * data_error_;
}

double Form::bound() const {
  if (!usable_) return -kInfinity;
  if (size_ == 1) return base_.row(0)[0] - 2.0 * data_error_;
  // A layout has one variable of each group at most.
  std::vector<double> z(size_, 0.0);
  for (const std::int32_t g : open_) {
    std::size_t largest = 0;
    for (std::size_t i = first_[at(g)]; i < first_[at(g)] + count_[at(g)]; ++i) {
      if (largest == 0 || current_.row(i)[i] > current_.row(largest)[largest]) largest = i;
    }
    if (largest > 0) z[largest] = 1.0;
  }
  return value_[0] - rounding(z);
}

// How far a group's variables are from taking an option, and with which weights the others follow.
std::vector<double> Form::change_of(std::int32_t option, std::vector<double>& weights) const {
  const std::int32_t g = problem_->group[at(option)];
  const std::size_t from = first_[at(g)];
  const std::size_t count = count_[at(g)];
  std::vector<double> change(count);
  Matrix block(count);
  for (std::size_t i = 0; i < count; ++i) {
    change[i] = (option_[from + i] == option ? 1.0 : 0.0) - centre_[from + i];
    for (std::size_t j = 0; j < count; ++j) block.row(i)[j] = spread_.row(from + i)[from + j];
  }
  weights = change;
  if (!factorise(block)) {
    weights.assign(count, 0.0);
    return change;
  }
  solve_factored(block, weights);
  return change;
}

double Form::estimate(std::int32_t option) const {
  std::vector<double> weights;
  const std::vector<double> change = change_of(option, weights);
  double value = least_;
  for (std::size_t i = 0; i < change.size(); ++i) value += change[i] * weights[i];
  return value;
}

// A tangent of the convex form, at its least point among those with the option.
double Form::prove(std::int32_t option) const {
  std::vector<double> weights;
  change_of(option, weights);
  const std::int32_t g = problem_->group[at(option)];
  const std::size_t from = first_[at(g)];
  std::vector<double> z = centre_;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double* const row = spread_.row(from + k);
    for (std::size_t i = 1; i < size_; ++i) z[i] += weights[k] * row[i];
  }
  for (std::size_t i = from; i < from + weights.size(); ++i) {
    z[i] = option_[i] == option ? 1.0 : 0.0;
  }
  // form(y) >= form(z) + 2 (Sz)'(y - z) for every y, and y is a layout.
  double value = value_[0];
  std::vector<double> slope(size_);
  for (std::size_t i = 0; i < size_; ++i) {
    const double* const row = current_.row(i);
    double sum = 0.0;
    for (std::size_t j = 0; j < size_; ++j) sum += row[j] * z[j];
    slope[i] = sum;
    value += z[i] * sum;
  }
  for (const std::int32_t h : open_) {
    if (h == g) continue;
    double least = 0.0;
    double here = 0.0;
    for (std::size_t i = first_[at(h)]; i < first_[at(h)] + count_[at(h)]; ++i) {
      least = std::min(least, slope[i]);
      here += slope[i] * z[i];
    }
    value += 2.0 * (least - here);
  }
  for (double& entry : z) entry = std::fabs(entry) + 1.0;
  return value - 2.0 * rounding(z);
}

}  // namespace mpsolve::dense
