#include "bracket.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "select.hpp"

namespace mpsolve {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kBlock = 2048;    // groups between two looks at the clock
constexpr std::size_t kFew = 96;         // groups whose hulls cost less than another look
constexpr double kOvershoot = 1.5;       // how far beyond the estimate the other side is tried
constexpr std::size_t kLeastSteps = 64;  // at least one edge in so many beyond

// How ties are broken. In between they hardly occur and do not matter; at a multiplier of 0 the
// lighter option wins, and at infinity the one of least loss.
enum class Ends { kBetween, kBest, kLightest };

// The option of least loss + multiplier * usage. Everything is taken relative to the group's first
// option, so that a large common part cancels exactly.
template <Ends kEnds>
std::int32_t best_option(const Groups& groups, std::int64_t begin, std::int32_t size,
                         double multiplier) {
  const double loss = groups.loss[begin];
  const std::int64_t usage = groups.weight(begin);
  double value = 0.0;
  std::int64_t lightest = 0;
  std::int32_t best = 0;
  for (std::int32_t j = 1; j < size; ++j) {
    const double lost = groups.loss[begin + j] - loss;
    const std::int64_t more = groups.weight(begin + j) - usage;
    bool better = false;
    if constexpr (kEnds == Ends::kBetween) {
      const double v = lost + multiplier * static_cast<double>(more);
      better = v < value;
      value = better ? v : value;
    } else {
      better = kEnds == Ends::kLightest ? (more < lightest) | ((more == lightest) & (lost < value))
                                        : (lost < value) | ((lost == value) & (more < lightest));
      value = better ? lost : value;
      lightest = better ? more : lightest;
    }
    best = better ? j : best;
  }
  return best;
}

template <class Function>
auto with_ends(double multiplier, Function&& function) {
  if (multiplier == kInfinity) return function(std::integral_constant<Ends, Ends::kLightest>{});
  if (multiplier == 0.0) return function(std::integral_constant<Ends, Ends::kBest>{});
  return function(std::integral_constant<Ends, Ends::kBetween>{});
}

// Hull edges of some groups, steepest first: how usage grows as the multiplier falls.
class Curve {
 public:
  Curve(std::vector<Edge> edges, double share) : edges_(std::move(edges)), share_(share) {
    std::sort(edges_.begin(), edges_.end(),
              [](const Edge& a, const Edge& b) { return a.slope > b.slope; });
    filled_.reserve(edges_.size() + 1);
    filled_.push_back(0.0);
    for (const Edge& edge : edges_) {
      filled_.push_back(filled_.back() + static_cast<double>(edge.usage));
    }
  }

  std::size_t size() const { return edges_.size(); }

  // How many edges come before so much usage of all groups.
  std::size_t position(double usage) const {
    const auto above = std::upper_bound(filled_.begin(), filled_.end(), usage * share_);
    return above == filled_.begin() ? 0 : static_cast<std::size_t>(above - filled_.begin()) - 1;
  }

  // Where usage has changed by `change` from a position; at least some edges further.
  std::size_t beyond(std::size_t from, double change, std::size_t factor) const {
    const std::size_t least = factor * (1 + size() / kLeastSteps);
    const std::size_t to = position(filled_[from] / share_ + kOvershoot * change);
    return change > 0.0 ? std::min(size(), std::max(to, from + least))
                        : std::min(to, from - std::min(from, least));
  }

  // A multiplier that separates the edges before a position from those after it.
  double multiplier(std::size_t position, double lo, double hi) const {
    if (position == 0) return hi;
    if (position == size()) return lo;
    return std::sqrt(edges_[position - 1].slope) * std::sqrt(edges_[position].slope);
  }

 private:
  std::vector<Edge> edges_;
  std::vector<double> filled_;
  double share_;  // of the groups that are sampled
};

class Encloser {
 public:
  Encloser(const Groups& groups, std::int64_t upper, HullWalker& walker, Control& control,
           Bracket& bracket)
      : groups_(groups), upper_(upper), walker_(walker), control_(control), bracket_(bracket) {}

  Enclosed run() {
    const auto n = static_cast<std::size_t>(groups_.num_groups);
    bracket_.layout.resize(n);
    heavy_.resize(n);
    trial_.resize(n);
    const Enclosed found = n > kFew ? find_sides() : look_at_ends();
    if (found != Enclosed::kBreak) return found;
    for (std::size_t i = 0; i < n; ++i) {
      if (bracket_.layout[i] != heavy_[i]) {
        bracket_.open.push_back(OpenGroup{static_cast<std::int32_t>(i), heavy_[i]});
      }
    }
    while (bracket_.open.size() > kFew) {
      const std::size_t before = bracket_.open.size();
      if (!narrow()) return Enclosed::kStopped;
      if (bracket_.open.size() > before / 2) break;  // many equal slopes
    }
    return Enclosed::kBreak;
  }

 private:
  Enclosed look_at_ends() {
    if (!evaluate_all(kInfinity)) return Enclosed::kStopped;
    if (total_ > upper_) return Enclosed::kInfeasible;
    keep_light(kInfinity);
    if (!evaluate_all(0.0)) return Enclosed::kStopped;
    if (total_ <= upper_) {
      keep_light(0.0);
      return Enclosed::kUnconstrained;
    }
    keep_heavy(0.0);
    return Enclosed::kBreak;
  }

  // Multipliers on both sides of the break.
  Enclosed find_sides() {
    double lightest = 0.0;
    double sampled = 0.0;
    std::vector<std::int32_t> sample = draw(groups_.num_groups);
    std::vector<Edge> edges;
    for (const std::int32_t group : sample) {
      const std::int64_t begin = groups_.begin(group);
      const std::int64_t size = groups_.size(group);
      const std::int32_t start =
          best_option<Ends::kLightest>(groups_, begin, static_cast<std::int32_t>(size), kInfinity);
      lightest += static_cast<double>(groups_.weight(begin + start));
      sampled += sum_of_usage(begin, begin + size);
      walker_.walk(groups_, group, start, -1, edges);
    }
    if (edges.empty()) return look_at_ends();
    // Groups differ in size most of all: their shares of usage tell more than their number.
    const double by_number =
        static_cast<double>(sample.size()) / static_cast<double>(groups_.num_groups);
    const double by_usage = sampled / sum_of_usage(0, groups_.total());
    const bool is_near = by_usage > by_number / 16.0 && by_usage < by_number * 16.0;
    const double share = is_near ? by_usage : by_number;
    const Curve curve(std::move(edges), share);
    std::size_t at = curve.position(static_cast<double>(upper_) - lightest / share);
    bool has_light = false;
    bool has_heavy = false;
    for (std::size_t factor = 1;; factor *= 4) {
      const double multiplier = curve.multiplier(at, 0.0, kInfinity);
      if (!evaluate_all(multiplier)) return Enclosed::kStopped;
      const double room = static_cast<double>(upper_) - static_cast<double>(total_);
      if (total_ <= upper_) {
        keep_light(multiplier);
        if (multiplier == 0.0) return Enclosed::kUnconstrained;
        has_light = true;
      } else {
        if (multiplier == kInfinity) return Enclosed::kInfeasible;
        keep_heavy(multiplier);
        has_heavy = true;
      }
      if (has_light && has_heavy) return Enclosed::kBreak;
      at = curve.beyond(at, has_light ? std::max(room, 1.0) : room, factor);
    }
  }

  double sum_of_usage(std::int64_t from, std::int64_t to) const {
    double sum[4] = {0.0, 0.0, 0.0, 0.0};
    std::int64_t at = from;
    for (; at + 4 <= to; at += 4) {
      for (int lane = 0; lane < 4; ++lane) {
        sum[lane] += static_cast<double>(groups_.weight(at + lane));
      }
    }
    for (; at < to; ++at) sum[0] += static_cast<double>(groups_.weight(at));
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }

  // One more multiplier on each side, from a sample of the groups that are open.
  bool narrow() {
    std::vector<OpenGroup>& open = bracket_.open;
    const std::vector<std::int32_t> sample = draw(static_cast<std::int64_t>(open.size()));
    std::vector<Edge> edges;
    for (const std::int32_t o : sample) {
      const auto [group, heavier] = open[static_cast<std::size_t>(o)];
      walker_.walk(groups_, group, bracket_.layout[static_cast<std::size_t>(group)], heavier,
                   edges);
    }
    double sampled = 0.0;
    for (const Edge& edge : edges) sampled += static_cast<double>(edge.usage);
    const auto light = static_cast<double>(bracket_.usage);
    const Curve curve(std::move(edges), sampled / (static_cast<double>(heavy_usage_) - light));
    std::size_t at = curve.position(static_cast<double>(upper_) - light);
    bool has_light = false;
    bool has_heavy = false;
    for (std::size_t factor = 1; !(has_light && has_heavy); factor *= 4) {
      const double multiplier = curve.multiplier(at, bracket_.lo, bracket_.hi);
      if (!(multiplier > bracket_.lo && multiplier < bracket_.hi)) return true;
      if (!evaluate_open(multiplier)) return false;
      const double room = static_cast<double>(upper_) - static_cast<double>(total_);
      (total_ <= upper_ ? has_light : has_heavy) = true;
      settle(multiplier);
      at = curve.beyond(at, total_ <= upper_ ? std::max(room, 1.0) : room, factor);
    }
    return true;
  }

  // The options of all groups at a multiplier, and their total.
  bool evaluate_all(double multiplier) {
    total_ = 0;
    return with_ends(multiplier, [&](auto ends) {
      return with_shape(groups_, [&](auto shape) {
        for (std::int64_t from = 0; from < groups_.num_groups; from += kBlock) {
          const std::int64_t to = std::min(from + kBlock, groups_.num_groups);
          std::int64_t total = 0;
          for (std::int64_t i = from; i < to; ++i) {
            const std::int64_t begin = shape.begin(i);
            const std::int32_t option = best_option<ends.value>(
                groups_, begin, static_cast<std::int32_t>(shape.size(i)), multiplier);
            trial_[static_cast<std::size_t>(i)] = option;
            total += groups_.weight(begin + option);
          }
          total_ += total;
          if (!control_.tick(shape.begin(to) - shape.begin(from))) return false;
        }
        return true;
      });
    });
  }

  bool evaluate_open(double multiplier) {
    total_ = bracket_.usage;
    std::int64_t work = 0;
    for (const OpenGroup& open : bracket_.open) {
      const std::int64_t begin = groups_.begin(open.group);
      const auto size = static_cast<std::int32_t>(groups_.size(open.group));
      const auto i = static_cast<std::size_t>(open.group);
      trial_[i] = best_option<Ends::kBetween>(groups_, begin, size, multiplier);
      total_ += groups_.weight(begin + trial_[i]) - groups_.weight(begin + bracket_.layout[i]);
      work += size;
    }
    return control_.tick(work);
  }

  void keep_light(double multiplier) {
    bracket_.hi = multiplier;
    bracket_.usage = total_;
    std::swap(bracket_.layout, trial_);
  }

  void keep_heavy(double multiplier) {
    bracket_.lo = multiplier;
    heavy_usage_ = total_;
    std::swap(heavy_, trial_);
  }

  // The trial becomes one side; groups that now agree with the other are closed.
  void settle(double multiplier) {
    const bool is_light = total_ <= upper_;
    (is_light ? bracket_.hi : bracket_.lo) = multiplier;
    (is_light ? bracket_.usage : heavy_usage_) = total_;
    std::vector<OpenGroup>& open = bracket_.open;
    std::size_t kept = 0;
    for (const OpenGroup& old : open) {
      const auto i = static_cast<std::size_t>(old.group);
      OpenGroup now = old;
      (is_light ? bracket_.layout[i] : now.heavier) = trial_[i];
      open[kept] = now;
      kept += static_cast<std::size_t>(bracket_.layout[i] != now.heavier);
    }
    open.resize(kept);
  }

  // Positions below `count`, one in each of about as many strides as pay.
  static std::vector<std::int32_t> draw(std::int64_t count) {
    const auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(count)));
    const std::int64_t stride = std::max<std::int64_t>(1, count / std::clamp(root, kLeast, kMost));
    std::vector<std::int32_t> sample;
    Scatter scatter;
    for (std::int64_t first = 0; first + stride <= count; first += stride) {
      // A step inside each stride, or a period of the network would be sampled at one phase only.
      const auto step = static_cast<std::int64_t>(scatter.below(static_cast<std::size_t>(stride)));
      sample.push_back(static_cast<std::int32_t>(first + step));
    }
    return sample;
  }

  static constexpr std::int64_t kLeast = 48;
  static constexpr std::int64_t kMost = 1024;

  const Groups& groups_;
  const std::int64_t upper_;
  HullWalker& walker_;
  Control& control_;
  Bracket& bracket_;
  std::vector<std::int32_t> heavy_;  // option of each group at lo, before any was narrowed
  std::int64_t heavy_usage_ = 0;     // total at lo
  std::vector<std::int32_t> trial_;  // at the multiplier tried last
  std::int64_t total_ = 0;           // usage of the trial
};

}  // namespace

Enclosed enclose_break(const Groups& groups, std::int64_t upper, HullWalker& walker,
                       Control& control, Bracket& bracket) {
  return Encloser(groups, upper, walker, control, bracket).run();
}

}  // namespace mpsolve
