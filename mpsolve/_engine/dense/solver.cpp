#include "solver.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "local.hpp"
#include "search.hpp"
#include "tree.hpp"

namespace mpsolve::dense {
namespace {

constexpr double kTiny = 1e-9;    // relative gaps up to this do not prune
constexpr int kRootRounds = 200;  // of sweeps
constexpr int kMostModels = 8;    // times that the model is made smaller
constexpr std::int32_t kStarts = 200;

double difference(const CompensatedSum& a, const CompensatedSum& b) {
  return (a.value() - b.value()) + (a.rest() - b.rest());
}

class Solver final : public Probe {
 public:
  Solver(const Input& input, const Parameters& parameters, Control& control)
      : input_(input), parameters_(parameters), control_(control) {
    outcome_.multipliers.assign(input.budgets.size(), 0.0);
  }

  double incumbent_loss() const override {
    return best_.feasible ? best_.high : std::numeric_limits<double>::quiet_NaN();
  }
  double bound() const override { return bound_.value(); }

  Outcome run() {
    control_.watch(this);
    bound_.add(paths::trivial_bound(input_));
    if (!parameters_.hint.empty()) offer(parameters_.hint);
    Model model = paths::build_model(input_);
    if (model.infeasible) {
      proven_ = true;
    } else if (bytes_needed(model) > static_cast<double>(parameters_.memory_limit)) {
      outcome_.out_of_memory = true;
    } else {
      control_.arm();
      search(std::move(model));
    }
    return finish();
  }

 private:
  void offer(const std::vector<std::int32_t>& layout) {
    const paths::Evaluation value = paths::evaluate(input_, layout.data());
    if (!value.better_than(best_)) return;
    best_ = value;
    layout_ = layout;
  }

  // A layout of a problem, by its options, as the caller's.
  void offer(const Model& model, const std::vector<std::int32_t>& chosen) {
    std::vector<std::int32_t> layout(chosen.size());
    for (std::size_t g = 0; g < chosen.size(); ++g) layout[g] = chosen[g] - model.begin[g];
    offer(model.expand(layout));
  }

  double allowed_gap() const {
    return std::max(parameters_.abs_gap, parameters_.rel_gap * std::fabs(best_.high));
  }

  // The gap that may prune: what is no larger than what it claims to be is closed in full.
  double pruning_gap() const {
    const double allowed = allowed_gap();
    return allowed <= 1.001 * kTiny * std::fabs(best_.high) ? 0.0 : allowed;
  }

  double threshold(const Problem& problem) const {
    if (!best_.feasible) return kInfinity;
    const double loss = problem.from_loss(best_.high, best_.low);
    return loss - std::max(std::ldexp(pruning_gap(), problem.exponent), problem.step_down());
  }

  void raise_bound(const CompensatedSum& bound) {
    if (difference(bound, bound_) > 0.0) bound_ = bound;
  }

  void search(Model model) {
    for (int made = 0;; ++made) {
      if (model.num_groups() == 0) {
        offer(model.expand({}));
        proven_ = true;
        return;
      }
      const Problem problem(model);
      Task task;
      task.problem = &problem;
      task.control = &control_;
      task.threshold = [&] { return threshold(problem); };
      task.found = [&](const std::vector<std::int32_t>& chosen) { offer(model, chosen); };
      if (made == 0) improve(problem, model);
      State root(problem);
      if (!tighten(root, task, kRootRounds)) {
        proven_ = true;
        return;
      }
      note_root(model, problem, root);
      if (control_.limit() != Limit::kNone) return;
      std::vector<char> keep(model.option.size(), 0);
      for (std::int32_t g = 0; g < problem.num_groups; ++g) {
        for (std::int32_t k = 0; k < root.count(g); ++k) keep[at(root.options(g)[k])] = 1;
      }
      const auto kept = static_cast<std::size_t>(std::count(keep.begin(), keep.end(), 1));
      if (made < kMostModels && 4 * kept < 3 * keep.size()) {
        model = paths::restrict_model(model, keep);
        if (model.infeasible) {
          proven_ = true;
          return;
        }
        continue;
      }
      grow(problem, root, task);
      return;
    }
  }

  // Branches on what is left, under the bounds that are the better ones at the root.
  void grow(const Problem& problem, const State& root, const Task& task) {
    Tree tree(root, task, size_of(problem), parameters_.memory_limit);
    const double convex = tree.bound_root();
    bool complete = false;
    double open = kInfinity;
    if (convex > root.bound()) {
      note_bound(problem, convex);
      outcome_.root_bound = bound_.value();
      const Grown grown = tree.search([&](double bound) { note_bound(problem, bound); });
      outcome_.nodes += grown.nodes;
      outcome_.steps += grown.steps;
      complete = grown.complete;
      open = grown.open;
    } else {
      const Searched searched = search_depth_first(root, task, 0);
      outcome_.nodes += searched.nodes;
      complete = searched.complete;
      open = searched.open;
    }
    if (complete) {
      proven_ = true;
    } else {
      note_bound(problem, open);
    }
  }

  // A bound of all layouts that are better than what is known.
  void note_bound(const Problem& problem, double bound) {
    raise_bound(problem.to_loss(std::min(bound, threshold(problem)) - problem.margin));
  }

  // What the terms of the best layout add up to, whatever their sign; in quanta.
  double size_of(const Problem& problem) const {
    if (!best_.feasible) return static_cast<double>(problem.total);
    double size = 0.0;
    for (std::int32_t g = 0; g < input_.num_groups; ++g) {
      size += std::fabs(input_.loss[input_.offsets[g] + layout_[at(g)]]);
    }
    for (const paths::Coupling& coupling : input_.couplings) {
      const std::int32_t row = layout_[at(coupling.first)];
      const std::int32_t column = layout_[at(coupling.second)];
      size += std::fabs(coupling.table[row * input_.size(coupling.second) + column]);
    }
    return std::ldexp(size, problem.exponent);
  }

  void improve(const Problem& problem, const Model& model) {
    const double before = control_.seconds();
    search_locally(problem, kStarts, control_,
                   [&](const std::vector<std::int32_t>& chosen) { offer(model, chosen); });
    outcome_.starts += kStarts;
    outcome_.local_seconds += control_.seconds() - before;
  }

  void note_root(const Model& model, const Problem& problem, const State& root) {
    note_bound(problem, root.bound());
    outcome_.root_bound = bound_.value();
    std::vector<double> slope = root.slope();
    for (double& value : slope) value = std::ldexp(value, -problem.exponent);
    outcome_.multipliers = paths::to_budgets(model, slope, input_.budgets.size());
    outcome_.core_groups = static_cast<std::int32_t>(root.open().size());
    outcome_.core_options = 0;
    for (const std::int32_t g : root.open()) outcome_.core_options += root.count(g);
  }

  Outcome finish() {
    outcome_.bound = bound_.value();
    if (best_.feasible) {
      outcome_.layout = layout_;
      outcome_.loss = best_.high;
      const double gap = (best_.high - bound_.value()) + (best_.low - bound_.rest());
      const bool done = proven_ || gap <= allowed_gap();
      outcome_.reason = done ? Reason::kOptimal : Reason::kFeasible;
      if (proven_) outcome_.bound = std::max(outcome_.bound, best_.high - pruning_gap());
      outcome_.bound = std::min(outcome_.bound, best_.high);
    } else {
      outcome_.reason = proven_ ? Reason::kInfeasible : Reason::kNoSolutionFound;
      if (proven_) outcome_.bound = kInfinity;
    }
    return std::move(outcome_);
  }

  const Input& input_;
  const Parameters& parameters_;
  Control& control_;
  Outcome outcome_;
  paths::Evaluation best_;
  std::vector<std::int32_t> layout_;
  CompensatedSum bound_;
  bool proven_ = false;  // the best layout is optimal, or there is none
};

}  // namespace

Outcome solve(const Input& input, const Parameters& parameters, Control& control) {
  return Solver(input, parameters, control).run();
}

}  // namespace mpsolve::dense
