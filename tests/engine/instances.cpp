#include "instances.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "check.hpp"
#include "sums.hpp"

namespace mpsolve::test {

std::uint64_t Random::bits() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

std::int64_t Random::integer(std::int64_t low, std::int64_t high) {
  const auto span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + bits() % span);
}

std::int64_t Instance::min_usage() const {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < num_groups(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    total += *std::min_element(usage.begin() + offsets[at], usage.begin() + offsets[at + 1]);
  }
  return total;
}

std::int64_t Instance::max_usage() const {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < num_groups(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    total += *std::max_element(usage.begin() + offsets[at], usage.begin() + offsets[at + 1]);
  }
  return total;
}

MckpProblem Instance::problem() const {
  MckpProblem problem;
  problem.loss = loss.data();
  problem.usage = usage.data();
  problem.num_groups = num_groups();
  if (ragged) {
    problem.offsets = offsets.data();
  } else {
    problem.num_options = num_groups() > 0 ? offsets[1] : 1;
  }
  problem.has_lower = lower.has_value();
  problem.has_upper = upper.has_value();
  problem.lower = lower.value_or(0);
  problem.upper = upper.value_or(0);
  return problem;
}

paths::Input Budgeted::input() const {
  paths::Input input;
  input.num_groups = static_cast<std::int32_t>(offsets.size()) - 1;
  input.offsets = offsets.data();
  input.loss = loss.data();
  for (std::size_t b = 0; b < usage.size(); ++b) {
    input.budgets.push_back({usage[b].data(), sides[b].first, sides[b].second});
  }
  return input;
}

Instance small_instance(Random& random) {
  Instance instance;
  const std::int64_t groups = random.integer(0, 6);
  const std::int64_t options = random.integer(1, 5);
  instance.ragged = random.chance(0.5);
  instance.offsets.push_back(0);
  for (std::int64_t i = 0; i < groups; ++i) {
    const std::int64_t size = instance.ragged ? random.integer(1, 4) : options;
    instance.offsets.push_back(instance.offsets.back() + size);
  }
  const std::int64_t loss_kind = random.integer(0, 7);
  const std::int64_t usage_kind = random.integer(0, 6);
  const std::int64_t far = (std::int64_t{1} << 62) / std::max<std::int64_t>(groups, 1) - 1;
  for (std::int64_t o = 0; o < instance.offsets.back(); ++o) {
    double loss = 0.0;
    switch (loss_kind) {
      case 0:
        loss = static_cast<double>(random.integer(-5, 5));
        break;
      case 1:
        loss = 2.0 * random.uniform() - 1.0;
        break;
      case 2:
        loss = std::pow(10.0, -6.0 * random.uniform());
        break;
      case 3:
        loss = random.uniform() * 1e-300;
        break;
      case 4:
        loss = (2.0 * random.uniform() - 1.0) * 1e300;
        break;
      case 5:
        loss = 0.1 * static_cast<double>(random.integer(0, 3));
        break;
      case 6:
        loss = 1e9 + random.uniform();
        break;
      default:
        loss = static_cast<double>(random.integer(0, 1));
        break;
    }
    std::int64_t usage = 0;
    switch (usage_kind) {
      case 0:
        usage = random.integer(-5, 5);
        break;
      case 1:
        usage = random.integer(0, 100);
        break;
      case 2:
        usage = random.integer(-far, far);
        break;
      case 3:
        usage = 1024 * random.integer(0, 4);
        break;
      case 4:
        usage = 7;
        break;
      case 5:
        usage = static_cast<std::int64_t>(std::pow(10.0, 9.0 * random.uniform()));
        break;
      default:
        usage = static_cast<std::int64_t>(std::fabs(loss) < 1e6 ? 10.0 - loss : 1.0);
        break;
    }
    instance.loss.push_back(loss);
    instance.usage.push_back(usage);
  }
  const std::int64_t least = instance.min_usage() - 2;
  const std::int64_t most = instance.max_usage() + 2;
  const auto somewhere = [&] {
    const auto span = static_cast<double>(most) - static_cast<double>(least);
    return std::min(most, least + static_cast<std::int64_t>(random.uniform() * span * 0.999));
  };
  std::int64_t low = somewhere();
  std::int64_t high = somewhere();
  if (low > high) std::swap(low, high);
  if (random.chance(0.3)) {  // exactly what some layout takes
    low = 0;
    for (std::size_t i = 0; i + 1 < instance.offsets.size(); ++i) {
      low += instance.usage[static_cast<std::size_t>(
          random.integer(instance.offsets[i], instance.offsets[i + 1] - 1))];
    }
    high = low;
  }
  const std::int64_t sides = random.integer(0, 7);
  if (sides == 0 || sides >= 4) instance.upper = high;
  if (sides == 1 || sides >= 4) instance.lower = low;
  if (sides >= 6) instance.lower.reset();
  return instance;
}

Instance network_instance(Random& random, std::int64_t groups, std::int64_t options, bool repeated,
                          double budget) {
  Instance instance;
  instance.ragged = false;
  instance.offsets.push_back(0);
  std::vector<double> sensitivities;
  for (int s = 0; s < 6; ++s) sensitivities.push_back(std::pow(10.0, -6.0 * random.uniform()));
  for (std::int64_t i = 0; i < groups; ++i) {
    const double sensitivity = repeated
                                   ? sensitivities[static_cast<std::size_t>(random.integer(0, 5))]
                                   : std::pow(10.0, -6.0 * random.uniform());
    const std::int64_t size =
        repeated ? (random.chance(0.5) ? 4 : 11) * 4096
                 : static_cast<std::int64_t>(std::pow(10.0, 3.0 + 3.0 * random.uniform()));
    for (std::int64_t j = 0; j < options; ++j) {
      const std::int64_t bits = 2 + 2 * j;
      const double noise = repeated ? 1.0 : 0.8 + 0.4 * random.uniform();
      instance.loss.push_back(sensitivity * noise * std::pow(4.0, -static_cast<double>(bits)));
      instance.usage.push_back(size * bits);
    }
    instance.offsets.push_back(instance.offsets.back() + options);
  }
  const std::int64_t least = instance.min_usage();
  const std::int64_t most = instance.max_usage();
  instance.upper = least + static_cast<std::int64_t>(budget * static_cast<double>(most - least));
  return instance;
}

Instance strong_instance(Random& random, std::int64_t groups, std::int64_t options,
                         std::int64_t range) {
  Instance instance;
  instance.ragged = false;
  instance.offsets.push_back(0);
  for (std::int64_t i = 0; i < groups; ++i) {
    std::vector<std::int64_t> steps;
    for (std::int64_t j = 0; j < options; ++j) {
      steps.push_back(random.integer(1, 2 * range / options));
    }
    std::sort(steps.begin(), steps.end());
    std::int64_t weight = 0;
    for (std::int64_t j = 0; j < options; ++j) {
      weight += steps[static_cast<std::size_t>(j)];
      instance.usage.push_back(weight);
      instance.loss.push_back(-static_cast<double>(weight + 10 * (j + 1)));
    }
    instance.offsets.push_back(instance.offsets.back() + options);
  }
  instance.upper = (instance.min_usage() + instance.max_usage()) / 2;
  return instance;
}

std::optional<double> enumerate(const Instance& instance) {
  const auto groups = static_cast<std::size_t>(instance.num_groups());
  std::vector<std::int64_t> at(instance.offsets.begin(),
                               instance.offsets.begin() + instance.num_groups());
  std::optional<double> best;
  for (;;) {
    CompensatedSum loss;
    std::int64_t usage = 0;
    for (const std::int64_t option : at) {
      loss.add(instance.loss[static_cast<std::size_t>(option)]);
      usage += instance.usage[static_cast<std::size_t>(option)];
    }
    const bool fits = (!instance.lower || usage >= *instance.lower) &&
                      (!instance.upper || usage <= *instance.upper);
    if (fits && (!best || loss.value() < *best)) best = loss.value();
    std::size_t i = 0;
    for (; i < groups; ++i) {
      if (++at[i] < instance.offsets[i + 1]) break;
      at[i] = instance.offsets[i];
    }
    if (i == groups) return best;
  }
}

std::optional<double> tabulate(const Instance& instance) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  const auto width = static_cast<std::size_t>(instance.max_usage()) + 1;
  std::vector<double> table(width, kNone);
  table[0] = 0.0;
  std::vector<double> next(width);
  for (std::size_t i = 0; i + 1 < instance.offsets.size(); ++i) {
    std::fill(next.begin(), next.end(), kNone);
    for (auto o = static_cast<std::size_t>(instance.offsets[i]);
         o < static_cast<std::size_t>(instance.offsets[i + 1]); ++o) {
      const auto usage = static_cast<std::size_t>(instance.usage[o]);
      for (std::size_t w = usage; w < width; ++w) {
        next[w] = std::min(next[w], table[w - usage] + instance.loss[o]);
      }
    }
    table.swap(next);
  }
  double best = kNone;
  for (std::size_t w = 0; w < width; ++w) {
    const auto usage = static_cast<std::int64_t>(w);
    const bool fits = (!instance.lower || usage >= *instance.lower) &&
                      (!instance.upper || usage <= *instance.upper);
    if (fits) best = std::min(best, table[w]);
  }
  return best < kNone ? std::optional<double>(best) : std::nullopt;
}

Checked check_layout(const Instance& instance, const MckpOutcome& outcome) {
  Checked sums;
  CHECK(outcome.has_layout, "no layout");
  if (!outcome.has_layout) return sums;
  CHECK(outcome.choices.size() == instance.offsets.size() - 1, "wrong length");
  CompensatedSum loss;
  for (std::size_t i = 0; i < outcome.choices.size(); ++i) {
    const std::int64_t at = instance.offsets[i] + outcome.choices[i];
    CHECK(outcome.choices[i] >= 0 && at < instance.offsets[i + 1], "option out of range");
    loss.add(instance.loss[static_cast<std::size_t>(at)]);
    sums.usage += instance.usage[static_cast<std::size_t>(at)];
  }
  sums.loss = loss.value();
  CHECK(sums.usage == outcome.usage, "usage misreported");
  CHECK(!instance.lower || sums.usage >= *instance.lower, "below the lower side");
  CHECK(!instance.upper || sums.usage <= *instance.upper, "above the upper side");
  CHECK(std::fabs(sums.loss - outcome.loss) <= rounding(instance), "loss misreported: %.17g, %.17g",
        sums.loss, outcome.loss);
  CHECK(outcome.bound <= outcome.loss, "bound above loss");
  return sums;
}

double rounding(const Instance& instance) {
  double largest = 0.0;
  for (std::size_t i = 0; i + 1 < instance.offsets.size(); ++i) {
    double most = 0.0;
    for (auto o = static_cast<std::size_t>(instance.offsets[i]);
         o < static_cast<std::size_t>(instance.offsets[i + 1]); ++o) {
      most = std::max(most, std::fabs(instance.loss[o]));
    }
    largest += most;
  }
  return 1e-12 * largest;
}

}  // namespace mpsolve::test
