// The engine against enumeration and a table, and what it promises when stopped early.
#include <cmath>
#include <limits>

#include "check.hpp"
#include "instances.hpp"
#include "suites.hpp"

namespace mpsolve::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_optimal(const Instance& instance, const MckpOutcome& outcome,
                   const std::optional<double>& optimum, double tolerance = 0.0) {
  if (!optimum) {
    CHECK(outcome.reason == Reason::kInfeasible, "must be infeasible");
    CHECK(outcome.bound == kInfinity && !outcome.has_layout, "infeasible with a layout");
    return;
  }
  CHECK(outcome.reason == Reason::kOptimal && outcome.limit == Limit::kNone, "must be optimal");
  const Checked sums = check_layout(instance, outcome);
  const double slack = rounding(instance);
  CHECK(sums.loss <= *optimum + slack + tolerance, "%.17g above the optimum %.17g", sums.loss,
        *optimum);
  CHECK(outcome.bound <= *optimum + 1e-3 * slack, "bound %.17g above the optimum %.17g",
        outcome.bound, *optimum);
  CHECK(outcome.bound >= *optimum - slack - tolerance, "bound %.17g far below %.17g", outcome.bound,
        *optimum);
}

void test_enumeration() {
  Random random(1);
  for (int t = 0; t < 20000 && failures() == 0; ++t) {
    const Instance instance = small_instance(random);
    MckpSettings settings;
    std::vector<std::int32_t> hint;
    if (random.chance(0.3)) {
      for (std::size_t i = 0; i + 1 < instance.offsets.size(); ++i) {
        hint.push_back(static_cast<std::int32_t>(
            random.integer(0, instance.offsets[i + 1] - instance.offsets[i] - 1)));
      }
      settings.hint = hint.data();
    }
    if (random.chance(0.3)) settings.memory_limit = 1;
    const std::vector<double> loss = instance.loss;
    check_optimal(instance, solve_mckp(instance.problem(), settings, nullptr), enumerate(instance));
    CHECK(loss == instance.loss, "input changed");
    if (failures() != 0) std::fprintf(stderr, "in small instance %d\n", t);
  }
}

// Integer losses and usages: the table is exact. Tiny memory forces the lists to be split.
void test_table() {
  Random random(2);
  for (int t = 0; t < 160 && failures() == 0; ++t) {
    Instance instance = strong_instance(random, 20 + t % 30, 2 + t % 7, 60);
    const std::int64_t least = instance.min_usage();
    const std::int64_t most = instance.max_usage();
    const bool real = t % 4 == 1;
    if (real) {
      for (double& loss : instance.loss) loss += random.uniform();
    }
    if (t % 4 == 2) {
      for (double& loss : instance.loss) loss = -loss;  // then the lower side binds
      instance.upper.reset();
      instance.lower = (least + most) / 2;
    }
    if (t % 8 == 3) instance.lower = instance.upper;
    if (t % 8 == 7) instance.lower = *instance.upper - random.integer(0, 3);
    const std::optional<double> optimum = tabulate(instance);
    for (const std::size_t memory : {std::size_t{1}, std::size_t{1} << 18, std::size_t{2} << 30}) {
      if (memory == 1 && (real || t >= 60 || instance.lower)) continue;
      MckpSettings settings;
      settings.memory_limit = memory;
      check_optimal(instance, solve_mckp(instance.problem(), settings, nullptr), optimum);
    }
    if (failures() != 0) std::fprintf(stderr, "in table instance %d\n", t);
  }
}

// The same answers whether lists are split or not, on sizes that no table holds.
void test_splits() {
  Random random(3);
  std::int64_t splits = 0;
  for (int t = 0; t < 12 && failures() == 0; ++t) {
    const Instance instance = network_instance(random, 120, 3 + t % 4, t % 2 == 1, 0.4);
    const MckpOutcome free = solve_mckp(instance.problem(), MckpSettings{}, nullptr);
    check_optimal(instance, free, free.loss);
    MckpSettings settings;
    settings.memory_limit = 1 << 17;
    const MckpOutcome tight = solve_mckp(instance.problem(), settings, nullptr);
    splits += tight.counters.num_splits;
    check_optimal(instance, tight, free.loss, rounding(instance));
  }
  Instance hard = strong_instance(random, 60, 6, 200);
  MckpSettings settings;
  settings.memory_limit = 1;
  const MckpOutcome tight = solve_mckp(hard.problem(), settings, nullptr);
  splits += tight.counters.num_splits;
  check_optimal(hard, tight, tabulate(hard));
  CHECK(splits > 0, "no list was split");
}

// Sampling only begins with many groups. Both sides, shapes and scales.
void test_large() {
  Random random(4);
  for (int t = 0; t < 8 && failures() == 0; ++t) {
    Instance instance = network_instance(random, 30000, 2 + t % 4, t % 2 == 1, 0.1 + 0.12 * t);
    instance.ragged = t % 3 == 0;
    if (t >= 6) {
      // Heavy tail: nearly all of the usage in groups that a sample misses.
      for (std::size_t o = 0; o < 64; ++o) instance.usage[o] *= 1000000;
      instance.upper = (instance.min_usage() + instance.max_usage()) / 2;
    }
    const MckpOutcome plain = solve_mckp(instance.problem(), MckpSettings{}, nullptr);
    CHECK(plain.reason == Reason::kOptimal, "not proven");
    check_layout(instance, plain);
    CHECK(plain.loss - plain.bound <= rounding(instance), "bound too far");
    CHECK(plain.multiplier >= 0.0, "sign of the multiplier");

    // Turned around: the lower side binds, with the same loss.
    Instance turned = instance;
    for (std::int64_t& usage : turned.usage) usage = -usage;
    turned.lower = -*instance.upper;
    turned.upper.reset();
    const MckpOutcome mirror = solve_mckp(turned.problem(), MckpSettings{}, nullptr);
    CHECK(mirror.loss == plain.loss && mirror.usage == -plain.usage, "mirror differs");
    CHECK(mirror.multiplier == -plain.multiplier, "mirrored multiplier");

    // Scale-free: losses of 1e-300 in total behave like losses of 1.
    Instance tiny = instance;
    for (double& loss : tiny.loss) loss = std::ldexp(loss, -960);
    const MckpOutcome scaled = solve_mckp(tiny.problem(), MckpSettings{}, nullptr);
    CHECK(scaled.reason == Reason::kOptimal && scaled.usage == plain.usage, "scale changes layout");

    Instance infeasible = instance;
    infeasible.upper = instance.min_usage() - 1;
    check_optimal(infeasible, solve_mckp(infeasible.problem(), MckpSettings{}, nullptr), {});
    infeasible.upper = instance.min_usage();
    CHECK(solve_mckp(infeasible.problem(), MckpSettings{}, nullptr).usage == instance.min_usage(),
          "lightest layout");
    Instance open = instance;
    open.upper.reset();
    const MckpOutcome best = solve_mckp(open.problem(), MckpSettings{}, nullptr);
    CHECK(best.reason == Reason::kOptimal && best.bound == best.loss, "no budget");
  }
}

class StopAfter final : public Host {
 public:
  bool poll(double, double bound, std::int64_t) override {
    last_bound = bound;
    return ++polls < 3;
  }
  int polls = 0;
  double last_bound = 0.0;
};

void test_limits() {
  Random random(5);
  Instance hard = strong_instance(random, 2000, 10, 1000000);
  for (double& loss : hard.loss) loss += 1e-3 * random.uniform();
  for (const bool both : {false, true}) {
    if (both) hard.lower = *hard.upper - 1;
    MckpSettings settings;
    settings.time_limit = 0.0;
    for (const double seconds : {0.0, 0.05, 0.3}) {
      settings.time_limit = seconds;
      const MckpOutcome outcome = solve_mckp(hard.problem(), settings, nullptr);
      CHECK(outcome.limit == Limit::kTime, "time limit");
      CHECK(outcome.bound > -kInfinity || seconds == 0.0, "no bound");
      if (!both) CHECK(outcome.has_layout, "no layout");
      if (outcome.has_layout) check_layout(hard, outcome);
    }
    settings = MckpSettings{};
    settings.label_limit = 20000;
    const MckpOutcome labels = solve_mckp(hard.problem(), settings, nullptr);
    CHECK(labels.limit == Limit::kLabels, "label limit");
    if (labels.has_layout) check_layout(hard, labels);
    StopAfter host;
    const MckpOutcome stopped = solve_mckp(hard.problem(), MckpSettings{}, &host);
    CHECK(stopped.limit == Limit::kInterrupted && host.polls == 3, "interrupt");
    CHECK(stopped.bound > -kInfinity && host.last_bound > -kInfinity, "no bound");
  }
}

// Stopped at many places, with and without splits: the bound never passes the optimum.
void test_bounds_when_stopped() {
  Random random(6);
  for (int t = 0; t < 60 && failures() == 0; ++t) {
    Instance instance = strong_instance(random, 30, 5, 80);
    if (t % 3 == 1) instance.lower = *instance.upper;
    if (t % 2 == 1) {
      for (double& loss : instance.loss) loss += random.uniform();
    }
    const std::optional<double> optimum = tabulate(instance);
    for (std::int64_t limit = 1; limit < 100000; limit *= 7) {
      MckpSettings settings;
      settings.label_limit = limit;
      if (t % 4 < 2) settings.memory_limit = 1;
      const MckpOutcome outcome = solve_mckp(instance.problem(), settings, nullptr);
      if (!optimum) {
        CHECK(!outcome.has_layout, "layout of an infeasible instance");
        continue;
      }
      CHECK(outcome.bound <= *optimum + rounding(instance), "bound %.17g above %.17g",
            outcome.bound, *optimum);
      if (outcome.has_layout)
        CHECK(check_layout(instance, outcome).loss >= *optimum - rounding(instance),
              "below the optimum");
      if (outcome.reason == Reason::kOptimal) check_optimal(instance, outcome, optimum);
    }
  }
}

void test_gaps() {
  Random random(7);
  for (int t = 0; t < 60 && failures() == 0; ++t) {
    Instance instance = strong_instance(random, 40, 6, 80);
    for (double& loss : instance.loss) loss += random.uniform();
    if (t % 3 == 1) instance.lower = *instance.upper - 2;
    const std::optional<double> optimum = tabulate(instance);
    if (!optimum) continue;
    MckpSettings settings;
    double tolerance = 0.0;
    if (t % 2 == 0) {
      settings.rel_gap = std::pow(10.0, -1.0 - t % 6);
      tolerance = settings.rel_gap * std::fabs(*optimum) * 1.2;
    } else {
      settings.abs_gap = tolerance = std::pow(10.0, 1.0 - t % 6);
    }
    const MckpOutcome outcome = solve_mckp(instance.problem(), settings, nullptr);
    check_optimal(instance, outcome, optimum, tolerance);
    const double allowed = std::max(settings.abs_gap, settings.rel_gap * std::fabs(outcome.loss));
    CHECK(outcome.loss - outcome.bound <= allowed + rounding(instance), "gap %.3g above %.3g",
          outcome.loss - outcome.bound, allowed);
  }
}

}  // namespace
}  // namespace mpsolve::test

int main() {
  using namespace mpsolve::test;
  const struct {
    const char* name;
    void (*run)();
  } tests[] = {
      {"enumeration", test_enumeration},
      {"table", test_table},
      {"splits", test_splits},
      {"large", test_large},
      {"limits", test_limits},
      {"bounds when stopped", test_bounds_when_stopped},
      {"gaps", test_gaps},
      {"front", test_front},
      {"front within limits", test_front_limits},
      {"many budgets", test_many},
      {"branch and bound", test_branch},
      {"paths", test_paths},
      {"paths within limits", test_paths_limits},
      {"dense", test_dense},
      {"dense bounds", test_dense_bounds},
      {"dense local search", test_dense_local},
  };
  for (const auto& test : tests) {
    const mpsolve::Control clock(0.0, 0, nullptr);
    const int before = failures();
    test.run();
    std::printf("%-22s %s %6.2f s\n", test.name, failures() == before ? "ok" : "FAILED",
                clock.seconds());
    std::fflush(stdout);
  }
  return failures() == 0 ? 0 : 1;
}
