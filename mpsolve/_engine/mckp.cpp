// Dual, reduction, core and search put together; sides, stages and what is reported.
#include "mckp.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dual.hpp"
#include "groups.hpp"
#include "prover.hpp"

namespace mpsolve {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kFar = std::int64_t{1} << 62;  // no layout's usage gets there
constexpr std::int64_t kOneSidedLabels = 4000000;     // then the two-sided search takes over

class Solver {
 public:
  Solver(const MckpProblem& problem, const MckpSettings& settings, Host* host)
      : problem_(problem),
        settings_(settings),
        control_(settings.time_limit, settings.label_limit, host) {}

  MckpOutcome run() {
    if (!orient()) return outcome_;
    rescale();
    const bool is_known = settings_.dual != nullptr && groups_.mask == 0 && shift_ == 0;
    Dual dual = is_known ? *settings_.dual : solve_dual(groups_, upper_, control_);
    outcome_.counters.seconds_dual = control_.seconds();
    control_.arm();
    if (dual.status == DualStatus::kInfeasible) return infeasible();
    if (dual.status == DualStatus::kStopped) return stopped();
    const bool binds = dual.status == DualStatus::kBreak;
    if (!binds && two_sided_) raise_ties(dual);
    const bool settled = !binds && dual.usage >= lower_;
    if (binds) {
      outcome_.multiplier =
          std::ldexp(groups_.mask == 0 ? dual.multiplier : -dual.multiplier, -shift_);
    }
    ProofSettings settings;
    settings.abs_gap = std::ldexp(settings_.abs_gap, shift_);
    settings.rel_gap = settings_.rel_gap;
    settings.memory = settings_.memory_limit -
                      std::min(settings_.memory_limit, scaled_.capacity() * sizeof(double));
    settings.hint = settings_.hint;
    Prover prover(groups_, std::move(dual), lower_, upper_, settings, control_, outcome_.counters);
    if (settled) {
      prover.accept_break();
      return report(prover, true);
    }
    if (two_sided_) {
      // Most often the other side does not bind: the one-sided search has dominance.
      const PrivateLimit limit(control_, kOneSidedLabels);
      const Proof proof = prover.prove(false);
      if (proof == Proof::kDone && prover.above_lower()) return report(prover, true);
      if (!prover.above_lower()) prover.forget_layout();
      if (limit.stopped_by_caller()) return report(prover, false);
      prover.keep_as_hint();
    }
    const Proof proof = prover.prove(two_sided_);
    return proof == Proof::kNothing ? infeasible() : report(prover, proof == Proof::kDone);
  }

 private:
  // Turns the side that binds into the upper one. False: the outcome is known.
  bool orient() {
    groups_.loss = problem_.loss;
    groups_.usage = problem_.usage;
    groups_.offsets = problem_.offsets;
    groups_.num_groups = problem_.num_groups;
    groups_.num_options = problem_.num_options;
    lower_ = problem_.has_lower ? std::clamp(problem_.lower, -kFar, kFar) : -kFar;
    upper_ = problem_.has_upper ? std::clamp(problem_.upper, -kFar, kFar) : kFar;
    if (lower_ > upper_) {
      infeasible();
      return false;
    }
    if (problem_.has_lower && problem_.has_upper) {
      const Survey total = survey(groups_, control_);
      if (!total.complete) {
        stopped();
        return false;
      }
      if (total.min_usage > upper_ || total.max_usage < lower_) {
        infeasible();
        return false;
      }
      // A side that no layout can violate is no side.
      two_sided_ = total.min_usage < lower_;
      if (total.best_heavy < lower_) turn_around();
      if (groups_.mask != 0) two_sided_ = total.max_usage > -lower_;
    } else if (problem_.has_lower) {
      turn_around();
    }
    if (!two_sided_) lower_ = -kFar;
    return true;
  }

  void turn_around() {
    groups_.mask = -1;
    std::swap(lower_, upper_);
    lower_ = -lower_;
    upper_ = -upper_;
  }

  // Losses near the ends of the float range are scaled (by a power of two, exactly), so that
  // products neither overflow nor lose digits to underflow.
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
  void raise_ties(Dual& dual) const {
    for (std::int64_t i = 0; i < groups_.num_groups; ++i) {
      const std::int64_t begin = groups_.begin(i);
      std::int32_t& option = dual.layout[static_cast<std::size_t>(i)];
      const std::int64_t old = groups_.weight(begin + option);
      std::int64_t best = old;
      const double loss = groups_.loss[begin + option];
      for (std::int32_t j = 0; j < groups_.size(i); ++j) {
        const std::int64_t usage = groups_.weight(begin + j);
        if (groups_.loss[begin + j] == loss && usage > best && usage - old <= upper_ - dual.usage) {
          best = usage;
          option = j;
        }
      }
      dual.usage += best - old;
      if (dual.usage >= lower_) return;
    }
  }

  const MckpOutcome& infeasible() {
    outcome_.reason = Reason::kInfeasible;
    outcome_.bound = kInfinity;
    outcome_.multiplier = 0.0;
    outcome_.counters.num_labels = control_.num_labels();
    return outcome_;
  }

  // Before anything was known.
  const MckpOutcome& stopped() {
    outcome_.limit = control_.limit();
    return outcome_;
  }

  const MckpOutcome& report(Prover& prover, bool proven) {
    outcome_.limit = proven ? Limit::kNone : control_.limit();
    outcome_.counters.num_labels = control_.num_labels();
    if (!prover.has_layout()) {
      outcome_.reason = Reason::kNoSolutionFound;
      outcome_.bound = rounded_down(prover.bound());
      return outcome_;
    }
    const double gap = prover.gap();
    Prover::Layout layout = prover.take_layout();
    outcome_.reason = proven ? Reason::kOptimal : Reason::kFeasible;
    outcome_.has_layout = true;
    outcome_.choices = std::move(layout.options);
    outcome_.usage = groups_.mask == 0 ? layout.usage : -layout.usage;
    outcome_.loss = std::ldexp(layout.loss, -shift_);
    outcome_.bound = gap > 0.0 ? rounded_down(layout.loss - gap) : outcome_.loss;
    return outcome_;
  }

  // In the caller's scale, never above what was meant.
  double rounded_down(double loss) const {
    return std::nextafter(std::ldexp(loss, -shift_), -kInfinity);
  }

  const MckpProblem& problem_;
  const MckpSettings& settings_;
  Control control_;
  Groups groups_;
  std::int64_t lower_ = 0;
  std::int64_t upper_ = 0;
  bool two_sided_ = false;
  int shift_ = 0;  // groups_.loss = problem_.loss * 2^shift
  std::vector<double> scaled_;
  MckpOutcome outcome_;
};

}  // namespace

MckpOutcome solve_mckp(const MckpProblem& problem, const MckpSettings& settings, Host* host) {
  return Solver(problem, settings, host).run();
}

}  // namespace mpsolve
