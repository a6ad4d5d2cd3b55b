#include "local.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mpsolve::dense {
namespace {

// splitmix64: the same numbers on every machine.
class Random {
 public:
  std::uint64_t bits() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::int32_t below(std::int32_t count) {
    return static_cast<std::int32_t>((bits() >> 32) * static_cast<std::uint64_t>(count) >> 32);
  }

 private:
  std::uint64_t state_ = 1;
};

// A layout, what every option would cost in it, and how far it is from the budgets.
class Walker {
 public:
  Walker(const Problem& problem, Control& control)
      : problem_(problem),
        control_(control),
        width_(at(problem.num_options)),
        penalty_(4.0 * static_cast<double>(problem.total)) {
    pair_.resize(width_ * width_);
    for (std::size_t e = 0; e < pair_.size(); ++e) {
      const std::int64_t value = problem.table[e];
      pair_[e] = is_forbidden(value) ? penalty_ : static_cast<double>(value);
    }
  }

  const std::vector<std::int32_t>& layout() const { return layout_; }
  bool feasible() const { return loss_ < 0.5 * penalty_ && excess(nullptr, -1, -1) == 0.0; }
  double loss() const { return loss_; }

  void start(const std::vector<std::int32_t>& layout) {
    layout_ = layout;
    used_.assign(problem_.rows.size(), 0);
    cost_.assign(problem_.loss.begin(), problem_.loss.end());
    loss_ = 0.0;
    for (const std::int32_t o : layout_) {
      loss_ += static_cast<double>(problem_.loss[at(o)]);
      for (std::size_t r = 0; r < used_.size(); ++r) used_[r] += problem_.usage_of(r, o);
      add_row(o, 1.0);
      for (const std::int32_t q : layout_) {
        if (q < o) loss_ += pair_[at(o) * width_ + at(q)];
      }
    }
  }

  void move(std::int32_t option) {
    const std::int32_t g = problem_.group[at(option)];
    const std::int32_t old = layout_[at(g)];
    loss_ += cost_[at(option)] - cost_[at(old)];
    for (std::size_t r = 0; r < used_.size(); ++r) {
      used_[r] += problem_.usage_of(r, option) - problem_.usage_of(r, old);
    }
    add_row(old, -1.0);
    add_row(option, 1.0);
    layout_[at(g)] = option;
  }

  // Best exchanges of one group, and where none helps of two, until none does.
  void descend() {
    while (control_.limit() == Limit::kNone && (improve_one() || improve_two())) {
    }
  }

 private:
  void add_row(std::int32_t option, double sign) {
    const double* const row = pair_.data() + at(option) * width_;
    for (std::size_t o = 0; o < width_; ++o) cost_[o] += sign * row[o];
  }

  // How far the totals are outside of the budgets, were `first` and `second` taken (-1: neither).
  double excess(const std::int32_t* layout, std::int32_t first, std::int32_t second) const {
    double sum = 0.0;
    for (std::size_t r = 0; r < used_.size(); ++r) {
      std::int64_t total = used_[r];
      for (const std::int32_t o : {first, second}) {
        if (o < 0) continue;
        total += problem_.usage_of(r, o) - problem_.usage_of(r, layout[problem_.group[at(o)]]);
      }
      const Row& row = problem_.rows[r];
      const std::int64_t out =
          std::max<std::int64_t>({total - row.upper, row.lower - total, std::int64_t{0}});
      if (out > 0) sum += static_cast<double>(out) / static_cast<double>(row.most);
    }
    return sum;
  }

  bool accept(double gain, double excess_before, std::int32_t a, std::int32_t b, double& best_gain,
              double& best_excess) const {
    if (best_excess == 0.0 && gain >= best_gain) return false;  // it cannot be better
    const double out = used_.empty() ? 0.0 : excess(layout_.data(), a, b);
    if (out > excess_before || out > best_excess) return false;
    if (out == best_excess && gain >= best_gain) return false;
    best_gain = gain;
    best_excess = out;
    return true;
  }

  bool improve_one() {
    const double before = excess(nullptr, -1, -1);
    double gain = -kLeast;
    double out = before;
    std::int32_t chosen = -1;
    control_.tick(static_cast<std::int64_t>(width_));
    for (std::int32_t o = 0; o < problem_.num_options; ++o) {
      const std::int32_t old = layout_[at(problem_.group[at(o)])];
      if (o == old) continue;
      if (accept(cost_[at(o)] - cost_[at(old)], before, o, -1, gain, out)) chosen = o;
    }
    if (chosen < 0) return false;
    move(chosen);
    return true;
  }

  bool improve_two() {
    const double before = excess(nullptr, -1, -1);
    double gain = -kLeast;
    double out = before;
    std::pair<std::int32_t, std::int32_t> chosen(-1, -1);
    control_.tick(static_cast<std::int64_t>(width_ * width_ / 4));
    for (std::int32_t g = 0; g < problem_.num_groups; ++g) {
      const double* const old_row = pair_.data() + at(layout_[at(g)]) * width_;
      for (std::int32_t a = problem_.begin[at(g)]; a < problem_.begin[at(g) + 1]; ++a) {
        if (a == layout_[at(g)]) continue;
        const double* const row = pair_.data() + at(a) * width_;
        const double first = cost_[at(a)] - cost_[at(layout_[at(g)])];
        for (std::int32_t h = g + 1; h < problem_.num_groups; ++h) {
          const std::size_t y = at(layout_[at(h)]);
          const double rest = first - cost_[y] + old_row[y] - row[y];
          for (std::int32_t b = problem_.begin[at(h)]; b < problem_.begin[at(h) + 1]; ++b) {
            if (at(b) == y) continue;
            const double value = rest + cost_[at(b)] + row[at(b)] - old_row[at(b)];
            if (accept(value, before, a, b, gain, out)) chosen = {a, b};
          }
        }
      }
    }
    if (chosen.first < 0) return false;
    move(chosen.first);
    move(chosen.second);
    return true;
  }

  static constexpr double kLeast = 0.5;  // half a quantum: rounding is no improvement

  const Problem& problem_;
  Control& control_;
  std::size_t width_;
  double penalty_;
  std::vector<double> pair_;
  std::vector<std::int32_t> layout_;
  std::vector<double> cost_;  // of every option, the other groups staying
  std::vector<std::int64_t> used_;
  double loss_ = 0.0;
};

constexpr std::int32_t kFresh = 4;  // one start in so many is a new one

}  // namespace

void search_locally(const Problem& problem, std::int32_t starts, Control& control,
                    const Found& found) {
  if (problem.num_groups == 0) return;
  Walker walker(problem, control);
  Random random;
  std::vector<std::int32_t> best;
  double best_loss = kInfinity;
  std::vector<std::int32_t> layout(problem.begin.begin(), problem.begin.end() - 1);
  for (std::int32_t s = 0; s < starts && control.limit() == Limit::kNone; ++s) {
    if (s > 0 && (best.empty() || s % kFresh == 0)) {
      for (std::int32_t g = 0; g < problem.num_groups; ++g) {
        layout[at(g)] = problem.begin[at(g)] + random.below(problem.size(g));
      }
    } else if (s > 0) {
      layout = best;
      const std::int32_t kicks = 3 + random.below(std::max(1, problem.num_groups / 4));
      for (std::int32_t k = 0; k < kicks; ++k) {
        const std::int32_t g = random.below(problem.num_groups);
        layout[at(g)] = problem.begin[at(g)] + random.below(problem.size(g));
      }
    }
    walker.start(layout);
    walker.descend();
    if (!walker.feasible() || walker.loss() >= best_loss) continue;
    best_loss = walker.loss();
    best = walker.layout();
    found(best);
  }
}

}  // namespace mpsolve::dense
