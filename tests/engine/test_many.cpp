// Many budgets against enumeration, and against each budget alone.
#include <cmath>

#include "check.hpp"
#include "instances.hpp"
#include "many.hpp"
#include "suites.hpp"

namespace mpsolve::test {
namespace {

Instance under(const Instance& instance, const Sides& sides) {
  Instance copy = instance;
  copy.lower = sides.lower;
  copy.upper = sides.upper;
  return copy;
}

Sides draw(const Instance& instance, Random& random) {
  const std::int64_t least = instance.min_usage() - 2;
  const std::int64_t most = instance.max_usage() + 2;
  Sides sides;
  if (random.chance(0.9)) sides.upper = random.integer(least, most);
  if (random.chance(0.2)) sides.lower = random.integer(least, sides.upper.value_or(most));
  return sides;
}

}  // namespace

void test_many() {
  Random random(31);
  for (int t = 0; t < 2000 && failures() == 0; ++t) {
    const Instance instance = small_instance(random);
    std::vector<Sides> budgets;
    for (int b = 0; b < 8; ++b) budgets.push_back(draw(instance, random));
    const std::vector<MckpOutcome> outcomes =
        solve_many(instance.problem(), budgets, MckpSettings{}, nullptr);
    CHECK(outcomes.size() == budgets.size(), "as many outcomes as budgets");
    for (std::size_t b = 0; b < budgets.size(); ++b) {
      const Instance one = under(instance, budgets[b]);
      const std::optional<double> optimum = enumerate(one);
      CHECK(outcomes[b].has_layout == optimum.has_value(), "layout where there is one");
      if (!optimum || !outcomes[b].has_layout) continue;
      CHECK(outcomes[b].reason == Reason::kOptimal, "must be optimal");
      const double loss = check_layout(one, outcomes[b]).loss;
      CHECK(std::fabs(loss - *optimum) <= rounding(one), "%.17g is not %.17g", loss, *optimum);
      CHECK(outcomes[b].bound <= *optimum + rounding(one), "bound above the optimum");
    }
    if (failures() != 0) std::fprintf(stderr, "in small instance %d\n", t);
  }
  for (int t = 0; t < 4 && failures() == 0; ++t) {
    const Instance instance = network_instance(random, 300 + 200 * t, 4, t % 2 == 1, 0.4);
    const std::int64_t least = instance.min_usage();
    std::vector<Sides> budgets;
    for (int b = 20; b > 0; --b) {
      budgets.push_back(Sides{{}, least + (instance.max_usage() - least) / 20 * b});
    }
    const std::vector<MckpOutcome> outcomes =
        solve_many(instance.problem(), budgets, MckpSettings{}, nullptr);
    for (std::size_t b = 0; b < budgets.size(); ++b) {
      const Instance one = under(instance, budgets[b]);
      const MckpOutcome alone = solve_mckp(one.problem(), MckpSettings{}, nullptr);
      CHECK(std::fabs(outcomes[b].loss - alone.loss) <= rounding(one), "differs from alone");
      CHECK(outcomes[b].multiplier == alone.multiplier, "multiplier %.17g alone %.17g",
            outcomes[b].multiplier, alone.multiplier);
    }
  }
}

}  // namespace mpsolve::test
