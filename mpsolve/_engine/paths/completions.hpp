// What the rest of the sweep can do for a label: usages within reach, and bounds of its
// completions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "dominance.hpp"
#include "model.hpp"
#include "quanta.hpp"
#include "sweep.hpp"

namespace mpsolve::paths {

constexpr std::size_t kBlock = 4;      // multiplier vectors looked at together
constexpr double kUnitMargin = 512.0;  // rounding of a budget's term that units add, in quanta

// Least and most that the rest of the sweep can use, and where the cheapest completion leads.
template <int R>
struct Ahead {
  std::int64_t least[R];
  std::int64_t most[R];
  std::int64_t usage[R];  // of the cheapest completion under the first multipliers
  std::int64_t loss;
};

template <int R>
class Completions {
 public:
  Completions(const Model& model, const Sweep& sweep, const Quanta& quanta)
      : model_(model), sweep_(sweep), quanta_(quanta) {
    prepare();
  }

  const Ahead<R>& ahead(std::size_t node) const { return ahead_[node]; }

  // Whether a label's total can stay within the budgets with so much more.
  bool fits(const Label<R>& label, const std::int64_t* least, const std::int64_t* most) const {
    for (int r = 0; r < R; ++r) {
      if (label.usage[r] + least[r] > upper_[r]) return false;
      if (label.usage[r] + most[r] < lower_[r]) return false;
    }
    return true;
  }

  // The best bound of all vectors, or of some once that is `enough`. The steps from `t` on use
  // multiples of a unit: what the room holds beyond one is as good as used.
  double bound_of(const Label<R>& label, std::size_t at_node, double enough, std::size_t t) const {
    const double* const node = node_.data() + at_node * count_;
    double usage[R];
    double wasted[R];
    for (int r = 0; r < R; ++r) {
      usage[r] = static_cast<double>(label.usage[r]);
      const std::int64_t unit =
          unit_[t * static_cast<std::size_t>(R) + static_cast<std::size_t>(r)];
      wasted[r] = unit > 1 ? static_cast<double>((upper_[r] - label.usage[r]) % unit) : 0.0;
    }
    const double loss = static_cast<double>(label.loss) - quanta_.margin() - kUnitMargin * R;
    double best = -kInfinity;
    for (std::size_t block = 0; block < count_ && best < enough; block += kBlock) {
      double value[kBlock];
      for (std::size_t k = 0; k < kBlock; ++k) value[k] = loss + node[block + k];
      for (int r = 0; r < R; ++r) {
        const double* const slope = slope_.data() + static_cast<std::size_t>(r) * count_ + block;
        for (std::size_t k = 0; k < kBlock; ++k) value[k] += slope[k] * usage[r];
        if (wasted[r] == 0.0) continue;
        for (std::size_t k = 0; k < kBlock; ++k) value[k] += std::max(slope[k], 0.0) * wasted[r];
      }
      for (std::size_t k = 0; k < kBlock; ++k) best = value[k] > best ? value[k] : best;
    }
    return best;
  }

 private:
  static std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

  void prepare() {
    const std::size_t nodes = sweep_.num_nodes();
    const std::vector<NodeBounds>& bounds = quanta_.bounds();
    // The last vectors are repeated, so that all blocks are full.
    const std::size_t given = bounds.size();
    count_ = (given + kBlock - 1) / kBlock * kBlock;
    node_.resize(nodes * count_);
    slope_.assign(static_cast<std::size_t>(R) * count_, 0.0);
    for (std::size_t k = 0; k < count_; ++k) {
      const NodeBounds& vector = bounds[std::min(k, given - 1)];
      for (std::size_t r = 0; r < vector.slope.size(); ++r) {
        slope_[r * count_ + k] = vector.slope[r];
      }
    }
    // Prices are less their groups' least; the part of the groups still ahead is added back.
    std::vector<double> ahead(count_);
    for (std::size_t k = 0; k < count_; ++k) ahead[k] = -room(bounds[std::min(k, given - 1)]);
    const std::vector<Step>& steps = sweep_.steps();
    for (std::size_t k = 0; k < count_; ++k) node_[(nodes - 1) * count_ + k] = ahead[k];
    for (std::size_t t = steps.size(); t-- > 0;) {
      const Step& step = steps[t];
      for (std::size_t k = 0; k < count_; ++k) {
        const NodeBounds& vector = bounds[std::min(k, given - 1)];
        ahead[k] += static_cast<double>(vector.least[at(step.group)]);
        for (std::int32_t s = 0; s < step.states; ++s) {
          const std::int64_t back = vector.back.node[step.node + at(s)];
          node_[(step.node + at(s)) * count_ + k] =
              back >= kForbidden ? kInfinity : static_cast<double>(back) + ahead[k];
        }
      }
    }
    ahead_.resize(nodes);
    ahead_[nodes - 1] = Ahead<R>{};
    for (std::size_t t = steps.size(); t-- > 0;) prepare_step(steps[t]);
    for (int r = 0; r < R; ++r) {
      lower_[r] = kOpenLow;
      upper_[r] = kOpenHigh;
    }
    for (std::size_t r = 0; r < model_.rows.size(); ++r) {
      lower_[r] = model_.rows[r].two_sided() ? model_.rows[r].lower : kOpenLow;
      upper_[r] = model_.rows[r].upper;
    }
    prepare_units();
  }

  void prepare_units() {
    const std::vector<Step>& steps = sweep_.steps();
    const auto rows = static_cast<std::size_t>(R);
    unit_.assign((steps.size() + 1) * rows, 0);
    for (std::size_t t = steps.size(); t-- > 0;) {
      for (std::size_t r = 0; r < at(model_.num_rows); ++r) {
        std::int64_t unit = unit_[(t + 1) * rows + r];
        for (std::int32_t j = 0; j < steps[t].size; ++j) {
          unit = std::gcd(unit, model_.usage_of(steps[t].option + j)[r]);
        }
        unit_[t * rows + r] = unit;
      }
    }
  }

  double room(const NodeBounds& bounds) const {
    double sum = 0.0;
    for (std::size_t r = 0; r < bounds.slope.size(); ++r) {
      const Row& row = model_.rows[r];
      sum += bounds.slope[r] * static_cast<double>(bounds.slope[r] > 0.0 ? row.upper : row.lower);
    }
    return sum;
  }

  void prepare_step(const Step& step) {
    const NodeBounds& main = quanta_.bounds().front();
    for (std::int32_t s = 0; s < step.states; ++s) {
      Ahead<R>& here = ahead_[step.node + at(s)];
      here = Ahead<R>{};
      bool first = true;
      for (std::int32_t j = 0; j < step.size; ++j) {
        if (quanta_.arc()[step.arc + at(s * step.size + j)] >= kForbidden) continue;
        const Ahead<R>& next = ahead_[sweep_.target(step, s, j)];
        const std::int64_t* const usage = model_.usage_of(step.option + j);
        for (std::int32_t r = 0; r < model_.num_rows; ++r) {
          const std::int64_t least = usage[r] + next.least[r];
          const std::int64_t most = usage[r] + next.most[r];
          here.least[r] = first ? least : std::min(here.least[r], least);
          here.most[r] = first ? most : std::max(here.most[r], most);
        }
        first = false;
      }
      const std::int32_t j = main.back.choice[step.node + at(s)];
      const Ahead<R>& next = ahead_[sweep_.target(step, s, j)];
      for (std::int32_t r = 0; r < model_.num_rows; ++r) {
        here.usage[r] = model_.usage_of(step.option + j)[r] + next.usage[r];
      }
      here.loss =
          std::min(kForbidden, quanta_.option()[at(step.option + j)] +
                                   quanta_.arc()[step.arc + at(s * step.size + j)] + next.loss);
    }
  }

  const Model& model_;
  const Sweep& sweep_;
  const Quanta& quanta_;
  std::size_t count_ = 0;           // multiplier vectors
  std::vector<double> node_;        // node by vector
  std::vector<double> slope_;       // row by vector
  std::vector<Ahead<R>> ahead_;     // by node
  std::vector<std::int64_t> unit_;  // step by row: gcd of what the steps from it on use
  std::int64_t lower_[R];
  std::int64_t upper_[R];
};

}  // namespace mpsolve::paths
