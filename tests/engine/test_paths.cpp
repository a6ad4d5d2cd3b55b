// Budgets, inventories and couplings together, against enumeration.
#include <cmath>
#include <limits>

#include "check.hpp"
#include "instances.hpp"
#include "paths/solver.hpp"
#include "suites.hpp"

namespace mpsolve::test {
namespace {

using paths::kInfinity;

struct Coupled : Budgeted {
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  std::vector<std::vector<double>> tables;
  double size = 0.0;  // no layout's absolute losses sum to more

  paths::Input input() const {
    paths::Input input = Budgeted::input();
    for (std::size_t c = 0; c < pairs.size(); ++c) {
      input.couplings.push_back({pairs[c].first, pairs[c].second, tables[c].data()});
    }
    return input;
  }
};

// Chains, trees or anything; budgets of either side, of both, or equalities; forbidden pairs.
Coupled coupled_instance(Random& random, std::int64_t most_groups) {
  Coupled made;
  const std::int64_t groups = random.integer(1, most_groups);
  const bool integers = random.chance(0.4);
  const auto draw = [&] {
    return integers ? static_cast<double>(random.integer(-6, 6)) : random.uniform() - 0.4;
  };
  for (std::int64_t g = 0; g < groups; ++g) {
    made.offsets.push_back(made.offsets.back() + random.integer(1, 4));
  }
  for (std::int64_t o = 0; o < made.offsets.back(); ++o) made.loss.push_back(draw());
  const std::int64_t budgets = random.integer(0, 3);
  for (std::int64_t b = 0; b < budgets; ++b) {
    const bool counts = random.chance(0.3);
    std::vector<std::int64_t> usage;
    for (std::int64_t o = 0; o < made.offsets.back(); ++o) {
      usage.push_back(counts ? random.integer(0, 1) : random.integer(-3, 12));
    }
    std::int64_t total = 0;  // of some layout, so that not everything is infeasible
    for (std::size_t g = 0; g + 1 < made.offsets.size(); ++g) {
      total +=
          usage[static_cast<std::size_t>(random.integer(made.offsets[g], made.offsets[g + 1] - 1))];
    }
    const std::int64_t kind = random.integer(0, 3);
    made.sides.emplace_back(kind == 0 ? paths::kOpenLow : total - (kind == 3 ? 0 : 3),
                            kind == 1 ? paths::kOpenHigh : total + (kind == 3 ? 0 : 2));
    made.usage.push_back(std::move(usage));
  }
  const double density = random.uniform() * 0.7;
  for (std::int32_t u = 0; u < groups; ++u) {
    for (std::int32_t v = u + 1; v < groups; ++v) {
      const bool neighbours = v == u + 1;
      if (!random.chance(neighbours ? 0.7 : density * 0.5)) continue;
      const auto first = static_cast<std::size_t>(u);
      const auto second = static_cast<std::size_t>(v);
      const std::int64_t entries = (made.offsets[first + 1] - made.offsets[first]) *
                                   (made.offsets[second + 1] - made.offsets[second]);
      std::vector<double> table;
      for (std::int64_t e = 0; e < entries; ++e) {
        table.push_back(random.chance(0.1) ? kInfinity : draw());
      }
      made.pairs.emplace_back(u, v);
      made.tables.push_back(std::move(table));
    }
  }
  made.size = 6.0 * static_cast<double>(made.offsets.size() + made.pairs.size());
  return made;
}

double enumerate(const Coupled& coupled) {
  const paths::Input input = coupled.input();
  std::vector<std::int32_t> layout(static_cast<std::size_t>(input.num_groups), 0);
  double best = kInfinity;
  for (;;) {
    const paths::Evaluation value = paths::evaluate(input, layout.data());
    if (value.feasible) best = std::min(best, value.high);
    std::int32_t g = 0;
    while (g < input.num_groups) {
      std::int32_t& option = layout[static_cast<std::size_t>(g)];
      if (++option < input.size(g)) break;
      option = 0;
      ++g;
    }
    if (g == input.num_groups) return best;
  }
}

void check_bound(const Coupled& coupled, const paths::Outcome& outcome, double optimum) {
  const double slack = 1e-12 * coupled.size;
  CHECK(outcome.bound <= optimum + slack, "bound %.17g above the optimum %.17g", outcome.bound,
        optimum);
  if (outcome.layout.empty()) return;
  const paths::Evaluation value = paths::evaluate(coupled.input(), outcome.layout.data());
  CHECK(value.feasible, "the layout breaks something");
  CHECK(std::fabs(value.high - outcome.loss) <= slack, "loss %.17g, reported %.17g", value.high,
        outcome.loss);
  CHECK(value.high >= optimum - slack, "better than the optimum");
}

}  // namespace

void test_paths() {
  Random random(21);
  for (int t = 0; t < 3000 && failures() == 0; ++t) {
    const Coupled coupled = coupled_instance(random, 7);
    const double optimum = enumerate(coupled);
    Control control(kInfinity, 0, nullptr);
    paths::Parameters parameters;
    if (t % 4 == 1) {
      for (std::size_t g = 0; g + 1 < coupled.offsets.size(); ++g) {
        parameters.hint.push_back(static_cast<std::int32_t>(
            random.integer(0, coupled.offsets[g + 1] - coupled.offsets[g] - 1)));
      }
    }
    const paths::Outcome outcome = paths::solve(coupled.input(), parameters, control);
    if (optimum == kInfinity) {
      CHECK(outcome.reason == paths::Reason::kInfeasible && outcome.layout.empty(),
            "must be infeasible");
    } else {
      CHECK(outcome.reason == paths::Reason::kOptimal && !outcome.layout.empty(),
            "must be optimal");
      check_bound(coupled, outcome, optimum);
      CHECK(outcome.bound >= optimum - 1e-12 * coupled.size, "bound %.17g far below %.17g",
            outcome.bound, optimum);
    }
    if (failures() != 0) std::fprintf(stderr, "in coupled instance %d\n", t);
  }
}

// Stopped early for want of labels or memory: no false claim.
void test_paths_limits() {
  Random random(22);
  int stopped = 0;
  for (int t = 0; t < 600 && failures() == 0; ++t) {
    const Coupled coupled = coupled_instance(random, 8);
    const double optimum = enumerate(coupled);
    Control control(kInfinity, t % 2 == 0 ? 1 + t % 60 : 0, nullptr);
    paths::Parameters parameters;
    if (t % 2 == 1) parameters.memory_limit = std::size_t{1} << (12 + t % 8);
    paths::Outcome outcome;
    try {
      outcome = paths::solve(coupled.input(), parameters, control);
    } catch (const paths::TooWide&) {
      continue;
    }
    stopped += outcome.reason == paths::Reason::kFeasible ||
               outcome.reason == paths::Reason::kNoSolutionFound;
    if (outcome.reason == paths::Reason::kInfeasible) {
      CHECK(optimum == kInfinity, "falsely infeasible");
    } else {
      check_bound(coupled, outcome, optimum);
    }
    if (failures() != 0) std::fprintf(stderr, "in coupled instance %d\n", t);
  }
  CHECK(stopped > 0, "nothing was stopped");
}

}  // namespace mpsolve::test
