#include "solver.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "branch.hpp"
#include "improve.hpp"
#include "multipliers.hpp"
#include "order.hpp"
#include "session.hpp"
#include "sweep.hpp"
#include "tighten.hpp"
#include "units.hpp"
#include "window.hpp"

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
constexpr double kGrowth = 1.7;
constexpr int kMostDepth = 6;  // windows within windows
constexpr std::int64_t kFirstEffort =
    200000;  // labels of a window before better layouts are sought
constexpr std::int64_t kEffortGrowth = 2;
// Lists over few budgets are short: there the labels are likely to prove it, given time.
constexpr std::size_t kFewRows = 3;
constexpr std::int64_t kLongEffort = 6000000;
constexpr std::int64_t kFewLooks = 6;
constexpr std::int64_t kLooks = 64;  // options that the local search looks at for every label
// Of branch and bound, in options looked at: a label costs as much as a dozen.
constexpr std::int64_t kFirstWork = 500000;
constexpr std::int64_t kWorkOfOption = 100;
constexpr std::int64_t kWorkGrowth = 4;
// Options of its cores beside the best ones, for each group: small cores are searched better, and
// large ones hold better layouts.
constexpr double kImproveOptions[] = {0.15, 0.3, 0.5, 1.0};
constexpr std::size_t kLeastImproveOptions = 20;

class Solver {
 public:
  Solver(const Input& input, const Parameters& parameters, Control& control)
      : session_(input, parameters, control) {}

  Outcome run() {
    session_.control.watch(&session_.known);
    if (!session_.parameters.hint.empty()) session_.known.offer(session_.parameters.hint);
    Model model = build_model(session_.input);
    if (!model.infeasible) {
      session_.control.arm();
      proven_ = search(std::move(model)) == Verdict::kDecided;
    } else {
      proven_ = true;
    }
    return finish();
  }

 private:
  // Windows of growing bounds, each searched by labels, until one proves all.
  Verdict search(Model model) {
    const Verdict verdict = tighten(session_, model);
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
    const CompensatedSum lowest = session_.known.exact_bound();
    Evaluation tightened_with = session_.known.best();
    for (;;) {
      if (session_.known.best().better_than(tightened_with)) {
        tightened_with = session_.known.best();
        const Verdict again = tighten(session_, model);
        if (again != Verdict::kGoOn) return again;
      }
      const Order order = make_order(model, {});
      const Sweep sweep(model, order);
      const Quanta quanta(model, sweep,
                          near_multipliers(model, session_.multipliers, session_.history));
      const double start = quanta.from_loss(model, lowest.value(), lowest.rest());
      const double all = session_.threshold(model, quanta);
      std::vector<double> least;
      quanta.options_below(sweep, all, least);
      double beat = window_threshold(session_.known, least, quanta.best_bound(), window, all);
      if (width > 0.0) {
        // Where options thicken out the window grows by losses, not by their number.
        beat = std::min(beat, start + std::ldexp(kGrowth * width, quanta.exponent()));
      }
      if (!first && beam <= kLastBeam && all - start > kPoor * (beat - start)) {
        // The windows are far from the best layout: a quick look at a larger one for a better.
        const double far =
            window_threshold(session_.known, least, quanta.best_bound(), kBeamOptions, all);
        const Model core = restrict_model(model, below(least, std::max(far, beat)));
        search_core(session_, model, core, quanta, std::max(far, beat), beam, false);
        beam *= kBeamGrowth;
        if (session_.control.limit() != Limit::kNone) return Verdict::kStopped;
        if (session_.known.best().better_than(tightened_with)) continue;
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
        is_optimal = session_.known.has_layout() && session_.known.threshold(model, quanta) < beat;
      } else {
        PrivateLimit limit(session_.control, effort);
        const LabelOutcome found =
            search_core(session_, model, core, quanta, beat, std::min(cap, most_cap), true);
        if (limit.stopped_by_caller() || found.out_of_memory) {
          session_.outcome.out_of_memory = found.out_of_memory;
          return Verdict::kStopped;
        }
        if (session_.control.limit() != Limit::kNone) {
          limit.lift();
          const bool few = model.rows.size() <= kFewRows;
          if (tree_) {
            // Over many budgets its bounds prove little, and local search finds more.
            work *= few ? kWorkGrowth : kEffortGrowth;
            const Verdict branched = branch(work);
            if (branched != Verdict::kGoOn) return branched;
          }
          improve(model, least, quanta.best_bound(), all, effort * (few ? kFewLooks : kLooks));
          if (session_.control.limit() != Limit::kNone || session_.known.gap_closed())
            return Verdict::kStopped;
          effort = std::max(effort * kEffortGrowth, few && !tree_ ? kLongEffort : 0);
          continue;
        }
        is_optimal = found.found;
        has_splits = found.splits > 0;
      }
      if (is_optimal || beat >= all) return Verdict::kDecided;
      session_.raise_bound(quanta.to_loss(model, beat));
      width = difference(session_.known.exact_bound(), lowest);
      window *= 2;
      // Short lists find layouts sooner, long ones see more dominance.
      if (has_splits) cap *= kCapGrowth;
      if (session_.known.gap_closed()) return Verdict::kStopped;
    }
  }

  // A first dive finds a layout that leaves less to branch on.
  Verdict branch_anew(Model& model, std::int64_t work) {
    for (;;) {
      const Evaluation before = session_.known.best();
      const std::int32_t size = model.num_options();
      tree_model_ = std::make_unique<const Model>(model);
      tree_ = std::make_unique<Branching>(
          *tree_model_, [this] { return session_.threshold_within(*tree_model_); },
          [this](const std::vector<std::int32_t>& layout) {
            session_.known.offer(tree_model_->expand(layout));
          },
          session_.parameters.memory_limit);
      const Verdict verdict = branch(work);
      if (verdict != Verdict::kGoOn || !session_.known.best().better_than(before)) return verdict;
      const Verdict again = tighten(session_, model);
      if (again != Verdict::kGoOn) return again;
      if (10 * model.num_options() > 9 * size) return again;
    }
  }

  // Branch and bound goes on where it was.
  Verdict branch(std::int64_t work) {
    const std::int64_t before = session_.outcome.nodes;
    const BranchOutcome found = tree_->run(work, session_.control);
    session_.outcome.nodes = std::max(before, found.nodes);
    if (found.complete) return Verdict::kDecided;
    if (std::isfinite(found.open)) {
      CompensatedSum bound = tree_model_->base;
      bound.add(found.open);
      session_.raise_bound(bound);
    }
    const bool stops = session_.control.limit() != Limit::kNone || session_.known.gap_closed();
    return stops ? Verdict::kStopped : Verdict::kGoOn;
  }

  // All layouts of a model with a loss below a cutoff.
  Verdict search_below(const Model& core, const CompensatedSum& cutoff) {
    if (core.infeasible) return Verdict::kDecided;
    const std::optional<CompensatedSum> outer = std::exchange(session_.cutoff, cutoff);
    const std::vector<double> multipliers = session_.multipliers;
    const std::vector<std::vector<double>> history = session_.history;
    ++depth_;
    const Verdict verdict = search(core);
    --depth_;
    session_.cutoff = outer;
    session_.multipliers = multipliers;
    session_.history = history;
    return verdict;
  }

  // Better layouts by local search, from the best one.
  void improve(const Model& model, const std::vector<double>& least, double bound, double all,
               std::int64_t work) {
    const auto shares = static_cast<std::int64_t>(std::size(kImproveOptions));
    for (const double share : kImproveOptions) {
      const auto count = static_cast<std::size_t>(share * model.num_groups());
      const double far = window_threshold(session_.known, least, bound,
                                          std::max(count, kLeastImproveOptions), all);
      const Model core = restrict_model(model, below(least, far));
      if (core.infeasible || core.group.empty()) continue;
      Improver improver(core, to_rows(core, session_.multipliers), ++improvements_);
      improver.start(session_.known.contract(core));
      const auto found = [&](const std::vector<std::int32_t>& better) {
        session_.known.offer(core.expand(better));
      };
      improver.run(work / shares, session_.known.loss_within(core), found, session_.control);
      if (session_.control.limit() != Limit::kNone) return;
    }
  }

  std::size_t largest_cap(const Model& model) const {
    const std::size_t bytes = 8 * (at(model.num_rows) + 3);
    const std::size_t labels = session_.parameters.memory_limit / (bytes * 16);
    return std::min<std::size_t>(std::max<std::size_t>(labels, 1000), 20'000'000);
  }

  Outcome finish() {
    session_.outcome.multipliers = session_.multipliers;
    if (session_.known.has_layout()) {
      const double loss = session_.known.best().high;
      session_.outcome.layout = session_.known.layout();
      session_.outcome.loss = loss;
      const bool done = proven_ || session_.known.gap_closed();
      session_.outcome.reason = done ? Reason::kOptimal : Reason::kFeasible;
      session_.outcome.bound = std::min(session_.known.bound(), loss);
      if (proven_)
        session_.outcome.bound = std::max(session_.outcome.bound, loss - session_.known.free_gap());
    } else {
      session_.outcome.reason = proven_ ? Reason::kInfeasible : Reason::kNoSolutionFound;
      session_.outcome.bound = proven_ ? kInfinity : session_.known.bound();
    }
    return std::move(session_.outcome);
  }

  Session session_;
  bool proven_ = false;  // the best layout is optimal, or there is none
  std::uint64_t improvements_ = 0;
  std::unique_ptr<const Model> tree_model_;
  std::unique_ptr<Branching> tree_;  // over `tree_model_`
  int depth_ = 0;
};

}  // namespace

Outcome solve(const Input& input, const Parameters& parameters, Control& control) {
  return Solver(input, parameters, control).run();
}

}  // namespace mpsolve::paths
