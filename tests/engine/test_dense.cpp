// The engine for couplings of any width against enumeration: answers, bounds, and its parts.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "dense/form.hpp"
#include "dense/local.hpp"
#include "dense/solver.hpp"
#include "dense/state.hpp"
#include "instances.hpp"
#include "suites.hpp"

namespace mpsolve::test {
namespace {

using dense::at;
using dense::Form;
using dense::kInfinity;
using dense::State;

// Arrays that an Input points to.
struct Coupled {
  std::vector<std::int64_t> offsets{0};
  std::vector<double> loss;
  std::vector<std::vector<std::int64_t>> usage;
  std::vector<std::vector<double>> tables;
  paths::Input input;
  double size = 0.0;  // of the losses

  std::int32_t groups() const { return static_cast<std::int32_t>(offsets.size()) - 1; }
};

enum class Kind { kNormal, kIntegers, kSquared };

double draw(Random& random, Kind kind) {
  if (kind == Kind::kIntegers) return static_cast<double>(random.integer(-3, 3));
  return 2.0 * random.uniform() - 1.0;
}

Coupled coupled_instance(Random& random, std::int32_t groups, double forbidden) {
  Coupled made;
  const auto kind = static_cast<Kind>(random.integer(0, 2));
  const double density = random.chance(0.7) ? 1.0 : 0.5;
  std::vector<std::vector<double>> errors;
  for (std::int32_t g = 0; g < groups; ++g) {
    const std::int64_t count = random.integer(random.chance(0.1) ? 1 : 2, 4);
    made.offsets.push_back(made.offsets.back() + count);
    for (std::int64_t k = 0; k < count; ++k) {
      std::vector<double> error;
      for (int d = 0; d < 3; ++d) error.push_back(2.0 * random.uniform() - 1.0);
      double loss = draw(random, kind);
      if (kind == Kind::kSquared) {
        loss = random.uniform();
        for (const double value : error) loss += value * value;
      }
      made.loss.push_back(loss);
      errors.push_back(error);
      made.size += std::fabs(loss);
    }
  }
  const std::size_t rows = static_cast<std::size_t>(random.integer(0, 3));
  for (std::size_t r = 0; r < rows; ++r) {
    const std::int64_t largest = r == 0 ? 100 : r == 1 ? 4 : 1000000000;
    std::vector<std::int64_t> usage;
    for (std::size_t o = 0; o < made.loss.size(); ++o) {
      usage.push_back(random.integer(r == 1 ? -largest : 0, largest));
    }
    made.usage.push_back(usage);
  }
  struct Pair {
    std::int32_t first;
    std::int32_t second;
  };
  std::vector<Pair> pairs;
  for (std::int32_t u = 0; u < groups; ++u) {
    for (std::int32_t v = u + 1; v < groups; ++v) {
      if (!random.chance(density)) continue;
      std::vector<double> table;
      for (std::int64_t a = made.offsets[at(u)]; a < made.offsets[at(u) + 1]; ++a) {
        for (std::int64_t b = made.offsets[at(v)]; b < made.offsets[at(v) + 1]; ++b) {
          double value = draw(random, kind);
          if (kind == Kind::kSquared) {
            value = 0.0;
            for (std::size_t d = 0; d < 3; ++d) {
              value += 2.0 * errors[static_cast<std::size_t>(a)][d] *
                       errors[static_cast<std::size_t>(b)][d];
            }
          }
          made.size += std::fabs(value);
          table.push_back(random.chance(forbidden) ? kInfinity : value);
        }
      }
      made.tables.push_back(table);
      pairs.push_back({u, v});
    }
  }
  made.input.num_groups = groups;
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    made.input.couplings.push_back({pairs[p].first, pairs[p].second, made.tables[p].data()});
  }
  for (std::size_t r = 0; r < rows; ++r) {
    std::int64_t least = 0;
    std::int64_t most = 0;
    for (std::int32_t g = 0; g < groups; ++g) {
      const auto first = made.usage[r].begin() + made.offsets[at(g)];
      const auto last = made.usage[r].begin() + made.offsets[at(g) + 1];
      least += *std::min_element(first, last);
      most += *std::max_element(first, last);
    }
    paths::Budget budget;
    budget.usage = made.usage[r].data();
    const std::int64_t middle = random.integer(least, most);
    const std::int64_t side = random.integer(0, 4);
    if (side != 1) budget.upper = side == 2 ? middle + (most - least) / 8 : middle;
    if (side != 0 && side != 4) budget.lower = middle;
    made.input.budgets.push_back(budget);
  }
  return made;
}

// Calls `visit` with every layout.
template <class Visit>
void for_layouts(const Coupled& made, Visit visit) {
  std::vector<std::int32_t> layout(at(made.groups()), 0);
  for (;;) {
    visit(layout);
    std::int32_t g = 0;
    while (g < made.groups() && ++layout[at(g)] == made.input.size(g)) layout[at(g++)] = 0;
    if (g == made.groups()) return;
  }
}

double optimum_of(const Coupled& made) {
  double best = kInfinity;
  for_layouts(made, [&](const std::vector<std::int32_t>& layout) {
    const paths::Evaluation value = paths::evaluate(made.input, layout.data());
    if (value.feasible) best = std::min(best, value.high);
  });
  return best;
}

void connect(Coupled& made) {
  made.input.offsets = made.offsets.data();
  made.input.loss = made.loss.data();
}

void check_answer(const Coupled& made, const dense::Outcome& outcome, double optimum) {
  const double slack = 1e-12 * made.size;
  if (std::isinf(optimum) && outcome.reason == paths::Reason::kNoSolutionFound) return;  // stopped
  if (std::isinf(optimum)) {
    CHECK(outcome.reason == paths::Reason::kInfeasible, "must be infeasible");
    CHECK(outcome.bound == kInfinity && outcome.layout.empty(), "infeasible with a layout");
    return;
  }
  CHECK(outcome.bound <= optimum + slack, "bound %.17g above %.17g", outcome.bound, optimum);
  if (outcome.reason != paths::Reason::kOptimal) return;
  CHECK(std::fabs(outcome.loss - optimum) <= slack, "loss %.17g, optimum %.17g", outcome.loss,
        optimum);
  CHECK(outcome.bound >= optimum - slack, "bound %.17g far below %.17g", outcome.bound, optimum);
  const paths::Evaluation value = paths::evaluate(made.input, outcome.layout.data());
  CHECK(value.feasible && value.high == outcome.loss, "the layout is not what is claimed");
}

}  // namespace

// Proven answers, and bounds of searches that were stopped, against every layout.
void test_dense() {
  Random random(21);
  std::int64_t formed = 0;
  std::int64_t infeasible = 0;
  for (int t = 0; t < 1200 && failures() == 0; ++t) {
    const auto groups = static_cast<std::int32_t>(t % 6 == 0 ? 7 : random.integer(0, 6));
    Coupled made = coupled_instance(random, groups, random.chance(0.3) ? 0.15 : 0.0);
    connect(made);
    const double optimum = optimum_of(made);
    infeasible += std::isinf(optimum) ? 1 : 0;
    Control free(kInfinity, 0, nullptr);
    paths::Parameters parameters;
    const dense::Outcome outcome = dense::solve(made.input, parameters, free);
    CHECK(outcome.reason == paths::Reason::kOptimal || outcome.reason == paths::Reason::kInfeasible,
          "not proven");
    check_answer(made, outcome, optimum);
    formed += outcome.steps > 0 ? 1 : 0;
    for (std::int64_t limit = 1; limit < 100; limit *= 5) {
      Control control(kInfinity, limit, nullptr);
      check_answer(made, dense::solve(made.input, parameters, control), optimum);
    }
    if (failures() != 0) std::fprintf(stderr, "in coupled instance %d\n", t);
  }
  CHECK(formed > 50, "only %lld searches used a form", static_cast<long long>(formed));
  CHECK(infeasible > 50, "only %lld were infeasible", static_cast<long long>(infeasible));
}

// What sweeps, multipliers and forms say about parts and options, against every layout of them.
void test_dense_bounds() {
  Random random(22);
  std::int64_t forms = 0;
  for (int t = 0; t < 600 && failures() == 0; ++t) {
    const auto groups = static_cast<std::int32_t>(random.integer(2, 6));
    Coupled made = coupled_instance(random, groups, random.chance(0.3) ? 0.1 : 0.0);
    connect(made);
    const paths::Model model = paths::build_model(made.input);
    if (model.infeasible || model.num_groups() == 0) continue;
    const dense::Problem problem(model);
    // Least loss of all layouts, and of those with an option, in quanta.
    double optimum = kInfinity;
    std::vector<double> with(at(problem.num_options), kInfinity);
    for_layouts(made, [&](const std::vector<std::int32_t>& layout) {
      const paths::Evaluation value = paths::evaluate(made.input, layout.data());
      if (!value.feasible) return;
      const double loss = problem.from_loss(value.high, value.low);
      optimum = std::min(optimum, loss);
      for (std::int32_t o = 0; o < problem.num_options; ++o) {
        const std::int32_t group = model.group[at(problem.group[at(o)])];
        if (layout[at(group)] != model.option[at(o)]) continue;
        with[at(o)] = std::min(with[at(o)], loss);
      }
    });
    const double slack = problem.margin + std::ldexp(1e-12 * made.size, problem.exponent);
    State state(problem);
    bool feasible = true;
    bool changed = false;
    feasible = state.propagate(changed);
    for (int round = 0; round < 5 && feasible; ++round) {
      const double before = state.bound();
      state.sweep(feasible);
      CHECK(!feasible || state.bound() >= before - slack, "a sweep lowered the bound");
      if (feasible) state.price();
      if (feasible) feasible = state.propagate(changed);
    }
    CHECK(feasible || std::isinf(optimum), "a part with layouts was given up");
    if (!feasible) continue;
    CHECK(state.bound() <= optimum + slack, "bound %.17g above %.17g", state.bound(), optimum);
    for (const std::int32_t g : state.open()) {
      for (std::int32_t k = 0; k < state.count(g); ++k) {
        const std::int32_t o = state.options(g)[k];
        const double reduced = state.bound() + static_cast<double>(state.unary(o));
        CHECK(reduced <= with[at(o)] + slack, "reduced loss of an option");
      }
    }
    if (state.open().empty()) continue;
    const double scale = std::ldexp(1.0, -std::ilogb(std::ldexp(made.size, problem.exponent)));
    dense::Warm cold;
    cold.bound = state.bound() * scale;
    Form form(problem, state, scale, cold);
    if (!form.usable()) continue;
    Control control(kInfinity, 0, nullptr);
    form.ascend(std::isinf(optimum) ? 1.0 : optimum * scale, 0.05, 60, control);
    CHECK(form.bound() / scale <= optimum + slack, "form %.17g above %.17g", form.bound() / scale,
          optimum);
    ++forms;
    for (const std::int32_t g : state.open()) {
      for (std::int32_t k = 0; k < state.count(g); ++k) {
        const std::int32_t o = state.options(g)[k];
        CHECK(form.prove(o) / scale <= with[at(o)] + slack, "form of an option");
      }
    }
    // A part, begun from what was handed on.
    const std::int32_t g = state.open()[0];
    const std::int32_t o = state.options(g)[state.count(g) - 1];
    if (!state.decide(o) || !state.propagate(changed) || state.open().empty()) continue;
    CHECK(state.bound() <= with[at(o)] + slack, "bound of a part");
    Form part(problem, state, scale, form.warm());
    CHECK(part.usable(), "a part's form must begin where its parent's ended");
    part.ascend(1.0, 0.05, 20, control);
    CHECK(part.bound() / scale <= with[at(o)] + slack, "form of a part");
    if (failures() != 0) std::fprintf(stderr, "in coupled instance %d\n", t);
  }
  CHECK(forms > 300, "only %lld forms", static_cast<long long>(forms));
}

// Local search keeps what forbids and bounds, and says the same every time.
void test_dense_local() {
  Random random(23);
  std::int64_t found = 0;
  std::int64_t best = 0;
  for (int t = 0; t < 300 && failures() == 0; ++t) {
    Coupled made = coupled_instance(random, 5, random.chance(0.3) ? 0.1 : 0.0);
    connect(made);
    const paths::Model model = paths::build_model(made.input);
    if (model.infeasible || model.num_groups() == 0) continue;
    const dense::Problem problem(model);
    double last = kInfinity;
    std::vector<std::vector<std::int32_t>> layouts[2];
    for (auto& list : layouts) {
      Control control(kInfinity, 0, nullptr);
      last = kInfinity;
      dense::search_locally(problem, 20, control, [&](const std::vector<std::int32_t>& chosen) {
        std::vector<std::int32_t> layout;
        for (std::size_t g = 0; g < chosen.size(); ++g) {
          layout.push_back(chosen[g] - model.begin[g]);
        }
        layout = model.expand(layout);
        const paths::Evaluation value = paths::evaluate(made.input, layout.data());
        CHECK(value.feasible, "not feasible");
        CHECK(value.high < last + 1e-12 * made.size, "not better");
        last = value.high;
        list.push_back(layout);
      });
    }
    CHECK(layouts[0] == layouts[1], "not the same every time");
    const double optimum = optimum_of(made);
    if (std::isinf(optimum)) continue;
    ++found;
    best += last <= optimum + 1e-12 * made.size ? 1 : 0;
  }
  CHECK(best * 10 > found * 8, "best layout in %lld of %lld", static_cast<long long>(best),
        static_cast<long long>(found));
}

}  // namespace mpsolve::test
