// The front against a table over usages.
#include <cmath>
#include <limits>

#include "check.hpp"
#include "front.hpp"
#include "instances.hpp"
#include "suites.hpp"

namespace mpsolve::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Groups view(const Instance& instance) {
  return Groups{instance.loss.data(),
                instance.usage.data(),
                instance.offsets.data(),
                instance.num_groups(),
                0,
                0};
}

// Least loss for every usage from the smallest on.
std::vector<double> least_losses(const Instance& instance) {
  const std::int64_t least = instance.min_usage();
  const auto width = static_cast<std::size_t>(instance.max_usage() - least) + 1;
  std::vector<double> best(width, kInfinity);
  best[0] = 0.0;
  std::size_t reached = 1;
  for (std::size_t g = 0; g + 1 < instance.offsets.size(); ++g) {
    const auto begin = static_cast<std::size_t>(instance.offsets[g]);
    const auto end = static_cast<std::size_t>(instance.offsets[g + 1]);
    std::int64_t low = instance.usage[begin];
    std::int64_t high = low;
    for (std::size_t o = begin; o < end; ++o) {
      low = std::min(low, instance.usage[o]);
      high = std::max(high, instance.usage[o]);
    }
    std::vector<double> next(width, kInfinity);
    for (std::size_t o = begin; o < end; ++o) {
      const auto more = static_cast<std::size_t>(instance.usage[o] - low);
      for (std::size_t u = 0; u < reached; ++u) {
        next[u + more] = std::min(next[u + more], best[u] + instance.loss[o]);
      }
    }
    reached += static_cast<std::size_t>(high - low);
    best = std::move(next);
  }
  return best;
}

Instance integer_instance(Random& random, int t) {
  Instance instance = strong_instance(random, 3 + t % 20, 2 + t % 5, 40);
  if (t % 3 == 1) {
    for (double& loss : instance.loss) loss = -loss;
  }
  if (t % 3 == 2) {
    for (double& loss : instance.loss) loss = static_cast<double>(random.integer(-30, 30));
  }
  return instance;
}

}  // namespace

void test_front() {
  Random random(11);
  for (int t = 0; t < 300 && failures() == 0; ++t) {
    const Instance instance = integer_instance(random, t);
    const FrontOutcome front = solve_front(view(instance), FrontSettings{}, nullptr);
    CHECK(front.is_complete, "stopped without a limit");
    const std::vector<double> best = least_losses(instance);
    std::size_t point = 0;
    double least = kInfinity;
    for (std::size_t u = 0; u < best.size(); ++u) {
      if (!(best[u] < least)) continue;
      least = best[u];
      const std::int64_t usage = instance.min_usage() + static_cast<std::int64_t>(u);
      CHECK(point < front.usage.size(), "a point is missing");
      if (point == front.usage.size()) break;
      CHECK(front.usage[point] == usage && front.loss[point] == least,
            "point %zu: (%lld, %.17g), must be (%lld, %.17g)", point,
            static_cast<long long>(front.usage[point]), front.loss[point],
            static_cast<long long>(usage), least);
      ++point;
    }
    CHECK(point == front.usage.size(), "a point too many");
    if (failures() != 0) std::fprintf(stderr, "in front instance %d\n", t);
  }
}

// Part of the range, coarse fronts, and little memory: what is there is true.
void test_front_limits() {
  Random random(12);
  for (int t = 0; t < 120 && failures() == 0; ++t) {
    const Instance instance = integer_instance(random, t);
    const FrontOutcome whole = solve_front(view(instance), FrontSettings{}, nullptr);
    FrontSettings settings;
    const std::int64_t middle = (instance.min_usage() + instance.max_usage()) / 2;
    settings.most = middle;
    const FrontOutcome half = solve_front(view(instance), settings, nullptr);
    std::size_t below = 0;
    while (below < whole.usage.size() && whole.usage[below] <= middle) ++below;
    CHECK(half.is_complete && half.usage.size() >= below, "points below the middle are missing");
    for (std::size_t p = 0; p < below; ++p) {
      CHECK(half.usage[p] == whole.usage[p] && half.loss[p] == whole.loss[p], "point %zu", p);
    }

    settings = FrontSettings{};
    settings.epsilon = 0.05;
    const FrontOutcome coarse = solve_front(view(instance), settings, nullptr);
    const double range = whole.loss.front() - whole.loss.back();
    std::size_t at = 0;
    for (std::size_t p = 0; p < whole.usage.size(); ++p) {
      while (at + 1 < coarse.usage.size() && coarse.usage[at + 1] <= whole.usage[p]) ++at;
      CHECK(coarse.usage[at] <= whole.usage[p] &&
                coarse.loss[at] <= whole.loss[p] + 0.05 * range + 1e-9,
            "point %zu has no stand-in", p);
    }

    settings = FrontSettings{};
    settings.memory_limit = 1 << (8 + t % 8);
    const FrontOutcome little = solve_front(view(instance), settings, nullptr);
    for (std::size_t p = 0; p < whole.usage.size() && !little.is_complete; ++p) {
      if (whole.usage[p] >= little.done_below) break;
      CHECK(p < little.usage.size() && little.usage[p] == whole.usage[p], "point %zu", p);
    }
    if (failures() != 0) std::fprintf(stderr, "in front instance %d\n", t);
  }
}

}  // namespace mpsolve::test
