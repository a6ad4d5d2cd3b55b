#include "form.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mpsolve::dense {
namespace {

constexpr double kUnit = std::numeric_limits<double>::epsilon();
constexpr double kDecrement = 3.0;  // of mu: near enough to the central path
constexpr double kShrink = 0.35;    // of mu, from one centre to the next

}  // namespace

Form::Form(const Problem& problem, const State& state, double scale, const Warm& warm)
    : problem_(&problem), scale_(scale), stride_(0) {
  for (std::int32_t g = 0; g < problem.num_groups; ++g) {
    stride_ = std::max(stride_, at(problem.size(g)));
  }
  read(state);
  add_sides(state);
  start(warm);
}

// The quadratic form of the losses over the reference options.
void Form::read(const State& state) {
  const Problem& p = *problem_;
  open_ = state.open();
  first_.assign(at(p.num_groups), 0);
  count_.assign(at(p.num_groups), 0);
  reference_.assign(at(p.num_groups), -1);
  option_.assign(1, -1);
  std::vector<std::int32_t> taken = state.chosen();
  for (const std::int32_t g : open_) {
    const std::int32_t* const live = state.options(g);
    const std::int32_t count = state.count(g);
    reference_[at(g)] = *std::min_element(live, live + count);
    taken[at(g)] = reference_[at(g)];
    first_[at(g)] = option_.size();
    for (std::int32_t k = 0; k < count; ++k) {
      if (live[k] != reference_[at(g)]) option_.push_back(live[k]);
    }
    count_[at(g)] = option_.size() - first_[at(g)];
  }
  size_ = option_.size();
  base_.reset(size_);
  // A forbidden pair may cost anything in the form: no layout has it.
  const auto pair = [&p](std::int32_t a, std::int32_t b) {
    const std::int64_t value = p.pair(a, b);
    return is_forbidden(value) ? p.substitute : value;
  };
  // Sums of integers are exact; each is rounded once, when it becomes a float.
  const auto scaled = [this](std::int64_t value) { return static_cast<double>(value) * scale_; };
  std::int64_t constant = 0;
  for (std::size_t g = 0; g < taken.size(); ++g) {
    constant += p.loss[at(taken[g])];
    for (std::size_t h = 0; h < g; ++h) constant += pair(taken[g], taken[h]);
  }
  base_.row(0)[0] = scaled(constant);
  double errors = std::fabs(base_.row(0)[0]);
  for (std::size_t i = 1; i < size_; ++i) {
    const std::int32_t a = option_[i];
    const std::int32_t g = p.group[at(a)];
    const std::int32_t r = reference_[at(g)];
    std::int64_t linear = p.loss[at(a)] - p.loss[at(r)];
    for (std::size_t h = 0; h < taken.size(); ++h) {
      if (static_cast<std::int32_t>(h) != g) linear += pair(a, taken[h]) - pair(r, taken[h]);
    }
    base_.row(0)[i] = base_.row(i)[0] = 0.5 * scaled(linear);
    errors += std::fabs(scaled(linear));
    for (std::size_t j = 1; j < i; ++j) {
      const std::int32_t b = option_[j];
      const std::int32_t h = p.group[at(b)];
      if (h == g) continue;
      const std::int32_t s = reference_[at(h)];
      const std::int64_t value = pair(a, b) - pair(a, s) - pair(r, b) + pair(r, s);
      base_.row(i)[j] = base_.row(j)[i] = 0.5 * scaled(value);
      errors += std::fabs(scaled(value));
    }
  }
  data_error_ = kUnit * errors;
}

void Form::add_sides(const State& state) {
  const Problem& p = *problem_;
  for (std::size_t r = 0; r < p.rows.size(); ++r) {
    const Row& row = p.rows[r];
    std::int64_t used = state.used(r);
    for (const std::int32_t g : open_) used += p.usage_of(r, reference_[at(g)]);
    const double unit = static_cast<double>(std::max<std::int64_t>(row.most, 1));
    for (int lower = 0; lower < 2; ++lower) {
      if (lower == 1 && row.lower <= 0) continue;
      if (lower == 0 && row.upper >= row.most) continue;
      const double sign = lower == 0 ? 1.0 : -1.0;
      Side side;
      side.source = 2 * r + static_cast<std::size_t>(lower);
      side.vector.resize(size_);
      side.vector[0] =
          sign * static_cast<double>(used - (lower == 0 ? row.upper : row.lower)) / unit;
      for (std::size_t i = 1; i < size_; ++i) {
        const std::int32_t o = option_[i];
        const std::int32_t ref = reference_[at(p.group[at(o)])];
        side.vector[i] = sign * static_cast<double>(p.usage_of(r, o) - p.usage_of(r, ref)) / unit;
      }
      sides_.push_back(std::move(side));
    }
  }
}

// Variables and a point inside: what was handed on, or large diagonals.
void Form::start(const Warm& warm) {
  using Kind = Variable::Kind;
  variables_.push_back({Kind::kBound, 0, 0, 0});
  value_.push_back(warm.bound);
  const bool cold = warm.block.empty();
  for (const std::int32_t g : open_) {
    const std::size_t from = first_[at(g)];
    const std::size_t to = from + count_[at(g)];
    const auto block = [&](std::int32_t a, std::int32_t b) {
      return warm.block[at(a) * stride_ + at(b - problem_->begin[at(g)])];
    };
    const std::int32_t r = reference_[at(g)];
    for (std::size_t i = from; i < to; ++i) {
      for (std::size_t j = i; j < to; ++j) {
        variables_.push_back({i == j ? Kind::kDiagonal : Kind::kOffDiagonal, i, j, 0});
        const std::int32_t a = option_[i];
        const std::int32_t b = option_[j];
        if (!cold) {
          value_.push_back(block(a, b) - block(a, r) - block(r, b) + block(r, r));
          continue;
        }
        double row = 0.0;
        for (std::size_t k = 1; k < size_; ++k) row += std::fabs(base_.row(i)[k]);
        value_.push_back(i == j ? row + 0.01 : 0.0);
      }
    }
  }
  for (std::size_t s = 0; s < sides_.size(); ++s) {
    variables_.push_back({Kind::kMultiplier, 0, 0, s});
    value_.push_back(cold ? 0.01 : warm.multiplier[sides_[s].source]);
  }
  // A lower bound that is too high is the only thing that may be wrong.
  double step = 1e-6 * (1.0 + std::fabs(value_[0]));
  for (int tries = 0; tries < 60; ++tries) {
    current_ = matrix(value_);
    factor_ = current_;
    if (factorise(factor_)) {
      usable_ = true;
      return;
    }
    value_[0] -= step;
    step *= 4.0;
  }
}

Matrix Form::matrix(const std::vector<double>& values) const {
  Matrix result = base_;
  double* const top = result.row(0);
  for (std::size_t v = 0; v < variables_.size(); ++v) {
    const Variable& variable = variables_[v];
    const double value = values[v];
    switch (variable.kind) {
      case Variable::Kind::kBound:
        top[0] -= value;
        break;
      case Variable::Kind::kDiagonal:
        result.row(variable.a)[variable.a] += value;
        top[variable.a] -= 0.5 * value;
        break;
      case Variable::Kind::kOffDiagonal:
        result.row(variable.a)[variable.b] += value;
        result.row(variable.b)[variable.a] += value;
        break;
      case Variable::Kind::kMultiplier: {
        const std::vector<double>& side = sides_[variable.side].vector;
        top[0] += value * side[0];
        for (std::size_t i = 1; i < size_; ++i) top[i] += 0.5 * value * side[i];
        break;
      }
    }
  }
  for (std::size_t i = 1; i < size_; ++i) result.row(i)[0] = top[i];
  return result;
}

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

void Form::ascend(double target, double near, int most_steps) {
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
      if (value_[0] >= target) break;
    }
    if (value_[0] >= target || mu * terms < near * (target - value_[0])) break;
    mu *= kShrink;
  }
  centre();
}

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

Warm Form::warm() const {
  Warm result;
  result.block.assign(at(problem_->num_options) * stride_, 0.0);
  result.multiplier.assign(2 * problem_->rows.size(), 1e-3);
  result.bound = value_[0];
  for (std::size_t v = 0; v < variables_.size(); ++v) {
    const Variable& variable = variables_[v];
    if (variable.kind == Variable::Kind::kMultiplier) {
      result.multiplier[sides_[variable.side].source] = value_[v];
    }
    if (variable.kind != Variable::Kind::kDiagonal &&
        variable.kind != Variable::Kind::kOffDiagonal) {
      continue;
    }
    const std::int32_t a = option_[variable.a];
    const std::int32_t b = option_[variable.b];
    const std::int32_t begin = problem_->begin[at(problem_->group[at(a)])];
    result.block[at(a) * stride_ + at(b - begin)] = value_[v];
    result.block[at(b) * stride_ + at(a - begin)] = value_[v];
  }
  return result;
}

}  // namespace mpsolve::dense
