// How a form finds its convex terms: Newton's method on a logarithmic barrier (L. Vandenberghe,
// S. Boyd, "Semidefinite programming", SIAM Review 38, 1996).
#include <algorithm>
#include <cmath>

#include "form.hpp"

namespace mpsolve::dense {
namespace {

constexpr double kDecrement = 3.0;  // of mu: near enough to the central path
constexpr double kShrink = 0.35;    // of mu, from one centre to the next

}  // namespace

// One Newton step on: bound + mu * (log det + logs of the multipliers). False: no progress.
bool Form::newton(double mu, double& decrement) {
  using Kind = Variable::Kind;
  const std::size_t count = variables_.size();
  invert(factor_, inverse_);
  // The inverse times b of every variable, row by row.
  std::vector<double> product(size_ * count);
  std::vector<std::vector<double>> by_side(sides_.size(), std::vector<double>(size_, 0.0));
  for (std::size_t s = 0; s < sides_.size(); ++s) {
    for (std::size_t i = 0; i < size_; ++i) {
      const double* const row = inverse_.row(i);
      double sum = 0.0;
      for (std::size_t j = 0; j < size_; ++j) sum += row[j] * sides_[s].vector[j];
      by_side[s][i] = sum;
    }
  }
  for (std::size_t i = 0; i < size_; ++i) {
    const double* const row = inverse_.row(i);
    double* const out = product.data() + i * count;
    for (std::size_t v = 0; v < count; ++v) {
      const Variable& variable = variables_[v];
      switch (variable.kind) {
        case Kind::kBound:
          out[v] = -row[0];
          break;
        case Kind::kDiagonal:
          out[v] = row[variable.a] - row[0];
          break;
        case Kind::kOffDiagonal:
          out[v] = 2.0 * row[variable.b];
          break;
        case Kind::kMultiplier:
          out[v] = by_side[variable.side][i];
          break;
      }
    }
  }
  Matrix hessian(count);
  std::vector<double> gradient(count);
  std::vector<double> both(count);
  for (std::size_t v = 0; v < count; ++v) {
    const Variable& variable = variables_[v];
    const double* const in = product.data() + variable.a * count;
    const double* const top = product.data();
    switch (variable.kind) {
      case Kind::kBound:
        for (std::size_t w = v; w < count; ++w) both[w] = -top[w];
        break;
      case Kind::kDiagonal:
        for (std::size_t w = v; w < count; ++w) both[w] = in[w] - top[w];
        break;
      case Kind::kOffDiagonal: {
        const double* const second = product.data() + variable.b * count;
        for (std::size_t w = v; w < count; ++w) both[w] = 2.0 * second[w];
        break;
      }
      case Kind::kMultiplier:
        for (std::size_t w = v; w < count; ++w) both[w] = 0.0;
        for (std::size_t i = 0; i < size_; ++i) {
          const double value = sides_[variable.side].vector[i];
          const double* const row = product.data() + i * count;
          for (std::size_t w = v; w < count; ++w) both[w] += value * row[w];
        }
        break;
    }
    const double* const row = inverse_.row(variable.a);
    double* const out = hessian.row(v);
    for (std::size_t w = v; w < count; ++w) {
      const std::size_t a = variables_[w].a;
      out[w] = 0.5 * mu * (row[a] * both[w] + in[w] * product[a * count + v]);
    }
    gradient[v] = (v == 0 ? 1.0 : 0.0) + mu * in[v];
    if (variable.kind == Kind::kMultiplier) {
      gradient[v] += mu / value_[v];
      out[v] += mu / (value_[v] * value_[v]);
    }
  }
  // Scaled to a unit diagonal, and a little more than semidefinite.
  std::vector<double> unit(count);
  for (std::size_t v = 0; v < count; ++v) unit[v] = 1.0 / std::sqrt(hessian.row(v)[v]);
  for (std::size_t v = 0; v < count; ++v) {
    for (std::size_t w = v; w < count; ++w) hessian.row(v)[w] *= unit[v] * unit[w];
    hessian.row(v)[v] += 1e-12;
  }
  if (!factorise(hessian)) return false;
  std::vector<double> direction(count);
  for (std::size_t v = 0; v < count; ++v) direction[v] = gradient[v] * unit[v];
  solve_factored(hessian, direction);
  decrement = 0.0;
  double step = 1.0;
  for (std::size_t v = 0; v < count; ++v) {
    direction[v] *= unit[v];
    decrement += gradient[v] * direction[v];
    if (variables_[v].kind == Kind::kMultiplier && direction[v] < 0.0) {
      step = std::min(step, -0.95 * value_[v] / direction[v]);
    }
  }
  if (!(decrement >= 0.0)) return false;
  for (int tries = 0; tries < 40; ++tries, step *= 0.6) {
    std::vector<double> values = value_;
    for (std::size_t v = 0; v < count; ++v) values[v] += step * direction[v];
    Matrix next = matrix(values);
    Matrix factor = next;
    if (!factorise(factor)) continue;
    value_ = std::move(values);
    current_ = std::move(next);
    factor_ = std::move(factor);
    ++steps_;
    return true;
  }
  return false;
}

void Form::ascend(double target, double near, int most_steps, Control& control) {
  if (!usable_ || size_ == 1) return;
  const auto terms = static_cast<double>(size_ + sides_.size());
  double mu = std::max(0.3 * (target - value_[0]), 1e-6) / terms;
  for (int step = 0; step < most_steps;) {
    double decrement = kInfinity;
    while (step < most_steps && decrement > kDecrement * mu) {
      if (!newton(mu, decrement)) {
        centre();
        return;
      }
      ++step;
      const auto work = static_cast<std::int64_t>(size_ * size_ * size_ / 64);
      if (value_[0] >= target || !control.tick(work)) break;
    }
    if (value_[0] >= target || control.limit() != Limit::kNone ||
        mu * terms < near * (target - value_[0]))
      break;
    mu *= kShrink;
  }
  centre();
}

}  // namespace mpsolve::dense
