#include "form.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mpsolve::dense {
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
  data_error_ = std::numeric_limits<double>::epsilon() * errors;
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
