#include "solver.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "branch.hpp"
#include "dual.hpp"
#include "improve.hpp"
#include "known.hpp"
#include "labels.hpp"
#include "model.hpp"
#include "multipliers.hpp"
#include "order.hpp"
#include "quanta.hpp"
#include "sweep.hpp"
#include "units.hpp"

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

constexpr std::size_t kFirstCap = 1000;  // labels of a list before it is split
constexpr std::size_t kLongCap = 100000;
constexpr std::size_t kCapGrowth = 4;
constexpr std::size_t kFirstBeam = 300;  // labels of a list where only a good layout is wanted
constexpr std::size_t kBeamGrowth = 5;
constexpr std::size_t kLastBeam = 10000;
constexpr std::size_t kBeamOptions = 400;
constexpr double kPoor = 4.0;              // gap, in windows, that makes another look worth while
constexpr std::size_t kFirstOptions = 60;  // beside the best ones, in the first window
constexpr double kMostEntries = 0x1p30;    // states are counted in 32 bits
constexpr double kGrowth = 1.7;
constexpr int kMostDepth = 6;  // windows within windows
constexpr std::int64_t kFirstEffort =
    200000;  // labels of a window before better layouts are sought
constexpr std::int64_t kEffortGrowth = 2;
// Lists over few budgets are short: there the labels are likely to prove it, given time.
constexpr std::size_t kFewRows = 3;
constexpr std::int64_t kLongEffort = 6000000;
constexpr std::int64_t kFewLooks = 6;
constexpr std::int64_t kLooks = 32;  // options that the local search looks at for every label
// Of branch and bound, in options looked at: a label costs as much as a dozen.
constexpr std::int64_t kFirstWork = 500000;
constexpr std::int64_t kWorkOfOption = 300;
constexpr std::int64_t kWorkGrowth = 4;
// Options of its cores beside the best ones, for each group: small cores are searched better, and
// large ones hold better layouts.
constexpr double kImproveOptions[] = {0.15, 0.3, 0.5, 1.0};
constexpr std::size_t kLeastImproveOptions = 20;

enum class Verdict {
  kGoOn,
  kDecided,  // the best layout is optimal, or there is none (below the cutoff, if there is one)
  kStopped,
};

class Solver {
 public:
  Solver(const Input& input, const Parameters& parameters, Control& control)
      : input_(input),
        parameters_(parameters),
        control_(control),
        known_(input, parameters.abs_gap, parameters.rel_gap) {
    multipliers_.assign(input.budgets.size(), 0.0);
  }

  Outcome run() {
    control_.watch(&known_);
    if (!parameters_.hint.empty()) known_.offer(parameters_.hint);
    Model model = build_model(input_);
    if (!model.infeasible) {
      control_.arm();
      proven_ = search(std::move(model)) == Verdict::kDecided;
    } else {
      proven_ = true;
    }
    return finish();
  }

 private:
  void check_size(const Order& order) const {
    const double bytes = order.bytes();
    const bool fits = bytes <= static_cast<double>(parameters_.memory_limit);
    if (fits && order.entries < kMostEntries) return;
    throw TooWide("the couplings join " + std::to_string(order.width) +
                  " groups at a time, which needs " + std::to_string(bytes / 1048576.0) +
                  " MiB; the memory limit allows " +
                  std::to_string(static_cast<double>(parameters_.memory_limit) / 1048576.0));
  }

  bool fits(const Model& model, const std::vector<std::int32_t>& layout) const {
    for (std::size_t r = 0; r < model.rows.size(); ++r) {
      std::int64_t total = 0;
      for (std::int32_t g = 0; g < model.num_groups(); ++g) {
        total += model.usage_of(model.begin[at(g)] + layout[at(g)])[r];
      }
      if (total > model.rows[r].upper || total < model.rows[r].lower) return false;
    }
    return true;
  }

  // What must be beaten, in quanta of a model.
  double threshold(const Model& model, const Quanta& quanta) const {
    const double beat = known_.threshold(model, quanta);
    if (!cutoff_) return beat;
    return std::min(beat, quanta.from_loss(model, cutoff_->value(), cutoff_->rest()));
  }

  // The same in the model's terms, where a rounding error does not count as beaten.
  double threshold_within(const Model& model) const {
    double loss = known_.loss_within(model) - known_.free_gap();
    if (cutoff_) loss = std::min(loss, difference(*cutoff_, model.base));
    return loss;
  }

  // Below a cutoff, no more than the cutoff is proven.
  void raise_bound(const CompensatedSum& bound) {
    const bool beyond = cutoff_ && difference(bound, *cutoff_) > 0.0;
    known_.raise_bound(beyond ? *cutoff_ : bound);
  }

  // Multipliers for a model, the bound they prove, and what they leave of the model.
  Verdict tighten(Model& model) {
    for (int round = 0; round < kMostRounds; ++round) {
      ++outcome_.rounds;
      const Order order = make_order(model, {});
      check_size(order);
      outcome_.width = std::max(outcome_.width, order.width);
      const Sweep sweep(model, order);
      const FloatCosts costs(model, sweep);
      const double before = control_.seconds();
      const Seen seen = [&](const std::vector<std::int32_t>& layout) {
        if (fits(model, layout)) known_.offer(model.expand(layout));
      };
      const Dual dual = solve_dual(model, sweep, costs, to_rows(model, multipliers_),
                                   largest_loss(model), seen, control_);
      outcome_.dual_seconds += control_.seconds() - before;
      outcome_.evaluations += dual.evaluations;
      if (dual.infeasible) {
        return Verdict::kDecided;
      }
      multipliers_ = to_budgets(model, dual.multipliers, input_.budgets.size());
      history_.clear();
      for (const std::vector<double>& vector : dual.history) {
        history_.push_back(to_budgets(model, vector, input_.budgets.size()));
      }
      const Quanta quanta(model, sweep, near_multipliers(model, multipliers_, history_));
      raise_bound(quanta.to_loss(model, quanta.best_bound()));
      if (quanta.infeasible() || model.rows.empty()) {
        // Without budgets the cheapest layout is the answer, and it was offered.
        return Verdict::kDecided;
      }
      if (control_.limit() != Limit::kNone || known_.gap_closed()) return Verdict::kStopped;
      if (!known_.has_layout() && dual.bound > largest_loss(model) * (1.0 + 1e-9)) {
        return Verdict::kDecided;
      }
      const double beat = threshold(model, quanta);
      std::vector<double> least;
      const std::vector<char> keep = quanta.options_below(sweep, beat, least);
      const auto kept = static_cast<std::size_t>(std::count(keep.begin(), keep.end(), 1));
      const std::size_t all = keep.size();
      if (kept < all) {
        model = restrict_model(model, keep);
        if (model.infeasible) {
          return Verdict::kDecided;
        }
      }
      if (10 * kept > 9 * all) return Verdict::kGoOn;
    }
    return Verdict::kGoOn;
  }

  static double largest_loss(const Model& model) {
    double sum = 0.0;
    for (std::int32_t g = 0; g < model.num_groups(); ++g) {
      const auto first = model.loss.begin() + model.begin[at(g)];
      sum += *std::max_element(first, model.loss.begin() + model.begin[at(g) + 1]);
    }
    for (const ModelPair& pair : model.pairs) {
      double most = -kInfinity;
      for (const double value : pair.table) {
        if (!std::isinf(value)) most = std::max(most, value);
      }
      sum += most;
    }
    return sum;
  }

  // Windows of growing bounds, each searched by labels, until one proves all.
  Verdict search(Model model) {
    const Verdict verdict = tighten(model);
    if (verdict != Verdict::kGoOn) return verdict;
    const bool branches = model.pairs.empty() && depth_ == 0;
    std::int64_t work = kFirstWork + kWorkOfOption * model.num_options();
    if (branches) {
      const Verdict found = branch_anew(model, work);
      if (found != Verdict::kGoOn) return found;
    }
    // Equal counts and states meet often, and dominance is worth more than an early layout.
    const bool meets =
        !model.pairs.empty() || std::any_of(model.rows.begin(), model.rows.end(),
                                            [](const Row& row) { return row.two_sided(); });
    std::size_t cap = meets ? kLongCap : kFirstCap;
    const std::size_t most_cap = largest_cap(model);
    std::size_t window = kFirstOptions;
    std::size_t beam = kFirstBeam;
    bool first = true;
    double width = 0.0;  // of the last window that was proven empty
    std::int64_t effort = kFirstEffort;
    const CompensatedSum lowest = known_.exact_bound();
    Evaluation tightened_with = known_.best();
    for (;;) {
      if (known_.best().better_than(tightened_with)) {
        tightened_with = known_.best();
        const Verdict again = tighten(model);
        if (again != Verdict::kGoOn) return again;
      }
      const Order order = make_order(model, {});
      const Sweep sweep(model, order);
      const Quanta quanta(model, sweep, near_multipliers(model, multipliers_, history_));
      const double start = quanta.from_loss(model, lowest.value(), lowest.rest());
      const double all = threshold(model, quanta);
      std::vector<double> least;
      quanta.options_below(sweep, all, least);
      double beat = window_threshold(least, quanta.best_bound(), window, all);
      if (width > 0.0) {
        // Where options thicken out the window grows by losses, not by their number.
        beat = std::min(beat, start + std::ldexp(kGrowth * width, quanta.exponent()));
      }
      if (!first && beam <= kLastBeam && all - start > kPoor * (beat - start)) {
        // The windows are far from the best layout: a quick look at a larger one for a better.
        const double far = window_threshold(least, quanta.best_bound(), kBeamOptions, all);
        const Model core = restrict_model(model, below(least, std::max(far, beat)));
        search_core(model, core, quanta, std::max(far, beat), beam, false);
        beam *= kBeamGrowth;
        if (control_.limit() != Limit::kNone) return Verdict::kStopped;
        if (known_.best().better_than(tightened_with)) continue;
      }
      // A window that holds nearly everything may as well hold all.
      if (width > 0.0 && beat > start + 0.5 * (all - start)) beat = all;
      first = false;
      const Model core = restrict_model(model, below(least, beat));
      bool is_optimal = false;
      bool has_splits = false;
      if (depth_ < kMostDepth && is_coarser(core, model)) {
        const Verdict inner = search_below(core, quanta.to_loss(model, beat));
        if (inner == Verdict::kStopped) return inner;
        is_optimal = known_.has_layout() && known_.threshold(model, quanta) < beat;
      } else {
        PrivateLimit limit(control_, effort);
        const LabelOutcome found =
            search_core(model, core, quanta, beat, std::min(cap, most_cap), true);
        if (limit.stopped_by_caller() || found.out_of_memory) {
          outcome_.out_of_memory = found.out_of_memory;
          return Verdict::kStopped;
        }
        if (control_.limit() != Limit::kNone) {
          limit.lift();
          if (tree_) {
            work *= kWorkGrowth;
            const Verdict branched = branch(work);
            if (branched != Verdict::kGoOn) return branched;
          }
          const bool few = model.rows.size() <= kFewRows;
          improve(model, least, quanta.best_bound(), all, effort * (few ? kFewLooks : kLooks));
          if (control_.limit() != Limit::kNone || known_.gap_closed()) return Verdict::kStopped;
          effort = std::max(effort * kEffortGrowth, few && !tree_ ? kLongEffort : 0);
          continue;
        }
        is_optimal = found.found;
        has_splits = found.splits > 0;
      }
      if (is_optimal || beat >= all) return Verdict::kDecided;
      raise_bound(quanta.to_loss(model, beat));
      width = difference(known_.exact_bound(), lowest);
      window *= 2;
      // Short lists find layouts sooner, long ones see more dominance.
      if (has_splits) cap *= kCapGrowth;
      if (known_.gap_closed()) return Verdict::kStopped;
    }
  }

  // A first dive finds a layout that leaves less to branch on.
  Verdict branch_anew(Model& model, std::int64_t work) {
    for (;;) {
      const Evaluation before = known_.best();
      const std::int32_t size = model.num_options();
      tree_model_ = std::make_unique<const Model>(model);
      tree_ = std::make_unique<Branching>(
          *tree_model_, [this] { return threshold_within(*tree_model_); },
          [this](const std::vector<std::int32_t>& layout) {
            known_.offer(tree_model_->expand(layout));
          },
          parameters_.memory_limit);
      const Verdict verdict = branch(work);
      if (verdict != Verdict::kGoOn || !known_.best().better_than(before)) return verdict;
      const Verdict again = tighten(model);
      if (again != Verdict::kGoOn) return again;
      if (10 * model.num_options() > 9 * size) return again;
    }
  }

  // Branch and bound goes on where it was.
  Verdict branch(std::int64_t work) {
    const std::int64_t before = outcome_.nodes;
    const BranchOutcome found = tree_->run(work, control_);
    outcome_.nodes = std::max(before, found.nodes);
    if (found.complete) return Verdict::kDecided;
    if (std::isfinite(found.open)) {
      CompensatedSum bound = tree_model_->base;
      bound.add(found.open);
      raise_bound(bound);
    }
    const bool stops = control_.limit() != Limit::kNone || known_.gap_closed();
    return stops ? Verdict::kStopped : Verdict::kGoOn;
  }

  // All layouts of a model with a loss below a cutoff.
  Verdict search_below(const Model& core, const CompensatedSum& cutoff) {
    if (core.infeasible) return Verdict::kDecided;
    const std::optional<CompensatedSum> outer = std::exchange(cutoff_, cutoff);
    const std::vector<double> multipliers = multipliers_;
    const std::vector<std::vector<double>> history = history_;
    ++depth_;
    const Verdict verdict = search(core);
    --depth_;
    cutoff_ = outer;
    multipliers_ = multipliers;
    history_ = history;
    return verdict;
  }

  // Better layouts by local search, from the best one.
  void improve(const Model& model, const std::vector<double>& least, double bound, double all,
               std::int64_t work) {
    const auto shares = static_cast<std::int64_t>(std::size(kImproveOptions));
    for (const double share : kImproveOptions) {
      const auto count = static_cast<std::size_t>(share * model.num_groups());
      const double far = window_threshold(least, bound, std::max(count, kLeastImproveOptions), all);
      const Model core = restrict_model(model, below(least, far));
      if (core.infeasible || core.group.empty()) continue;
      Improver improver(core, to_rows(core, multipliers_), ++improvements_);
      improver.start(known_.contract(core));
      const auto found = [&](const std::vector<std::int32_t>& better) {
        known_.offer(core.expand(better));
      };
      improver.run(work / shares, known_.loss_within(core), found, control_);
      if (control_.limit() != Limit::kNone) return;
    }
  }

  static std::vector<char> below(const std::vector<double>& least, double threshold) {
    std::vector<char> keep(least.size());
    for (std::size_t o = 0; o < keep.size(); ++o) keep[o] = least[o] < threshold ? 1 : 0;
    return keep;
  }

  // The loss below which `count` options remain beside the best of each group.
  double window_threshold(std::vector<double> least, double bound, std::size_t count,
                          double all) const {
    std::vector<double> above;
    for (const double value : least) {
      if (value > bound && value < all) above.push_back(value);
    }
    if (above.size() <= count) return all;
    const auto nth = above.begin() + static_cast<std::ptrdiff_t>(count);
    std::nth_element(above.begin(), nth, above.end());
    const double chosen = *nth;
    // A window that holds nearly everything may as well hold all.
    return known_.has_layout() && chosen > bound + 0.7 * (all - bound) ? all : chosen;
  }

  std::size_t largest_cap(const Model& model) const {
    const std::size_t bytes = 8 * (at(model.num_rows) + 3);
    const std::size_t labels = parameters_.memory_limit / (bytes * 16);
    return std::min<std::size_t>(std::max<std::size_t>(labels, 1000), 20'000'000);
  }

  LabelOutcome search_core(const Model& model, const Model& core, const Quanta& outer, double beat,
                           std::size_t cap, bool split) {
    LabelOutcome nothing;
    if (core.infeasible) return nothing;
    Order order = make_order(core, {});
    Sweep sweep(core, order);
    Quanta quanta(core, sweep, near_multipliers(core, multipliers_, history_));
    if (quanta.infeasible()) return nothing;
    if (core.rows.empty()) {
      // Only one layout is left to look at.
      std::vector<std::int32_t> layout(core.group.size(), 0);
      follow(sweep, quanta.bounds().front().back.choice, 0, 0, layout);
      const Evaluation before = known_.best();
      known_.offer(core.expand(layout));
      nothing.found = known_.best().better_than(before);
      return nothing;
    }
    // First the few groups that break the units of the others' usages, so that those hold for the
    // rest; then groups that are nearly decided.
    const std::vector<std::int64_t> units = common_units(core);
    std::vector<double> least;
    quanta.options_below(sweep, kInfinity, least);
    std::vector<double> key(core.group.size(), kInfinity);
    for (std::int32_t g = 0; g < core.num_groups(); ++g) {
      const auto first = least.begin() + core.begin[at(g)];
      const auto last = least.begin() + core.begin[at(g) + 1];
      std::vector<double> values(first, last);
      std::nth_element(values.begin(), values.begin() + 1, values.end());
      key[at(g)] = breaks_unit(core, g, units) ? kInfinity : values[1];
    }
    order = make_order(core, key);
    sweep = Sweep(core, order);
    const double gap =
        std::isinf(beat) ? outer.best_bound() * 0.1 + 1.0 : beat - outer.best_bound();
    quanta = Quanta(core, sweep,
                    spread_multipliers(core, sweep, multipliers_, history_,
                                       std::ldexp(gap, -outer.exponent())));
    outcome_.core_groups = core.num_groups();
    outcome_.core_options = core.num_options();

    LabelTask task;
    task.model = &core;
    task.sweep = &sweep;
    task.quanta = &quanta;
    task.step_down = step_down(quanta);
    task.threshold = threshold(core, quanta);
    if (beat < kInfinity) {
      const CompensatedSum loss = outer.to_loss(model, beat);
      task.threshold = std::min(task.threshold, quanta.from_loss(core, loss.value(), loss.rest()));
    }
    task.cap = cap;
    task.most_history = std::min<std::size_t>(parameters_.memory_limit / 12, std::size_t{1} << 31);
    task.split = split;
    task.found = [&](const std::vector<std::int32_t>& layout) {
      known_.offer(core.expand(layout));
    };
    const LabelOutcome found = search_labels(task, control_);
    outcome_.labels += found.labels;
    outcome_.splits += found.splits;
    outcome_.longest_list =
        std::max(outcome_.longest_list, static_cast<std::int64_t>(found.longest));
    if (!found.complete && found.open < kInfinity) {
      // What was left out is at least as bad as its bounds, what was not searched as the window.
      const double open = std::min(found.open, task.threshold);
      raise_bound(quanta.to_loss(core, std::min(open, found.threshold)));
    }
    return found;
  }

  Outcome finish() {
    outcome_.multipliers = multipliers_;
    if (known_.has_layout()) {
      const double loss = known_.best().high;
      outcome_.layout = known_.layout();
      outcome_.loss = loss;
      const bool done = proven_ || known_.gap_closed();
      outcome_.reason = done ? Reason::kOptimal : Reason::kFeasible;
      outcome_.bound = std::min(known_.bound(), loss);
      if (proven_) outcome_.bound = std::max(outcome_.bound, loss - known_.free_gap());
    } else {
      outcome_.reason = proven_ ? Reason::kInfeasible : Reason::kNoSolutionFound;
      outcome_.bound = proven_ ? kInfinity : known_.bound();
    }
    return std::move(outcome_);
  }

  static constexpr int kMostRounds = 6;

  const Input& input_;
  const Parameters& parameters_;
  Control& control_;
  Outcome outcome_;
  Known known_;
  bool proven_ = false;  // the best layout is optimal, or there is none
  std::vector<double> multipliers_;
  std::vector<std::vector<double>> history_;
  std::uint64_t improvements_ = 0;
  std::unique_ptr<const Model> tree_model_;
  std::unique_ptr<Branching> tree_;       // over `tree_model_`
  std::optional<CompensatedSum> cutoff_;  // of the window that is searched as a problem of its own
  int depth_ = 0;
};

}  // namespace

Outcome solve(const Input& input, const Parameters& parameters, Control& control) {
  return Solver(input, parameters, control).run();
}

}  // namespace mpsolve::paths
