// Dual, reduction, core and search put together; sides, stages and what is reported.
#include "mckp.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core.hpp"
#include "dual.hpp"
#include "groups.hpp"
#include "reduce.hpp"
#include "search.hpp"
#include "sums.hpp"

namespace mpsolve {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kFar = std::int64_t{1} << 62;  // no layout's usage gets there
constexpr std::int64_t kOneSidedLabels = 4000000;     // then the two-sided search takes over
constexpr std::size_t kFirstCore = 32;                // groups the first core has
constexpr std::int64_t kLabelsPerGroup = 100;         // effort for a core that proves nothing
constexpr std::size_t kLeastMemory = 1 << 16;

// A label limit of one phase, tighter than the caller's; when it ends, so does its effect.
class PrivateLimit {
 public:
  PrivateLimit(Control& control, std::int64_t labels)
      : control_(control), outer_(control.label_limit()) {
    const std::int64_t limit = control.num_labels() + labels;
    own_ = outer_ == 0 || limit < outer_;
    if (own_) control.set_label_limit(limit);
  }
  ~PrivateLimit() {
    if (!own_) return;
    control_.set_label_limit(outer_);
    control_.forget_label_limit();
  }
  PrivateLimit(const PrivateLimit&) = delete;
  PrivateLimit& operator=(const PrivateLimit&) = delete;

  bool stopped_by_caller() const {
    return control_.limit() != Limit::kNone && !(own_ && control_.limit() == Limit::kLabels);
  }

 private:
  Control& control_;
  std::int64_t outer_;
  bool own_ = false;
};

class Solver {
 public:
  Solver(const MckpProblem& problem, const MckpSettings& settings, Host* host)
      : problem_(problem),
        settings_(settings),
        control_(settings.time_limit, settings.label_limit, host),
        hint_(settings.hint) {}

  MckpOutcome run() {
    orient();
    if (settled_) return std::move(outcome_);
    rescale();
    dual_ = solve_dual(groups_, upper_, control_);
    outcome_.counters.seconds_dual = control_.seconds();
    control_.arm();
    switch (dual_.status) {
      case DualStatus::kInfeasible:
        return infeasible();
      case DualStatus::kStopped:
        return report(false);
      case DualStatus::kUnconstrained:
        if (two_sided_) raise_ties();
        if (dual_.usage >= lower_) {
          loss_ = 0.0;
          bound_ = 0.0;
          evaluate_base();
          return report(true);
        }
        break;
      case DualStatus::kBreak:
        break;
    }
    if (two_sided_) {
      // Most often the other side does not bind: the one-sided search has dominance.
      const PrivateLimit limit(control_, kOneSidedLabels);
      const Proof proof = prove(false);
      if (proof == Proof::kDone && layout_usage() >= lower_) return report(true);
      if (layout_usage() < lower_) forget_layout();
      if (limit.stopped_by_caller()) return report(false);
      keep_as_hint();
    }
    switch (prove(two_sided_)) {
      case Proof::kDone:
        return report(true);
      case Proof::kNothing:
        return infeasible();
      case Proof::kStopped:
        break;
    }
    return report(false);
  }

 private:
  enum class Proof { kDone, kNothing, kStopped };

  // Turns the side that binds into the upper one; decides the problems that need no search.
  void orient() {
    groups_.loss = problem_.loss;
    groups_.usage = problem_.usage;
    groups_.offsets = problem_.offsets;
    groups_.num_groups = problem_.num_groups;
    groups_.num_options = problem_.num_options;
    lower_ = problem_.has_lower ? std::clamp(problem_.lower, -kFar, kFar) : -kFar;
    upper_ = problem_.has_upper ? std::clamp(problem_.upper, -kFar, kFar) : kFar;
    if (lower_ > upper_) {
      infeasible();
      return;
    }
    if (problem_.has_lower && problem_.has_upper) {
      const Survey total = survey(groups_, control_);
      if (!total.complete) {
        report(false);
        settled_ = true;
        return;
      }
      if (total.min_usage > upper_ || total.max_usage < lower_) {
        infeasible();
        return;
      }
      // A side that no layout can violate is no side.
      two_sided_ = total.min_usage < lower_;
      if (total.best_heavy < lower_) turn_around();
      if (groups_.mask != 0) two_sided_ = total.max_usage > -lower_;
    } else if (problem_.has_lower) {
      turn_around();
    }
    if (!two_sided_) lower_ = -kFar;
  }

  void turn_around() {
    groups_.mask = -1;
    std::swap(lower_, upper_);
    lower_ = -lower_;
    upper_ = -upper_;
  }

  // Losses near the ends of the float range are scaled (by a power of two, exactly), so that products
  // neither overflow nor lose digits to underflow.
  void rescale() {
    const std::int64_t total = groups_.total();
    double largest[4] = {0.0, 0.0, 0.0, 0.0};
    std::int64_t at = 0;
    for (; at + 4 <= total; at += 4) {
      for (int lane = 0; lane < 4; ++lane) {
        const double size = std::fabs(problem_.loss[at + lane]);
        largest[lane] = size > largest[lane] ? size : largest[lane];
      }
    }
    for (; at < total; ++at) largest[0] = std::max(largest[0], std::fabs(problem_.loss[at]));
    const double most = std::max({largest[0], largest[1], largest[2], largest[3]});
    if (most == 0.0) return;
    const int exponent = std::ilogb(most);
    if (exponent > -400 && exponent < 400) return;
    shift_ = -exponent;
    scaled_.resize(static_cast<std::size_t>(total));
    for (std::int64_t i = 0; i < total; ++i) {
      scaled_[static_cast<std::size_t>(i)] = std::ldexp(problem_.loss[i], shift_);
    }
    groups_.loss = scaled_.data();
  }

  // The least loss is reached by several usages: take heavier ones as far as they fit.
  void raise_ties() {
    for (std::int64_t i = 0; i < groups_.num_groups; ++i) {
      const std::int64_t begin = groups_.begin(i);
      std::int32_t& option = dual_.layout[static_cast<std::size_t>(i)];
      const std::int64_t old = groups_.weight(begin + option);
      std::int64_t best = old;
      const double loss = groups_.loss[begin + option];
      for (std::int32_t j = 0; j < groups_.size(i); ++j) {
        const std::int64_t usage = groups_.weight(begin + j);
        if (groups_.loss[begin + j] == loss && usage > best && usage - old <= upper_ - dual_.usage) {
          best = usage;
          option = j;
        }
      }
      dual_.usage += best - old;
      if (dual_.usage >= lower_) return;
    }
  }

  // One proof, with or without the lower side. The layout and bound kept are relative to
  // dual_.layout.
  Proof prove(bool two_sided) {
    const double began = control_.seconds();
    Window window = room(two_sided);
    double hinted = hint_loss();
    Reduced reduced = reduce(groups_, dual_, window, hinted, control_);
    outcome_.counters.seconds_reduce += control_.seconds() - began;
    if (!reduced.complete) {
      if (window.holds(0)) {
        loss_ = 0.0;
        swaps_.clear();
        evaluate_base();
      }
      return Proof::kStopped;
    }
    base_high_ = reduced.base_high;
    base_low_ = reduced.base_low;
    hinted = hint_loss();  // mending may have moved the layout that it is relative to
    forget_layout();
    if (reduced.swap < kInfinity && reduced.swap <= hinted) {
      loss_ = reduced.swap;
      if (reduced.swap_group >= 0) swaps_.push_back({reduced.swap_group, reduced.swap_option});
    } else if (hinted < kInfinity) {
      loss_ = hinted;
      use_hint_ = true;
    }
    bound_ = std::max(bound_, reduced.bound);
    if (good_enough(reduced.noise)) return Proof::kDone;
    const double searching = control_.seconds();
    const Proof proof = close(two_sided, window, reduced);
    outcome_.counters.seconds_search += control_.seconds() - searching;
    return proof;
  }

  // The proof over the candidates. Without a lower side, small cores come first, for their
  // incumbents. With one there may be no incumbent: layouts within a small distance of the bound are
  // looked for first, then within four times that; finding none proves that the bound may rise.
  Proof close(bool two_sided, const Window& window, Reduced& reduced) {
    if (!two_sided && loss_ < kInfinity) {
      const Proof proof = try_small_cores(window, reduced);
      if (proof != Proof::kNothing) return proof;
    }
    double reach = two_sided ? first_reach(reduced) : kInfinity;
    for (;;) {
      const double gap = std::min(reach, loss_ - reduced.bound);
      const Proof proof = search(two_sided, window, reduced, reduced.candidates, gap, true);
      if (proof != Proof::kNothing || gap == kInfinity) return proof;
      reach = all_in_core_ || reach == 0.0 ? kInfinity : reach * 4.0;
    }
  }

  // Searches the most promising groups alone. Their best layout is an incumbent that fixes most of
  // the others; kNothing asks for the search over those that are left.
  Proof try_small_cores(const Window& window, Reduced& reduced) {
    std::vector<Candidate>& all = reduced.candidates;
    std::vector<Candidate> few;
    for (std::size_t size = kFirstCore;; size *= 8) {
      const double gap = loss_ - reduced.bound;
      all.erase(std::remove_if(all.begin(), all.end(),
                               [gap](const Candidate& c) { return !(c.second < gap); }),
                all.end());
      if (all.size() <= 2 * size) return Proof::kNothing;
      const auto end = all.begin() + static_cast<std::ptrdiff_t>(size);
      std::nth_element(all.begin(), end, all.end(), [](const Candidate& x, const Candidate& y) {
        return x.second != y.second ? x.second < y.second : x.group < y.group;
      });
      few.assign(all.begin(), end);
      const PrivateLimit limit(control_, kLabelsPerGroup * static_cast<std::int64_t>(size));
      search(false, window, reduced, few, gap, false);
      if (limit.stopped_by_caller()) return Proof::kStopped;
      if (good_enough(reduced.noise)) return Proof::kDone;
    }
  }

  // One search, over all candidates (`whole`: what it proves is proven) or over some.
  Proof search(bool two_sided, const Window& window, const Reduced& reduced,
               const std::vector<Candidate>& candidates, double gap, bool whole) {
    Core core =
        build_core(groups_, dual_, window, two_sided, candidates, reduced.bound, gap);
    // A coarser lattice leaves less room, which raises the bound, which fixes more.
    for (int round = 0; round < 8 && std::isfinite(gap) && core.unit > 1; ++round) {
      const double raised = core.to_loss(core.bound) - reduced.bound;
      Core finer = build_core(groups_, dual_, window, two_sided, candidates, reduced.bound,
                              gap - raised);
      const bool same = finer.options.size() == core.options.size();
      core = std::move(finer);
      if (same) break;
    }
    all_in_core_ = core.has_all;
    outcome_.counters.num_core_groups = static_cast<std::int64_t>(core.groups.size());
    outcome_.counters.num_core_options = static_cast<std::int64_t>(core.options.size());
    const double end = reduced.bound + gap;
    const bool known = loss_ < kInfinity && gap >= loss_ - reduced.bound;
    if (core.empty_window) {
      if (whole) bound_ = std::max(bound_, std::min(end, loss_));
      return known ? Proof::kDone : Proof::kNothing;
    }
    if (whole) bound_ = std::max(bound_, std::min(core.to_loss(core.bound), loss_));
    if (known && good_enough(reduced.noise)) return Proof::kDone;

    SearchSettings settings;
    settings.memory = label_memory(core, reduced);
    settings.base_loss = base_high_;
    settings.window = known ? kInfinity : std::ldexp(end, core.exponent) - core.bound;
    settings.tolerance = std::ldexp(least_tolerance(), core.exponent);
    const std::int64_t incumbent =
        known ? static_cast<std::int64_t>(std::floor(std::ldexp(loss_, core.exponent)))
              : Search::kNone;
    Search labels(core, settings, incumbent, control_);
    const bool complete = labels.run();
    MckpCounters& counters = outcome_.counters;
    counters.max_list =
        std::max(counters.max_list, static_cast<std::int64_t>(labels.longest_list()));
    counters.num_splits += labels.num_splits();
    if (labels.improved()) {
      forget_layout();
      for (const std::uint32_t o : labels.options()) {
        swaps_.push_back({core.options[o].group, core.options[o].option});
      }
      loss_ = core.to_loss(static_cast<double>(labels.incumbent()));
    }
    if (whole) bound_ = std::max(bound_, std::min(core.to_loss(labels.proven()), loss_));
    if (!complete) return Proof::kStopped;
    return known || labels.improved() ? Proof::kDone : Proof::kNothing;
  }

  double first_reach(const Reduced& reduced) const {
    std::vector<double> costs;
    for (const Candidate& candidate : reduced.candidates) {
      if (candidate.second > 0.0) costs.push_back(candidate.second);
    }
    if (costs.size() <= kFirstCore) return kInfinity;
    std::nth_element(costs.begin(), costs.begin() + kFirstCore, costs.end());
    return costs[kFirstCore];
  }

  Window room(bool two_sided) const {
    Window window;
    window.high = upper_ - dual_.usage;
    if (two_sided) window.low = lower_ - dual_.usage;
    return window;
  }

  std::size_t label_memory(const Core& core, const Reduced& reduced) const {
    const std::size_t used = 3 * core.bytes() + 2 * dual_.layout.capacity() * sizeof(std::int32_t) +
                             reduced.candidates.capacity() * sizeof(Candidate) +
                             scaled_.capacity() * sizeof(double);
    return settings_.memory_limit > used + kLeastMemory ? settings_.memory_limit - used
                                                        : kLeastMemory;
  }

  double tolerance(double loss) const {
    return std::max(std::ldexp(settings_.abs_gap, shift_), settings_.rel_gap * std::fabs(loss));
  }

  // The gap that will do whatever the incumbent becomes.
  double least_tolerance() const {
    const double low = base_high_ + bound_;
    const double high = loss_ < kInfinity ? base_high_ + loss_ : low;
    const bool straddles = (low < 0.0) != (high < 0.0);
    return tolerance(straddles ? 0.0 : std::min(std::fabs(low), std::fabs(high)));
  }

  bool good_enough(double noise) const {
    return loss_ < kInfinity &&
           loss_ - bound_ <= std::max(2.0 * noise, tolerance(base_high_ + loss_));
  }

  // The layout found so far starts the next stage.
  void keep_as_hint() {
    if (!(loss_ < kInfinity) || use_hint_) return;
    kept_ = dual_.layout;
    for (const auto& [group, option] : swaps_) kept_[static_cast<std::size_t>(group)] = option;
    hint_ = kept_.data();
  }

  // Loss of the hint relative to the break layout, infinity if there is none or it does not fit.
  double hint_loss() const {
    if (hint_ == nullptr) return kInfinity;
    CompensatedSum loss;
    std::int64_t usage = 0;
    for (std::int64_t i = 0; i < groups_.num_groups; ++i) {
      const std::int64_t begin = groups_.begin(i);
      const std::int32_t now = dual_.layout[static_cast<std::size_t>(i)];
      if (hint_[i] != now) {
        loss.add(groups_.loss[begin + hint_[i]]);
        loss.add(-groups_.loss[begin + now]);
      }
      usage += groups_.weight(begin + hint_[i]);
    }
    return lower_ <= usage && usage <= upper_ ? loss.value() : kInfinity;
  }

  void forget_layout() {
    loss_ = kInfinity;
    swaps_.clear();
    use_hint_ = false;
  }

  std::int64_t layout_usage() const {
    if (!(loss_ < kInfinity)) return -kFar - 1;
    if (use_hint_) return lower_;  // a hint that fits
    std::int64_t usage = dual_.usage;
    for (const auto& [group, option] : swaps_) {
      const std::int64_t begin = groups_.begin(group);
      usage += groups_.weight(begin + option) -
               groups_.weight(begin + dual_.layout[static_cast<std::size_t>(group)]);
    }
    return usage;
  }

  void evaluate_base() {
    CompensatedSum loss;
    for (std::int64_t i = 0; i < groups_.num_groups; ++i) {
      loss.add(groups_.loss[groups_.begin(i) + dual_.layout[static_cast<std::size_t>(i)]]);
    }
    base_high_ = loss.value();
    base_low_ = loss.rest();
  }

  MckpOutcome infeasible() {
    outcome_.reason = Reason::kInfeasible;
    outcome_.bound = kInfinity;
    outcome_.counters.num_labels = control_.num_labels();
    settled_ = true;
    return outcome_;
  }

  MckpOutcome report(bool proven) {
    outcome_.limit = proven ? Limit::kNone : control_.limit();
    outcome_.counters.num_labels = control_.num_labels();
    if (dual_.status == DualStatus::kBreak) {
      outcome_.multiplier =
          std::ldexp(groups_.mask == 0 ? dual_.multiplier : -dual_.multiplier, -shift_);
    }
    if (!(loss_ < kInfinity)) {
      outcome_.reason = Reason::kNoSolutionFound;
      outcome_.bound = lower_end(base_high_, bound_);
      return std::move(outcome_);
    }
    outcome_.reason = proven ? Reason::kOptimal : Reason::kFeasible;
    CompensatedSum loss;
    std::int64_t usage = dual_.usage;
    if (use_hint_) {
      usage = 0;
      for (std::int64_t i = 0; i < groups_.num_groups; ++i) {
        const std::int64_t at = groups_.begin(i) + hint_[i];
        dual_.layout[static_cast<std::size_t>(i)] = hint_[i];
        loss.add(groups_.loss[at]);
        usage += groups_.weight(at);
      }
    } else {
      loss.add(base_high_);
      loss.add(base_low_);
      for (const auto& [group, option] : swaps_) {
        std::int32_t& chosen = dual_.layout[static_cast<std::size_t>(group)];
        const std::int64_t begin = groups_.begin(group);
        loss.add(groups_.loss[begin + option]);
        loss.add(-groups_.loss[begin + chosen]);
        usage += groups_.weight(begin + option) - groups_.weight(begin + chosen);
        chosen = option;
      }
    }
    outcome_.has_layout = true;
    outcome_.choices = std::move(dual_.layout);
    outcome_.usage = groups_.mask == 0 ? usage : -usage;
    outcome_.loss = std::ldexp(loss.value(), -shift_);
    outcome_.bound =
        loss_ <= bound_ ? outcome_.loss : lower_end(loss.value(), -(loss_ - bound_));
    return std::move(outcome_);
  }

  // loss + change in the caller's scale, never rounded up.
  double lower_end(double loss, double change) const {
    if (!(change > -kInfinity)) return -kInfinity;
    const double bound = std::ldexp(loss + change, -shift_);
    return std::nextafter(bound, -kInfinity);
  }

  const MckpProblem& problem_;
  const MckpSettings& settings_;
  Control control_;
  const std::int32_t* hint_;
  std::vector<std::int32_t> kept_;
  Groups groups_;
  std::int64_t lower_ = 0;
  std::int64_t upper_ = 0;
  bool two_sided_ = false;
  bool settled_ = false;
  bool all_in_core_ = false;
  int shift_ = 0;  // groups_.loss = problem_.loss * 2^shift
  std::vector<double> scaled_;
  Dual dual_;
  double base_high_ = 0.0;  // loss of dual_.layout
  double base_low_ = 0.0;
  double loss_ = kInfinity;    // incumbent and bound relative to it
  double bound_ = -kInfinity;
  std::vector<std::pair<std::int32_t, std::int32_t>> swaps_;
  bool use_hint_ = false;
  MckpOutcome outcome_;
};

}  // namespace

MckpOutcome solve_mckp(const MckpProblem& problem, const MckpSettings& settings, Host* host) {
  return Solver(problem, settings, host).run();
}

}  // namespace mpsolve
