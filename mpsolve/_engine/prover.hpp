// One proof: reduction, small cores for an incumbent, then the search over what is left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "control.hpp"
#include "core.hpp"
#include "dual.hpp"
#include "groups.hpp"
#include "mckp.hpp"
#include "reduce.hpp"

namespace mpsolve {

enum class Proof {
  kDone,     // the incumbent is optimal (within the caller's gap)
  kNothing,  // there is no layout
  kStopped,  // a limit came first
};

struct ProofSettings {
  double abs_gap = 0.0;  // in the scale of the groups' losses
  double rel_gap = 0.0;
  std::size_t memory = 0;              // bytes
  const std::int32_t* hint = nullptr;  // a layout, or null
};

// Owns the break layout and what is known about the optimum. Losses and bounds are kept relative to
// the break layout's, so that nothing large cancels.
class Prover {
 public:
  Prover(const Groups& groups, Dual dual, std::int64_t lower, std::int64_t upper,
         const ProofSettings& settings, Control& control, MckpCounters& counters);

  // `two_sided` false ignores the lower side.
  Proof prove(bool two_sided);

  // Takes the break layout itself for the optimum.
  void accept_break();
  // The incumbent, if any, starts the next proof.
  void keep_as_hint();
  void forget_layout();

  bool has_layout() const { return loss_ < std::numeric_limits<double>::infinity(); }
  bool above_lower() const { return has_layout() && layout_usage() >= lower_; }
  double gap() const { return loss_ - bound_; }  // of the incumbent
  double bound() const;                          // lower bound on the loss, rounded to nearest

  struct Layout {
    std::vector<std::int32_t> options;
    double loss;
    std::int64_t usage;
  };
  // The incumbent; the prover is of no use afterwards.
  Layout take_layout();

 private:
  Proof close(bool two_sided, const Window& window, Reduced& reduced);
  bool closed_by_lattice(const Window& window, const Reduced& reduced);
  Proof try_small_cores(const Window& window, Reduced& reduced);
  Proof search(bool two_sided, const Window& window, const Reduced& reduced,
               const std::vector<Candidate>& candidates, double gap, bool whole);
  double first_reach(const Reduced& reduced) const;
  Window room(bool two_sided) const;
  std::size_t label_memory(const Core& core, const Reduced& reduced) const;
  double tolerance(double loss) const;
  double least_tolerance() const;
  bool good_enough(double noise) const;
  double hint_loss() const;
  std::int64_t layout_usage() const;
  void evaluate_base();

  const Groups& groups_;
  Dual dual_;
  std::int64_t lower_;
  std::int64_t upper_;
  ProofSettings settings_;
  Control& control_;
  MckpCounters& counters_;
  std::vector<std::int32_t> kept_;  // storage of a kept hint
  double base_high_ = 0.0;          // loss of the break layout, in two parts
  double base_low_ = 0.0;
  double loss_ = std::numeric_limits<double>::infinity();  // incumbent
  double bound_ = -std::numeric_limits<double>::infinity();
  std::vector<std::pair<std::int32_t, std::int32_t>> swaps_;  // where it leaves the break layout
  bool use_hint_ = false;                                     // the incumbent is the hint
  bool all_in_core_ = false;
};

}  // namespace mpsolve
