// Branch and bound and the relaxation under it, against enumeration.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "check.hpp"
#include "instances.hpp"
#include "paths/branch.hpp"
#include "paths/model.hpp"
#include "paths/relaxation.hpp"
#include "suites.hpp"

namespace mpsolve::test {
namespace {

using paths::kInfinity;

// Upper sides, lower sides, both, and equalities; now and then many equal losses.
Budgeted budgeted_instance(Random& random) {
  Budgeted made;
  const std::int64_t groups = random.integer(1, 7);
  const bool ties = random.chance(0.3);
  for (std::int64_t g = 0; g < groups; ++g) {
    made.offsets.push_back(made.offsets.back() + random.integer(1, 4));
  }
  for (std::int64_t o = 0; o < made.offsets.back(); ++o) {
    made.loss.push_back(ties ? static_cast<double>(random.integer(0, 4)) : random.uniform());
  }
  const std::int64_t budgets = random.integer(1, 4);
  for (std::int64_t b = 0; b < budgets; ++b) {
    const std::int64_t range = random.chance(0.5) ? 8 : 1000000000;
    std::vector<std::int64_t> usage;
    for (std::int64_t o = 0; o < made.offsets.back(); ++o) {
      usage.push_back(random.integer(0, range));
    }
    std::int64_t total = 0;
    for (std::size_t g = 0; g + 1 < made.offsets.size(); ++g) {
      total +=
          usage[static_cast<std::size_t>(random.integer(made.offsets[g], made.offsets[g + 1] - 1))];
    }
    const std::int64_t kind = random.integer(0, 4);
    made.sides.emplace_back(kind < 2 ? paths::kOpenLow : total - (kind == 4 ? 0 : range / 4),
                            kind == 2 ? paths::kOpenHigh : total);
    made.usage.push_back(std::move(usage));
  }
  return made;
}

// Least loss of the model's layouts with each option; infinity where there is none.
std::vector<double> least_with(const paths::Model& model) {
  std::vector<double> least(model.option.size(), kInfinity);
  std::vector<std::int32_t> layout(model.group.size(), 0);
  for (;;) {
    double loss = 0.0;
    bool fits = true;
    for (std::size_t r = 0; r < model.rows.size(); ++r) {
      std::int64_t total = 0;
      for (std::size_t g = 0; g < layout.size(); ++g) {
        total += model.usage_of(model.begin[g] + layout[g])[r];
      }
      fits = fits && total <= model.rows[r].upper && total >= model.rows[r].lower;
    }
    for (std::size_t g = 0; g < layout.size(); ++g) {
      loss += model.loss[static_cast<std::size_t>(model.begin[g] + layout[g])];
    }
    for (std::size_t g = 0; fits && g < layout.size(); ++g) {
      double& value = least[static_cast<std::size_t>(model.begin[g] + layout[g])];
      value = std::min(value, loss);
    }
    std::size_t g = 0;
    while (g < layout.size() && ++layout[g] == model.size(static_cast<std::int32_t>(g))) {
      layout[g++] = 0;
    }
    if (g == layout.size()) return least;
  }
}

void check_relaxation(const paths::Model& model, const std::vector<double>& least, double optimum) {
  paths::Relaxation relaxation(model);
  std::vector<std::int32_t> all(model.option.size());
  std::iota(all.begin(), all.end(), 0);
  CHECK(relaxation.load(all, nullptr), "every group has options");
  const bool may_fit = relaxation.solve(kInfinity);
  CHECK(may_fit || optimum == kInfinity, "a layout of loss %.17g was overlooked", optimum);
  if (!may_fit) return;
  CHECK(relaxation.bound() <= optimum, "bound %.17g above %.17g", relaxation.bound(), optimum);
  for (std::size_t p = 0; p < relaxation.num_positions(); ++p) {
    const double known = least[static_cast<std::size_t>(relaxation.option_at(p))];
    CHECK(relaxation.bound_with(p) <= known + 1e-12 * std::fabs(known),
          "bound %.17g of an option above %.17g", relaxation.bound_with(p), known);
  }
  // The basis starts another solve where this one ended.
  const double bound = relaxation.bound();
  const paths::Relaxation::Basis basis = relaxation.basis();
  CHECK(relaxation.load(all, &basis) && relaxation.solve(kInfinity), "a basis must load");
  CHECK(std::fabs(relaxation.bound() - bound) <= 1e-9 * (1.0 + std::fabs(bound)),
        "bound %.17g, and %.17g from its basis", bound, relaxation.bound());
}

}  // namespace

void test_branch() {
  Random random(11);
  int solved = 0;
  for (int t = 0; t < 6000 && failures() == 0; ++t) {
    const Budgeted made = budgeted_instance(random);
    const paths::Model model = paths::build_model(made.input());
    if (model.infeasible || model.group.empty()) continue;
    const std::vector<double> least = least_with(model);
    const double optimum = *std::min_element(least.begin(), least.end());
    check_relaxation(model, least, optimum);
    double best = kInfinity;
    const auto found = [&](const std::vector<std::int32_t>& layout) {
      double loss = 0.0;
      for (std::size_t g = 0; g < layout.size(); ++g) {
        const auto o = static_cast<std::size_t>(model.begin[g] + layout[g]);
        loss += model.loss[o];
        CHECK(least[o] < kInfinity, "a layout breaks a budget");
      }
      best = std::min(best, loss);
    };
    Control control(kInfinity, 0, nullptr);
    paths::Branching tree(model, [&] { return best; }, found, std::size_t{1} << 24);
    // In small pieces, as the solver does it.
    paths::BranchOutcome outcome;
    for (int piece = 0; piece < 100000 && !outcome.complete; ++piece) {
      outcome = tree.run(20, control);
      CHECK(outcome.complete || outcome.open <= optimum + 1e-12, "open %.17g above %.17g",
            outcome.open, optimum);
    }
    CHECK(outcome.complete, "did not end");
    CHECK(best == optimum || std::fabs(best - optimum) <= 1e-12, "found %.17g, optimum %.17g", best,
          optimum);
    if (optimum < kInfinity) ++solved;
  }
  CHECK(solved > 2000, "only %d had a layout", solved);
}

}  // namespace mpsolve::test
