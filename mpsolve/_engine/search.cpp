#include "search.hpp"

#include <algorithm>
#include <cmath>

namespace mpsolve {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kChunk = 8192;    // merge steps between two looks at clock and space
constexpr std::size_t kLeastCap = 64;   // a level this small makes the search depth-first
constexpr std::size_t kLevelRatio = 8;  // each level may use this much less than the one above
constexpr double kWorthFixing = 0.125;  // how much smaller the gap must be to fix again
constexpr std::uint32_t kNoOption = 0xFFFFFFFFU;

}  // namespace

Search::Search(Core& core, const SearchSettings& settings, std::int64_t known, Control& control)
    : core_(core),
      settings_(settings),
      control_(control),
      max_options_(core.max_options()),
      least_cap_(std::max(kLeastCap, 4 * max_options_)),
      incumbent_(known) {
  update_threshold();
  fixed_below_ = threshold_;
}

double Search::incumbent_loss() const {
  return incumbent_ == kNone ? std::numeric_limits<double>::quiet_NaN()
                             : settings_.base_loss + core_.to_loss(static_cast<double>(incumbent_));
}

double Search::bound() const { return settings_.base_loss + core_.to_loss(proven()); }

// A label is worth keeping if it may lead to the next loss of the lattice below the incumbent.
// Where the lattice is finer than the rounding of the bounds, equal within rounding counts as
// equal.
void Search::update_threshold() {
  threshold_ = core_.bound + settings_.window;
  if (incumbent_ == kNone) return;
  std::int64_t target = incumbent_ - 1;
  std::int64_t above = target % core_.loss_unit;
  if (above < 0) above += core_.loss_unit;
  target -= above;
  const auto loss = static_cast<double>(incumbent_);
  threshold_ = std::min({threshold_, static_cast<double>(target) + core_.noise, loss - core_.noise,
                         loss - settings_.tolerance});
}

void Search::accept(std::int64_t loss, std::uint32_t history, std::uint32_t option,
                    bool with_option) {
  incumbent_ = loss;
  improved_ = true;
  history_.path(history, path_);
  if (with_option) path_.push_back(option);
  update_threshold();
}

double Search::proven() const {
  double open = incumbent_ == kNone ? kInfinity : static_cast<double>(incumbent_);
  open = std::min(open, core_.bound + settings_.window);
  if (settings_.tolerance > 0.0) open = std::min(open, least_pruned_);
  if (!complete_) {
    for (std::size_t d = 0; d < depth_; ++d) {
      const Level& level = levels_[d];
      if (!level.split) {
        open = std::min(open, level.bound);
      } else if (level.next_piece < level.pieces.size()) {
        open = std::min(open, level.pieces[level.next_piece].bound);
      }
    }
    if (depth_ == 0) open = core_.bound;
  }
  // Losses are points of a lattice: what is pruned between two of them is at the upper one.
  const auto unit = static_cast<double>(core_.loss_unit);
  const double next = std::ceil((open - core_.noise) / unit) * unit;
  return std::max(core_.bound, next - core_.quantization);
}

Search::Level& Search::level_at(std::size_t depth) {
  while (levels_.size() <= depth) {
    levels_.emplace_back();
    Level& level = levels_.back();
    if (levels_.size() == 1) {
      // Three lists of a level take 72 bytes a label, a node with its mark 12.
      level.cap = settings_.memory * 2 / 5 / (3 * sizeof(Label));
      level.quota = settings_.memory / 5 / (sizeof(History::Node) + sizeof(std::uint32_t));
      level.quota = std::min<std::size_t>(level.quota, 0x7FFFFFFF);
    } else {
      level.cap = levels_[levels_.size() - 2].cap / kLevelRatio;
      level.quota = levels_[levels_.size() - 2].quota / kLevelRatio;
    }
    level.cap = std::min<std::size_t>(std::max(level.cap, least_cap_), 0x7FFFFFFF);
  }
  return levels_[depth];
}

double Search::least_bound(const Level& level, std::size_t begin, std::size_t end) const {
  const Pruner pruner(core_, level.position, threshold_);
  double least = kInfinity;
  for (std::size_t l = begin; l < end; ++l) {
    const Label& label = level.list.data()[l];
    least = std::min(least, core_.two_sided ? pruner.bound<true>(label.usage, label.loss)
                                            : pruner.bound<false>(label.usage, label.loss));
  }
  return least;
}

// One side: the best feasible layout with one more group is the heaviest that fits, for each
// option.
void Search::look_ahead(const Level& level, const CoreGroup& group) {
  const Label* first = level.list.data();
  const Label* last = first + level.size;
  const Label* best = nullptr;
  std::uint32_t best_option = 0;
  std::int64_t best_loss = incumbent_;
  for (std::uint32_t o = group.begin; o < group.end; ++o) {
    const CoreOption& option = core_.options[o];
    const Label* after = std::partition_point(first, last, [&](const Label& label) {
      return label.usage + option.usage <= core_.window.high;
    });
    if (after == first) continue;
    const std::int64_t loss = (after - 1)->loss + option.loss;
    if (loss < best_loss) {
      best_loss = loss;
      best = after - 1;
      best_option = o;
    }
  }
  if (best != nullptr) accept(best_loss, best->history, best_option, true);
}

void Search::look_inside(const Level& level) {
  const Label* best = nullptr;
  const Label* end = level.list.data() + level.size;
  const Label* from =
      std::partition_point(static_cast<const Label*>(level.list.data()), end,
                           [this](const Label& label) { return label.usage < core_.window.low; });
  for (; from != end && from->usage <= core_.window.high; ++from) {
    const Label& label = *from;
    if (label.loss < (best != nullptr ? best->loss : incumbent_)) best = from;
  }
  if (best != nullptr && static_cast<double>(best->loss) < threshold_) {
    accept(best->loss, best->history, 0, false);
  }
}

template <bool kTwoSided, bool kFirst>
Search::Step Search::merge(Level& level, Merge& merge, const Pruner& pruner, LabelBuffer& out) {
  while (!merge.done()) {
    const auto left =
        static_cast<std::size_t>((merge.a.end - merge.a.at) + (merge.b.end - merge.b.at));
    const std::size_t steps = std::min(left, kChunk);
    if (merge.written > level.cap) return Step::kOverflow;
    // One more than the steps: every label is written before it is known to stay.
    out.reserve(merge.written + steps + 1, merge.written, level.cap + 1);
    merge.run<kTwoSided, kFirst>(pruner, out.data(), steps);
    if (!control_.tick(static_cast<std::int64_t>(steps))) return Step::kStopped;
  }
  least_pruned_ = std::min(least_pruned_, merge.least_pruned);
  return merge.written > level.cap ? Step::kOverflow : Step::kAdded;
}

// Folds the options of a group, each a shifted copy of the list, into one list.
template <bool kTwoSided>
Search::Step Search::merge_options(Level& level, const CoreGroup& group, const Pruner& pruner) {
  const auto side = [&](const LabelBuffer& list, std::size_t size, std::uint32_t option) {
    const CoreOption& added = core_.options[option < kNoOption ? option : group.begin];
    return Merge::Side{list.data(), list.data() + size, added.usage, added.loss, option};
  };
  std::uint32_t next = group.begin;
  const Merge::Side one = side(level.list, level.size, next++);
  Merge::Side two = next < group.end ? side(level.list, level.size, next++) : one;
  if (group.end - group.begin == 1) two.at = two.end;
  Merge first{one, two};
  Step step = merge<kTwoSided, true>(level, first, pruner, level.spare);
  std::size_t size = first.written;
  while (step == Step::kAdded && next < group.end) {
    Merge more{side(level.spare, size, kNoOption), side(level.list, level.size, next++)};
    step = merge<kTwoSided, false>(level, more, pruner, level.other);
    size = more.written;
    std::swap(level.spare, level.other);
  }
  if (step != Step::kAdded) return step;
  Label* labels = level.spare.data();
  for (std::size_t l = 0; l < size; ++l) {
    const CoreOption& option = core_.options[labels[l].option];
    if ((option.usage | option.loss) != 0) {
      labels[l].history = history_.add(labels[l].history, labels[l].option);
    }
  }
  std::swap(level.list, level.spare);
  level.size = size;
  return Step::kAdded;
}

Search::Step Search::add_group(Level& level) {
  const CoreGroup& group = core_.groups[level.position];
  if (!core_.two_sided) look_ahead(level, group);
  const Pruner pruner(core_, level.position + 1, threshold_);
  const Step step = core_.two_sided ? merge_options<true>(level, group, pruner)
                                    : merge_options<false>(level, group, pruner);
  if (step != Step::kAdded) return step;
  ++level.position;
  longest_ = std::max(longest_, level.size);
  if (core_.two_sided) look_inside(level);
  if (!control_.count_labels(static_cast<std::int64_t>(level.size)) ||
      !control_.tick(static_cast<std::int64_t>(group.end - group.begin))) {
    return Step::kStopped;
  }
  return Step::kAdded;
}

// A better incumbent fixes more options. Only while one list holds everything: pieces that wait
// rely on the order.
void Search::fix_again(std::size_t position) {
  fixed_below_ = threshold_;
  std::size_t kept = position;
  for (std::size_t g = position; g < core_.groups.size(); ++g) {
    CoreGroup group = core_.groups[g];
    std::uint32_t next = group.begin;
    for (std::uint32_t o = group.begin; o < group.end; ++o) {
      const CoreOption option = core_.options[o];
      const double bound = core_.bound + option.reduced_cost;
      if (bound < threshold_ || (option.usage | option.loss) == 0) {
        core_.options[next++] = option;
      } else {
        least_pruned_ = std::min(least_pruned_, bound);
      }
    }
    group.end = next;
    const bool settled = group.end - group.begin == 1 && core_.options[group.begin].usage == 0 &&
                         core_.options[group.begin].loss == 0;
    if (!settled && group.end != group.begin) core_.groups[kept++] = group;
  }
  core_.groups.resize(kept);
  core_.measure(position);
}

// Cuts a list that outgrew its space into contiguous pieces, best bound first.
void Search::split(Level& level) {
  ++num_splits_;
  level.split = true;
  level.pieces.clear();
  level.next_piece = 0;
  level.pieces_base = history_.size();
  const std::size_t below = std::max(level.cap / kLevelRatio, least_cap_);
  const std::size_t length =
      std::max<std::size_t>(1, below / std::max<std::size_t>(16, 2 * max_options_));
  for (std::size_t begin = 0; begin < level.size; begin += length) {
    const std::size_t end = std::min(begin + length, level.size);
    level.pieces.push_back(Piece{begin, end, least_bound(level, begin, end)});
  }
  std::stable_sort(level.pieces.begin(), level.pieces.end(),
                   [](const Piece& x, const Piece& y) { return x.bound < y.bound; });
}

void Search::open_piece(std::size_t depth) {
  level_at(depth + 1);
  Level& parent = levels_[depth];
  Level& level = levels_[depth + 1];
  const Piece piece = parent.pieces[parent.next_piece++];
  level.list.reserve(piece.end - piece.begin, 0, level.cap);
  level.position = parent.position;
  level.base = history_.size();
  level.bound = piece.bound;
  level.split = false;
  level.size = 0;
  const Pruner pruner(core_, level.position, threshold_);
  for (std::size_t l = piece.begin; l < piece.end; ++l) {
    const Label& label = parent.list.data()[l];
    const double bound = core_.two_sided ? pruner.bound<true>(label.usage, label.loss)
                                         : pruner.bound<false>(label.usage, label.loss);
    if (bound < threshold_) {
      level.list.data()[level.size++] = label;
    } else {
      least_pruned_ = std::min(least_pruned_, bound);
    }
  }
  depth_ = depth + 2;
}

bool Search::run() {
  control_.watch(this);
  Level& root = level_at(0);
  root.list.reserve(1, 0, 1);
  root.list.data()[0] = Label{0, 0, History::kRoot, 0};
  root.size = 1;
  root.bound = core_.bound;
  root.base = history_.size();
  // Losses on a lattice: what a layout must gain at least may fix more than the gap did.
  if (incumbent_ != kNone && static_cast<double>(core_.loss_unit) > 4.0 * core_.noise) {
    fix_again(0);
  }
  depth_ = 1;
  if (core_.two_sided) look_inside(root);
  bool running = true;
  while (running && depth_ > 0) {
    Level& level = levels_[depth_ - 1];
    if (level.split) {
      history_.rewind(level.pieces_base);
      if (level.next_piece == level.pieces.size()) {
        --depth_;
      } else {
        open_piece(depth_ - 1);
      }
      continue;
    }
    if (level.size == 0 || level.position == core_.groups.size()) {
      --depth_;
      continue;
    }
    if (depth_ == 1 && fixed_below_ - threshold_ > kWorthFixing * (fixed_below_ - core_.bound)) {
      fix_again(level.position);
      continue;
    }
    const bool least = level.cap == least_cap_;
    if (!least && history_.size() - level.base > level.quota) {
      history_.collect(level.base, level.list.data(), level.size);
      if (history_.size() - level.base > level.quota / 2) {
        split(level);
        continue;
      }
    }
    switch (add_group(level)) {
      case Step::kAdded:
        break;
      case Step::kOverflow:
        split(level);
        break;
      case Step::kStopped:
        level.bound = std::max(level.bound, least_bound(level, 0, level.size));
        running = false;
        break;
    }
  }
  complete_ = running;
  control_.watch(nullptr);
  return complete_;
}

}  // namespace mpsolve
