// Between two neighbours on the lower hull every efficient layout has a reduced cost of at most one
// hull step, so the front falls apart into small label problems over few groups: a core for each
// step of the hull. Labels are not tied to a budget: each list keeps all that is efficient
// (Nemhauser and Ullmann, Management Science 15, 1969).
#include "front.hpp"

#include <algorithm>
#include <cmath>

#include "hull.hpp"
#include "sums.hpp"

namespace mpsolve {
namespace {

struct Label {
  std::int64_t usage;
  std::int64_t loss;  // quanta
};

using Labels = std::vector<Label>;

constexpr std::size_t kSmallCore = 12;  // groups; below, the first sweep costs more than it saves
constexpr std::size_t kSample = 256;    // layouts kept of each list in the first sweep

// A core group's options, relative to the option it has at the window's first vertex.
struct Choice {
  double reduced_cost;
  Labels options;  // efficient ones, rising usage
};

// Merges two efficient lists into one.
void merge(const Labels& a, const Labels& b, Labels& out) {
  out.clear();
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() || y != b.end()) {
    const bool take_a =
        y == b.end() ||
        (x != a.end() && (x->usage != y->usage ? x->usage < y->usage : x->loss <= y->loss));
    const Label& label = take_a ? *x++ : *y++;
    if (out.empty() || label.loss < out.back().loss) out.push_back(label);
  }
}

class FrontSearch {
 public:
  FrontSearch(const Groups& groups, const FrontSettings& settings, Host* host)
      : groups_(groups), settings_(settings), control_(settings.time_limit, 0, host) {}

  FrontOutcome run() {
    prepare();
    std::size_t first = 0;
    while (first < edges_.size() && !stopped()) {
      std::size_t last = first;
      while (last < edges_.size() && edges_[last].slope == edges_[first].slope) ++last;
      close_step(first, last);
      if (stopped()) break;
      for (; first < last; ++first) take(edges_[first]);
      outcome_.done_below = vertex_.usage;
    }
    outcome_.is_complete = !stopped();
    finish();
    return std::move(outcome_);
  }

 private:
  bool stopped() const { return control_.limit() != Limit::kNone || outcome_.is_out_of_memory; }

  // Losses in quanta, the hull's edges, and its first vertex: the lightest layout.
  void prepare() {
    const std::int64_t n = groups_.num_groups;
    layout_.resize(static_cast<std::size_t>(n));
    double magnitude = 0.0;
    HullWalker walker;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t begin = groups_.begin(i);
      const std::int32_t lightest = lightest_option(groups_, i);
      double largest = 0.0;
      for (std::int32_t j = 0; j < groups_.size(i); ++j) {
        largest =
            std::max(largest, std::fabs(groups_.loss[begin + j] - groups_.loss[begin + lightest]));
      }
      magnitude += largest;
      layout_[static_cast<std::size_t>(i)] = lightest;
      vertex_.usage += groups_.weight(begin + lightest);
      base_.add(groups_.loss[begin + lightest]);
      walker.walk(groups_, i, lightest, -1, edges_);
    }
    exponent_ = magnitude > 0.0 ? 60 - std::ilogb(magnitude) : 0;
    quanta_.resize(static_cast<std::size_t>(groups_.total()));
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t begin = groups_.begin(i);
      const double from = groups_.loss[begin + layout_[static_cast<std::size_t>(i)]];
      for (std::int64_t at = begin; at < begin + groups_.size(i); ++at) {
        const TwoSum lost = two_sum(groups_.loss[at], -from);
        quanta_[static_cast<std::size_t>(at)] = std::llround(std::ldexp(lost.sum, exponent_)) +
                                                std::llround(std::ldexp(lost.error, exponent_));
      }
    }
    std::sort(edges_.begin(), edges_.end(), [](const Edge& a, const Edge& b) {
      if (a.slope != b.slope) return a.slope > b.slope;
      return a.group != b.group ? a.group < b.group : a.heavier < b.heavier;
    });
    double range = 0.0;
    for (const Edge& edge : edges_) range += edge.slope * static_cast<double>(edge.usage);
    tolerance_ = settings_.epsilon * std::ldexp(range, exponent_);
    hull_.push_back(vertex_);
    points_.push_back(vertex_);
    outcome_.done_below = vertex_.usage;
  }

  void take(const Edge& edge) {
    std::int32_t& option = layout_[static_cast<std::size_t>(edge.group)];
    const std::int64_t begin = groups_.begin(edge.group);
    vertex_.usage += groups_.weight(begin + edge.heavier) - groups_.weight(begin + option);
    vertex_.loss += quanta(begin + edge.heavier) - quanta(begin + option);
    option = edge.heavier;
    hull_.push_back(vertex_);
    points_.push_back(vertex_);
  }

  std::int64_t quanta(std::int64_t at) const { return quanta_[static_cast<std::size_t>(at)]; }

  // All efficient layouts between the vertex before the edges [first, last), which have one slope,
  // and the vertex after them. A layout in between is beaten by the vertex to its left unless its
  // reduced cost is at most the loss of one step.
  void close_step(std::size_t first, std::size_t last) {
    std::int64_t width = 0;
    std::int64_t widest = 0;
    for (std::size_t e = first; e < last; ++e) {
      width += edges_[e].usage;
      widest = std::max(widest, edges_[e].usage);
    }
    if (vertex_.usage > settings_.most || vertex_.usage + width < settings_.least) return;
    const double slope = std::ldexp(edges_[first].slope, exponent_);
    const double step = slope * static_cast<double>(widest);
    collect(slope, step);
    if (core_.size() > kSmallCore && !stopped()) {
      // A few layouts spread over the step bound the reduced cost far better than the step itself.
      sweep(slope, width, true);
      if (!stopped()) collect(slope, std::min(step, widest_rise(slope, width)));
    }
    if (!stopped()) sweep(slope, width, false);
    if (stopped()) return;
    for (const Label& label : labels_) {
      points_.push_back(Label{vertex_.usage + label.usage, vertex_.loss + label.loss});
    }
    if (points_.size() > compact_at_) compact();
  }

  // Efficient layouts of the core inside the step, in `labels_`; with `is_sample` only a few of
  // them.
  void sweep(double slope, std::int64_t width, bool is_sample) {
    std::int64_t least = 0;
    std::int64_t most = 0;
    for (const Choice& choice : core_) {
      least += choice.options.front().usage;
      most += choice.options.back().usage;
    }
    // A tolerance is spent in equal parts, one for each list.
    const double share = core_.empty() ? 0.0 : tolerance_ / static_cast<double>(core_.size());
    labels_.assign(1, Label{0, 0});
    for (const Choice& choice : core_) {
      least -= choice.options.front().usage;
      most -= choice.options.back().usage;
      extend(choice, slope, Label{-most, width - least});
      if (is_sample) {
        keep_sample(slope);
      } else if (share >= 1.0) {
        thin(share);
      }
      outcome_.num_labels += static_cast<std::int64_t>(labels_.size());
      if (over_memory() || !control_.tick(static_cast<std::int64_t>(labels_.size()))) return;
    }
  }

  // The largest reduced cost that a layout inside the step can have without being beaten by one of
  // `labels_` or by the vertex itself.
  double widest_rise(double slope, std::int64_t width) const {
    double widest = 0.0;
    double loss = 0.0;  // of the last layout passed
    const auto pass = [&](std::int64_t usage) {
      widest = std::max(widest, loss + slope * static_cast<double>(usage));
    };
    for (const Label& label : labels_) {
      if (label.usage <= 0 || label.usage > width) continue;
      pass(label.usage);
      loss = std::min(loss, static_cast<double>(label.loss));
    }
    pass(width);
    return widest;
  }

  // Keeps the label of least reduced cost in each of a few equal parts of the range.
  void keep_sample(double slope) {
    if (labels_.size() <= kSample) return;
    const std::int64_t from = labels_.front().usage;
    const std::int64_t part =
        (labels_.back().usage - from) / static_cast<std::int64_t>(kSample) + 1;
    const auto cost = [&](const Label& label) {
      return static_cast<double>(label.loss) + slope * static_cast<double>(label.usage);
    };
    std::size_t kept = 0;
    std::int64_t bin = -1;
    for (const Label& label : labels_) {
      const std::int64_t next = (label.usage - from) / part;
      if (next != bin) {
        bin = next;
        labels_[kept++] = label;
      } else if (cost(label) < cost(labels_[kept - 1])) {
        labels_[kept - 1] = label;
      }
    }
    labels_.resize(kept);
  }

  // The groups that can differ from the vertex at a reduced cost of at most `gap`, dearest first:
  // the lists stay short while few combinations fit.
  void collect(double slope, double gap) {
    core_.clear();
    const double most = gap * (1.0 + 1e-9);
    for (std::int64_t i = 0; i < groups_.num_groups; ++i) {
      const std::int64_t begin = groups_.begin(i);
      const std::int64_t at = begin + layout_[static_cast<std::size_t>(i)];
      double cheapest = most;
      options_.assign(1, Label{0, 0});
      for (std::int64_t j = begin; j < begin + groups_.size(i); ++j) {
        if (j == at) continue;
        const Label option{groups_.weight(j) - groups_.weight(at), quanta(j) - quanta(at)};
        const double cost =
            static_cast<double>(option.loss) + slope * static_cast<double>(option.usage);
        if (!(cost <= most)) continue;
        options_.push_back(option);
        cheapest = std::min(cheapest, cost);
      }
      if (options_.size() > 1) keep_efficient(cheapest);
      if (!control_.tick(groups_.size(i))) return;
    }
    std::stable_sort(core_.begin(), core_.end(), [](const Choice& a, const Choice& b) {
      return a.reduced_cost > b.reduced_cost;
    });
    limit_ = most + 2.0 * static_cast<double>(core_.size()) + 2.0;
  }

  void keep_efficient(double cheapest) {
    std::sort(options_.begin(), options_.end(), [](const Label& a, const Label& b) {
      return a.usage != b.usage ? a.usage < b.usage : a.loss < b.loss;
    });
    Choice choice{cheapest, {}};
    for (const Label& option : options_) {
      if (choice.options.empty() || option.loss < choice.options.back().loss) {
        choice.options.push_back(option);
      }
    }
    if (choice.options.size() > 1) core_.push_back(std::move(choice));
  }

  // One list for each option of the group, merged in pairs; `window` holds the least and the most
  // usage that can still end inside the step.
  void extend(const Choice& choice, double slope, Label window) {
    if (lists_.size() < choice.options.size()) lists_.resize(choice.options.size());
    std::size_t count = 0;
    for (const Label& option : choice.options) {
      Labels& list = lists_[count++];
      list.clear();
      for (const Label& label : labels_) {
        const Label next{label.usage + option.usage, label.loss + option.loss};
        if (next.usage > window.loss) break;
        const double cost =
            static_cast<double>(next.loss) + slope * static_cast<double>(next.usage);
        if (next.usage >= window.usage && cost <= limit_) list.push_back(next);
      }
    }
    while (count > 1) {
      std::size_t merged = 0;
      for (std::size_t l = 0; l + 1 < count; l += 2) {
        merge(lists_[l], lists_[l + 1], spare_);
        std::swap(lists_[merged++], spare_);
      }
      if (count % 2 == 1) std::swap(lists_[merged++], lists_[count - 1]);
      count = merged;
    }
    std::swap(labels_, lists_[0]);
  }

  // Drops labels that save less than `slack` over the one before.
  void thin(double slack) {
    std::size_t kept = 0;
    for (const Label& label : labels_) {
      if (kept == 0 || static_cast<double>(labels_[kept - 1].loss - label.loss) > slack) {
        labels_[kept++] = label;
      }
    }
    labels_.resize(kept);
  }

  bool over_memory() {
    std::size_t bytes = points_.capacity() + labels_.capacity() + spare_.capacity();
    for (const Labels& list : lists_) bytes += list.capacity();
    outcome_.is_out_of_memory = bytes * sizeof(Label) > settings_.memory_limit;
    return outcome_.is_out_of_memory;
  }

  // Sorts the points and keeps the efficient ones.
  void compact() {
    std::sort(points_.begin(), points_.end(), [](const Label& a, const Label& b) {
      return a.usage != b.usage ? a.usage < b.usage : a.loss < b.loss;
    });
    // Sums of differently rounded quanta: less than this apart is the same loss.
    const std::int64_t noise = groups_.num_groups;
    std::size_t kept = 0;
    for (const Label& point : points_) {
      if (kept == 0 || point.loss < points_[kept - 1].loss - noise) points_[kept++] = point;
    }
    points_.resize(kept);
    compact_at_ = std::max<std::size_t>(2 * kept, std::size_t{1} << 16);
  }

  void finish() {
    outcome_.limit = control_.limit();
    compact();
    std::sort(hull_.begin(), hull_.end(),
              [](const Label& a, const Label& b) { return a.usage < b.usage; });
    std::size_t vertex = 0;
    for (const Label& point : points_) {
      if (point.usage < settings_.least || point.usage > settings_.most) continue;
      if (!outcome_.is_complete && point.usage > outcome_.done_below) break;
      while (vertex < hull_.size() && hull_[vertex].usage < point.usage) ++vertex;
      const bool on_hull = vertex < hull_.size() && hull_[vertex].usage == point.usage &&
                           hull_[vertex].loss == point.loss;
      const double loss =
          base_.value() + (base_.rest() + std::ldexp(static_cast<double>(point.loss), -exponent_));
      // Losses that float64 cannot tell apart are one.
      if (!outcome_.loss.empty() && !(loss < outcome_.loss.back())) continue;
      outcome_.usage.push_back(point.usage);
      outcome_.loss.push_back(loss);
      outcome_.is_supported.push_back(on_hull ? 1 : 0);
    }
  }

  const Groups groups_;
  const FrontSettings settings_;
  Control control_;
  FrontOutcome outcome_;
  std::vector<std::int32_t> layout_;  // at the current vertex of the hull
  std::vector<std::int64_t> quanta_;  // loss above the lightest option's
  std::vector<Edge> edges_;           // of all hulls, steepest first
  CompensatedSum base_;               // loss of the lightest layout
  int exponent_ = 0;                  // a quantum is 2^-exponent
  double tolerance_ = 0.0;            // in quanta
  Label vertex_{0, 0};
  Labels hull_;
  Labels points_;
  std::size_t compact_at_ = std::size_t{1} << 16;
  std::vector<Choice> core_;
  double limit_ = 0.0;
  Labels options_;
  Labels labels_;
  Labels spare_;
  std::vector<Labels> lists_;
};

}  // namespace

FrontOutcome solve_front(const Groups& groups, const FrontSettings& settings, Host* host) {
  return FrontSearch(groups, settings, host).run();
}

}  // namespace mpsolve
