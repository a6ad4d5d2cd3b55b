#include "tree.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

namespace mpsolve::dense {
namespace {

constexpr std::size_t kMostVariables = 600;  // of a form
constexpr int kRootSteps = 150;              // of Newton's method
constexpr int kSteps = 40;
constexpr double kNear = 0.8;  // of the gap that is left: near enough to the best bound
constexpr double kRootNear = 0.3;
constexpr double kFewLayouts = 3e3;  // for which depth first is faster
constexpr int kPasses = 3;           // of bounding and fixing at a part
constexpr int kSweeps = 2;
constexpr double kSteepness = 4.0;  // of the guess how large the tree below an option is

}  // namespace

struct Tree::Part {
  double bound = -kInfinity;  // in quanta
  std::vector<char> live;     // by option
  std::shared_ptr<const Warm> warm;
};

Tree::Tree(const State& root, const Task& task, double size, std::size_t memory)
    : root_(root),
      task_(task),
      scale_(std::ldexp(1.0, -std::ilogb(std::max(size, 1.0)))),
      memory_(memory) {}

double Tree::target() const {
  const double threshold = task_.threshold();
  // Rounding of layouts is not the form's business, but it must not prune an equal one.
  return threshold * scale_;
}

double Tree::bound_root() {
  std::size_t variables = 0;
  for (const std::int32_t g : root_.open()) variables += at(root_.count(g)) - 1;
  if (variables == 0 || variables > kMostVariables || std::isinf(task_.threshold())) {
    return root_bound_;
  }
  Warm cold;
  cold.bound = root_.bound() * scale_;
  Form form(*task_.problem, root_, scale_, cold);
  if (!form.usable()) return root_bound_;
  form.ascend(target(), kRootNear, kRootSteps, *task_.control);
  grown_.steps += form.steps();
  warm_ = form.warm();
  root_bound_ = form.bound() / scale_;
  return root_bound_;
}

// Bounds a part, fixes options, and branches on what is left. Returns the part's bound.
double Tree::visit(State& state, Part& part, std::vector<Part>& children) {
  const Problem& problem = *task_.problem;
  Warm warm = *part.warm;
  double bound = part.bound;
  for (int pass = 0;; ++pass) {
    if (!tighten(state, task_, kSweeps)) return kInfinity;
    bound = std::max(bound, state.bound());
    if (state.open().empty()) {
      task_.found(state.chosen());
      return kInfinity;
    }
    double layouts = 1.0;
    for (const std::int32_t g : state.open()) layouts *= state.count(g);
    if (layouts <= kFewLayouts) {
      const Searched searched = search_depth_first(state, task_, 0);
      grown_.nodes += searched.nodes;
      return searched.complete ? kInfinity : std::max(bound, searched.open);
    }
    Form form(problem, state, scale_, warm);
    if (!form.usable()) {
      const Searched searched = search_depth_first(state, task_, 0);
      grown_.nodes += searched.nodes;
      return searched.complete ? kInfinity : std::max(bound, searched.open);
    }
    form.ascend(target(), kNear, kSteps, *task_.control);
    grown_.steps += form.steps();
    bound = std::max(bound, form.bound() / scale_);
    if (bound * scale_ >= target()) return kInfinity;
    std::int32_t removed = 0;
    const std::vector<std::int32_t> open = state.open();
    for (const std::int32_t g : open) {
      for (std::int32_t k = state.count(g) - 1; k >= 0; --k) {
        const std::int32_t option = state.options(g)[k];
        if (form.estimate(option) < target() || form.prove(option) < target()) continue;
        ++removed;
        if (!state.remove(g, k)) return kInfinity;
      }
    }
    if (task_.control->limit() != Limit::kNone) {
      branch(state, form, bound, children);
      return bound;
    }
    const auto options = static_cast<std::int32_t>(std::lround(std::log2(layouts) / 2.0));
    if (removed == 0 || (pass + 1 >= kPasses && removed < options)) {
      branch(state, form, bound, children);
      return bound;
    }
    warm = form.warm();
  }
}

void Tree::branch(const State& state, const Form& form, double bound, std::vector<Part>& children) {
  const double goal = target();
  const double here = bound * scale_;
  std::int32_t chosen = -1;
  double smallest = kInfinity;
  for (const std::int32_t g : state.open()) {
    double tree = 0.0;
    for (std::int32_t k = 0; k < state.count(g); ++k) {
      const double value = form.estimate(state.options(g)[k]);
      if (value >= goal) continue;
      tree += std::exp(-kSteepness * std::max(0.0, (value - here) / (goal - here)));
    }
    if (tree < smallest) {
      smallest = tree;
      chosen = g;
    }
  }
  const auto warm = std::make_shared<const Warm>(form.warm());
  std::vector<char> live(at(task_.problem->num_options), 0);
  for (std::int32_t g = 0; g < task_.problem->num_groups; ++g) {
    for (std::int32_t k = 0; k < state.count(g); ++k) live[at(state.options(g)[k])] = 1;
  }
  for (std::int32_t k = 0; k < state.count(chosen); ++k) {
    const std::int32_t option = state.options(chosen)[k];
    Part child;
    child.bound = std::max(bound, form.prove(option) / scale_);
    if (child.bound * scale_ >= goal) continue;
    child.live = live;
    for (std::int32_t q = 0; q < state.count(chosen); ++q) {
      if (q != k) child.live[at(state.options(chosen)[q])] = 0;
    }
    child.warm = warm;
    children.push_back(std::move(child));
  }
}

Grown Tree::search(const std::function<void(double)>& rising) {
  const Problem& problem = *task_.problem;
  const auto later = [](const Part& a, const Part& b) { return a.bound > b.bound; };
  std::vector<Part> heap;
  Part first;
  first.bound = std::max(root_bound_, root_.bound());
  first.live.assign(at(problem.num_options), 0);
  for (std::int32_t g = 0; g < problem.num_groups; ++g) {
    for (std::int32_t k = 0; k < root_.count(g); ++k) first.live[at(root_.options(g)[k])] = 1;
  }
  first.warm = std::make_shared<const Warm>(warm_);
  // Siblings share what they start from, so this counts it too often.
  const std::size_t bytes = sizeof(Part) + first.live.size() + 8 * warm_.block.size();
  heap.push_back(std::move(first));
  std::vector<Part> children;
  bool is_heap = true;
  while (!heap.empty() && task_.control->limit() == Limit::kNone) {
    // Where memory runs short the newest parts come first, so that few are open.
    const bool full = heap.size() * bytes > memory_ / 2;
    if (full) {
      is_heap = false;
    } else {
      if (!is_heap) std::make_heap(heap.begin(), heap.end(), later);
      is_heap = true;
      std::pop_heap(heap.begin(), heap.end(), later);
    }
    Part part = std::move(heap.back());
    heap.pop_back();
    if (!full) rising(part.bound);
    if (part.bound * scale_ >= target()) continue;
    ++grown_.nodes;
    task_.control->count_labels(1);
    State state = root_;
    children.clear();
    bool feasible = true;
    for (const std::int32_t g : root_.open()) {
      for (std::int32_t k = state.count(g) - 1; k >= 0 && feasible; --k) {
        if (part.live[at(state.options(g)[k])] == 0) feasible = state.remove(g, k);
      }
    }
    if (!feasible) continue;
    const double bound = visit(state, part, children);
    if (children.empty() && std::isfinite(bound)) grown_.open = std::min(grown_.open, bound);
    for (Part& child : children) {
      heap.push_back(std::move(child));
      if (is_heap) std::push_heap(heap.begin(), heap.end(), later);
    }
  }
  for (const Part& part : heap) grown_.open = std::min(grown_.open, part.bound);
  grown_.complete = std::isinf(grown_.open);
  return grown_;
}

}  // namespace mpsolve::dense
