// Labels (partial layouts over the core) and the merge that adds one option to a sorted list.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>

#include "core.hpp"

namespace mpsolve {

struct Label {
  std::int64_t usage;     // units more than the break layout
  std::int64_t loss;      // quanta more
  std::uint32_t history;  // node of the decisions before
  std::uint32_t option;   // core option added last
};

// Memory for labels: not initialised, grows by copying, never shrinks.
class LabelBuffer {
 public:
  Label* data() { return data_.get(); }
  const Label* data() const { return data_.get(); }
  std::size_t capacity() const { return capacity_; }

  // `most`: what the owner may ever need, so that growing ahead does not pass it.
  void reserve(std::size_t wanted, std::size_t kept, std::size_t most) {
    if (wanted <= capacity_) return;
    const std::size_t grown = std::max(wanted, std::min(2 * capacity_ + 64, most));
    std::unique_ptr<Label[]> fresh(new Label[grown]);
    std::copy(data_.get(), data_.get() + kept, fresh.get());
    data_ = std::move(fresh);
    capacity_ = grown;
  }

 private:
  std::unique_ptr<Label[]> data_;
  std::size_t capacity_ = 0;
};

// What a label must pass to stay: the completion bound over the groups still to come.
struct Pruner {
  double up;         // most that a unit of further usage can save
  double down;       // least that a unit given back costs
  double threshold;  // bounds at or above it cannot lead to anything better
  std::int64_t low;
  std::int64_t high;
  std::int64_t usage_from;  // lightest and heaviest label that can still end in the window
  std::int64_t usage_to;

  Pruner(const Core& core, std::size_t position, double threshold_)
      : up(core.suffix[position].up),
        down(core.suffix[position].down),
        threshold(threshold_),
        low(core.window.low),
        high(core.window.high),
        usage_from(core.two_sided ? low - core.suffix[position].most
                                  : std::numeric_limits<std::int64_t>::min()),
        usage_to(high - core.suffix[position].least) {}

  // One side: the room left saves at most up per unit, an overshoot costs at least down per unit.
  // Two sides: the usage must also rise by at least low - usage, and saving may be negative.
  template <bool kTwoSided>
  double bound(std::int64_t usage, std::int64_t loss) const {
    std::int64_t change = high - usage;
    if constexpr (kTwoSided) {
      if (up < 0.0) change = std::min(change, std::max<std::int64_t>(0, low - usage));
    }
    const double slope = change >= 0 ? up : down;
    return static_cast<double>(loss) - slope * static_cast<double>(change);
  }
};

// Merges two sorted lists, shifted by one option each, into `out`: sorted by usage, one label per
// usage (two sides) or strictly falling losses (one side), pruned. It stops after a number of steps
// and can be resumed, so that the caller can look at the clock and at the space left.
struct Merge {
  struct Side {
    const Label* at;
    const Label* end;
    std::int64_t usage;
    std::int64_t loss;
    std::uint32_t option;
  };

  Side a;
  Side b;
  std::int64_t last_loss = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_usage = std::numeric_limits<std::int64_t>::min();
  double least_pruned = std::numeric_limits<double>::infinity();
  std::size_t written = 0;

  bool done() const { return a.at == a.end && b.at == b.end; }

  // kFirst: both sides are the list before; else `a` already carries its options.
  template <bool kTwoSided, bool kFirst>
  void run(const Pruner& pruner, Label* out, std::size_t steps) {
    while (steps > 0 && a.at != a.end && b.at != b.end) {
      const std::int64_t usage_a = kFirst ? a.at->usage + a.usage : a.at->usage;
      const std::int64_t usage_b = b.at->usage + b.usage;
      const std::int64_t loss_a = kFirst ? a.at->loss + a.loss : a.at->loss;
      const std::int64_t loss_b = b.at->loss + b.loss;
      const bool from_a = (usage_a < usage_b) | ((usage_a == usage_b) & (loss_a <= loss_b));
      const Label* source = from_a ? a.at : b.at;
      emit<kTwoSided>(pruner, out, from_a ? usage_a : usage_b, from_a ? loss_a : loss_b,
                      source->history, from_a ? (kFirst ? a.option : source->option) : b.option);
      a.at += from_a;
      b.at += !from_a;
      --steps;
    }
    if (b.at == b.end) {
      for (; steps > 0 && a.at != a.end; --steps, ++a.at) {
        emit<kTwoSided>(pruner, out, kFirst ? a.at->usage + a.usage : a.at->usage,
                        kFirst ? a.at->loss + a.loss : a.at->loss, a.at->history,
                        kFirst ? a.option : a.at->option);
      }
    } else if (a.at == a.end) {
      for (; steps > 0 && b.at != b.end; --steps, ++b.at) {
        emit<kTwoSided>(pruner, out, b.at->usage + b.usage, b.at->loss + b.loss, b.at->history,
                        b.option);
      }
    }
  }

 private:
  // Written always, kept by moving on: no branch to mispredict.
  template <bool kTwoSided>
  void emit(const Pruner& pruner, Label* out, std::int64_t usage, std::int64_t loss,
            std::uint32_t history, std::uint32_t option) {
    const double bound = pruner.bound<kTwoSided>(usage, loss);
    const bool fresh = kTwoSided ? usage != last_usage : loss < last_loss;
    const bool reaches = (usage <= pruner.usage_to) & (usage >= pruner.usage_from);
    const bool keep = fresh & reaches & (bound < pruner.threshold);
    out[written] = Label{usage, loss, history, option};
    written += keep;
    last_loss = keep ? loss : last_loss;
    last_usage = keep ? usage : last_usage;
    const double lost = fresh & reaches & !keep ? bound : least_pruned;
    least_pruned = std::min(least_pruned, lost);
  }
};

}  // namespace mpsolve
