#include "problem.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

namespace mpsolve::dense {
namespace {

// Bits of the largest sum: prices of budgets and messages need room above it.
constexpr int kBits = 54;

double largest_sum(const Model& model) {
  double sum = 0.0;
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    double most = 0.0;
    for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
      most = std::max(most, std::fabs(model.loss[at(o)]));
    }
    sum += most;
  }
  for (const paths::ModelPair& pair : model.pairs) {
    double most = 0.0;
    for (const double value : pair.table) {
      if (!std::isinf(value)) most = std::max(most, std::fabs(value));
    }
    sum += most;
  }
  return sum;
}

}  // namespace

Problem::Problem(const Model& model)
    : num_groups(model.num_groups()),
      num_options(model.num_options()),
      begin(model.begin),
      rows(model.rows),
      base_(model.base) {
  const double sum = largest_sum(model);
  exponent = kBits - 1 - (sum > 0.0 ? std::ilogb(sum) : 0);
  total = std::int64_t{1} << kBits;
  double worst = 0.0;  // rounding of the worst layout, in quanta
  const auto round = [this, &worst](double value) {
    const double scaled = std::ldexp(value, exponent);
    const std::int64_t rounded = std::llround(scaled);
    worst = std::max(worst, std::fabs(scaled - static_cast<double>(rounded)));
    return rounded;
  };
  group.resize(at(num_options));
  for (std::int32_t g = 0; g < num_groups; ++g) {
    for (std::int32_t o = begin[at(g)]; o < begin[at(g) + 1]; ++o) group[at(o)] = g;
  }
  unit = 0;
  const auto note = [this](std::int64_t value) {
    if (unit != 1) unit = std::gcd(unit, value);
  };
  loss.resize(at(num_options));
  for (std::size_t o = 0; o < loss.size(); ++o) {
    loss[o] = round(model.loss[o]) + round(model.rest[o]);
    note(loss[o]);
  }
  const std::size_t width = at(num_options);
  table.assign(width * width, 0);
  for (const paths::ModelPair& pair : model.pairs) {
    std::size_t entry = 0;
    for (std::int32_t a = begin[at(pair.first)]; a < begin[at(pair.first) + 1]; ++a) {
      for (std::int32_t b = begin[at(pair.second)]; b < begin[at(pair.second) + 1]; ++b) {
        const double value = pair.table[entry++];
        const std::int64_t rounded = std::isinf(value) ? kForbidden : round(value);
        if (rounded != kForbidden) note(rounded);
        std::int64_t& cell = table[at(a) * width + at(b)];
        cell = rounded == kForbidden ? kForbidden : std::min(kForbidden, cell + rounded);
        table[at(b) * width + at(a)] = cell;
      }
    }
  }
  unit = std::max<std::int64_t>(unit, 1);
  for (const std::int64_t value : loss) substitute = std::max(substitute, value);
  for (const std::int64_t value : table) {
    if (!is_forbidden(value)) substitute = std::max(substitute, std::abs(value));
  }
  // The sum over all pairs must fit.
  substitute = std::min(substitute, kForbidden / (std::int64_t{num_groups} * num_groups + 1));
  usage.resize(rows.size() * width);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::int32_t o = 0; o < num_options; ++o) usage[r * width + at(o)] = model.usage_of(o)[r];
  }
  const std::size_t terms = 2 * at(num_groups) + model.pairs.size();
  margin = worst * static_cast<double>(terms);
}

double Problem::step_down() const {
  const auto step = static_cast<double>(unit);
  return step > 4.0 * margin ? step - margin : std::max(margin, 1.0);
}

double Problem::from_loss(double high, double low) const {
  const TwoSum difference = two_sum(high, -base_.value());
  const double rest = difference.error + low - base_.rest();
  return std::ldexp(difference.sum + rest, exponent);
}

CompensatedSum Problem::to_loss(double quanta) const {
  CompensatedSum sum = base_;
  sum.add(std::ldexp(quanta, -exponent));
  return sum;
}

double bytes_needed(const Model& model) {
  const auto options = static_cast<double>(model.num_options());
  const auto groups = static_cast<double>(model.num_groups());
  // The matrix in integers and in floats, and one set of messages for every depth.
  return 24.0 * options * options + 8.0 * options * groups * groups;
}

}  // namespace mpsolve::dense
