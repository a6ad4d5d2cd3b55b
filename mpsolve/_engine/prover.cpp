#include "prover.hpp"

#include <algorithm>
#include <cmath>

#include "fill.hpp"
#include "search.hpp"
#include "sums.hpp"
#include "swaps.hpp"

namespace mpsolve {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kFirstCore = 32;        // groups the first core has
constexpr std::int64_t kLabelsPerGroup = 50;  // effort for a core that proves nothing
constexpr std::size_t kPairGroups = 512;      // most groups that pairs are tried of
constexpr std::size_t kLeastMemory = 1 << 16;

}  // namespace

Prover::Prover(const Groups& groups, Dual dual, std::int64_t lower, std::int64_t upper,
               const ProofSettings& settings, Control& control, MckpCounters& counters)
    : groups_(groups),
      dual_(std::move(dual)),
      lower_(lower),
      upper_(upper),
      settings_(settings),
      control_(control),
      counters_(counters) {}

// One proof, with or without the lower side. The layout and bound kept are relative to
// dual_.layout.
Proof Prover::prove(bool two_sided) {
  const double began = control_.seconds();
  Window window = room(two_sided);
  double hinted = hint_loss();
  Reduced reduced = reduce(groups_, dual_, window, hinted, control_);
  counters_.seconds_reduce += control_.seconds() - began;
  if (!reduced.complete) {
    evaluate_base();
    if (hinted < kInfinity) {
      loss_ = hinted;
      use_hint_ = true;
    } else if (window.holds(0)) {
      loss_ = 0.0;
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
  counters_.seconds_search += control_.seconds() - searching;
  return proof;
}

// The proof over the candidates. Without a lower side, small cores come first, for their
// incumbents. With one there may be no incumbent: layouts within a small distance of the bound are
// looked for first, then within four times that; finding none proves that the bound may rise.
Proof Prover::close(bool two_sided, const Window& window, Reduced& reduced) {
  if (!two_sided && loss_ < kInfinity) {
    if (closed_by_lattice(window, reduced)) return Proof::kDone;
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

// Where all usages are multiples of a unit, rounding the room down to it may close the gap.
bool Prover::closed_by_lattice(const Window& window, const Reduced& reduced) {
  const Lattice lattice = find_lattice(groups_, dual_, window, false, reduced.candidates,
                                       reduced.bound, loss_ - reduced.bound);
  bound_ = std::max(bound_, lattice.empty ? loss_ : std::min(lattice.bound, loss_));
  return good_enough(reduced.noise);
}

// Searches the most promising groups alone. Their best layout is an incumbent that fixes most of
// the others; kNothing asks for the search over those that are left.
Proof Prover::try_small_cores(const Window& window, Reduced& reduced) {
  std::vector<Candidate>& all = reduced.candidates;
  std::vector<Candidate> few;
  const auto cheapest_first = [](const Candidate& x, const Candidate& y) {
    return x.second != y.second ? x.second < y.second : x.group < y.group;
  };
  const auto fix = [&] {
    const double gap = loss_ - reduced.bound;
    all.erase(std::remove_if(all.begin(), all.end(),
                             [gap](const Candidate& c) { return !(c.second < gap); }),
              all.end());
  };
  if (all.size() > 2 * kFirstCore) {
    const std::size_t size = std::min(all.size(), kPairGroups);
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(size);
    if (end != all.end()) std::nth_element(all.begin(), end, all.end(), cheapest_first);
    few.assign(all.begin(), end);
    const PairSwap pair = best_pair(groups_, dual_, few, loss_ - reduced.bound, window.high);
    if (pair.loss < loss_) {
      forget_layout();
      loss_ = pair.loss;
      swaps_ = {{pair.first.group, pair.first.option}, {pair.second.group, pair.second.option}};
      if (good_enough(reduced.noise)) return Proof::kDone;
      fix();
    }
    Filling filling = fill_room(groups_, dual_, all, window.high);
    if (filling.loss < loss_) {
      forget_layout();
      loss_ = filling.loss;
      for (const Swap& swap : filling.swaps) swaps_.push_back({swap.group, swap.option});
      if (good_enough(reduced.noise)) return Proof::kDone;
    }
  }
  for (std::size_t size = kFirstCore;; size *= 8) {
    fix();
    const double gap = loss_ - reduced.bound;
    if (all.size() <= 2 * size) return Proof::kNothing;
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(size);
    std::nth_element(all.begin(), end, all.end(), cheapest_first);
    few.assign(all.begin(), end);
    const PrivateLimit limit(control_, kLabelsPerGroup * static_cast<std::int64_t>(size));
    search(false, window, reduced, few, gap, false);
    if (limit.stopped_by_caller()) return Proof::kStopped;
    if (good_enough(reduced.noise)) return Proof::kDone;
  }
}

// One search, over all candidates (`whole`: what it proves is proven) or over some.
Proof Prover::search(bool two_sided, const Window& window, const Reduced& reduced,
                     const std::vector<Candidate>& candidates, double gap, bool whole) {
  const double end = reduced.bound + gap;
  const bool known = loss_ < kInfinity && gap >= loss_ - reduced.bound;
  const Lattice lattice =
      find_lattice(groups_, dual_, window, two_sided, candidates, reduced.bound, gap);
  const double raised = lattice.empty ? end : std::min(lattice.bound, end);
  if (whole) bound_ = std::max(bound_, std::min(raised, loss_));
  if (known && (lattice.empty || good_enough(reduced.noise))) return Proof::kDone;
  Core core = build_core(groups_, dual_, lattice, two_sided, candidates);
  all_in_core_ = core.has_all;
  counters_.num_core_groups = static_cast<std::int64_t>(core.groups.size());
  counters_.num_core_options = static_cast<std::int64_t>(core.options.size());
  if (lattice.empty) return Proof::kNothing;
  core.arrange();

  SearchSettings settings;
  settings.memory = label_memory(core, reduced);
  settings.base_loss = base_high_;
  settings.window = known ? kInfinity : core.to_quanta(end) - core.bound;
  settings.tolerance = core.to_quanta(least_tolerance());
  const std::int64_t incumbent =
      known ? static_cast<std::int64_t>(std::floor(core.to_quanta(loss_))) : Search::kNone;
  Search labels(core, settings, incumbent, control_);
  const bool complete = labels.run();
  counters_.max_list =
      std::max(counters_.max_list, static_cast<std::int64_t>(labels.longest_list()));
  counters_.num_splits += labels.num_splits();
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

double Prover::first_reach(const Reduced& reduced) const {
  std::vector<double> costs;
  for (const Candidate& candidate : reduced.candidates) {
    if (candidate.second > 0.0) costs.push_back(candidate.second);
  }
  if (costs.size() <= kFirstCore) return kInfinity;
  std::nth_element(costs.begin(), costs.begin() + kFirstCore, costs.end());
  return costs[kFirstCore];
}

Window Prover::room(bool two_sided) const {
  Window window;
  window.high = upper_ - dual_.usage;
  if (two_sided) window.low = lower_ - dual_.usage;
  return window;
}

std::size_t Prover::label_memory(const Core& core, const Reduced& reduced) const {
  const std::size_t used = 3 * core.bytes() + 2 * dual_.layout.capacity() * sizeof(std::int32_t) +
                           reduced.candidates.capacity() * sizeof(Candidate);
  return settings_.memory > used + kLeastMemory ? settings_.memory - used : kLeastMemory;
}

double Prover::tolerance(double loss) const {
  return std::max(settings_.abs_gap, settings_.rel_gap * std::fabs(loss));
}

// The gap that will do whatever the incumbent becomes.
double Prover::least_tolerance() const {
  const double low = base_high_ + bound_;
  const double high = loss_ < kInfinity ? base_high_ + loss_ : low;
  const bool straddles = (low < 0.0) != (high < 0.0);
  return tolerance(straddles ? 0.0 : std::min(std::fabs(low), std::fabs(high)));
}

bool Prover::good_enough(double noise) const {
  return loss_ < kInfinity &&
         loss_ - bound_ <= std::max(2.0 * noise, tolerance(base_high_ + loss_));
}

// The layout found so far starts the next stage.
void Prover::keep_as_hint() {
  if (!(loss_ < kInfinity) || use_hint_) return;
  kept_ = dual_.layout;
  for (const auto& [group, option] : swaps_) kept_[static_cast<std::size_t>(group)] = option;
  settings_.hint = kept_.data();
}

// Loss of the hint relative to the break layout, infinity if there is none or it does not fit.
double Prover::hint_loss() const {
  if (settings_.hint == nullptr) return kInfinity;
  CompensatedSum loss;
  std::int64_t usage = 0;
  for (std::int64_t i = 0; i < groups_.num_groups; ++i) {
    const std::int64_t begin = groups_.begin(i);
    const std::int32_t now = dual_.layout[static_cast<std::size_t>(i)];
    if (settings_.hint[i] != now) {
      loss.add(groups_.loss[begin + settings_.hint[i]]);
      loss.add(-groups_.loss[begin + now]);
    }
    usage += groups_.weight(begin + settings_.hint[i]);
  }
  return lower_ <= usage && usage <= upper_ ? loss.value() : kInfinity;
}

void Prover::forget_layout() {
  loss_ = kInfinity;
  swaps_.clear();
  use_hint_ = false;
}

std::int64_t Prover::layout_usage() const {
  if (!has_layout()) return std::numeric_limits<std::int64_t>::min();
  if (use_hint_) return lower_;  // a hint that fits
  std::int64_t usage = dual_.usage;
  for (const auto& [group, option] : swaps_) {
    const std::int64_t begin = groups_.begin(group);
    usage += groups_.weight(begin + option) -
             groups_.weight(begin + dual_.layout[static_cast<std::size_t>(group)]);
  }
  return usage;
}

void Prover::evaluate_base() {
  CompensatedSum loss;
  for (std::int64_t i = 0; i < groups_.num_groups; ++i) {
    loss.add(groups_.loss[groups_.begin(i) + dual_.layout[static_cast<std::size_t>(i)]]);
  }
  base_high_ = loss.value();
  base_low_ = loss.rest();
}

void Prover::accept_break() {
  loss_ = 0.0;
  bound_ = 0.0;
  evaluate_base();
}

double Prover::bound() const { return base_high_ + bound_; }

Prover::Layout Prover::take_layout() {
  CompensatedSum loss;
  std::int64_t usage = dual_.usage;
  if (use_hint_) {
    usage = 0;
    for (std::int64_t i = 0; i < groups_.num_groups; ++i) {
      const std::int64_t at = groups_.begin(i) + settings_.hint[i];
      dual_.layout[static_cast<std::size_t>(i)] = settings_.hint[i];
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
  return Layout{std::move(dual_.layout), loss.value(), usage};
}

}  // namespace mpsolve
