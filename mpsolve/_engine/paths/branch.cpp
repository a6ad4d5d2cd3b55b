#include "branch.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

constexpr std::size_t kMostRoundings = 64;

}  // namespace

Branching::Branching(const Model& model, Threshold threshold, Found found, std::size_t memory_limit)
    : model_(model),
      threshold_(std::move(threshold)),
      found_(std::move(found)),
      most_nodes_(memory_limit / (4 * (model.group.size() + 64)) + 16),
      relaxation_(model),
      least_(model.option.size(), -kInfinity) {}

BranchOutcome Branching::run(std::int64_t work, Control& control) {
  if (!started_) {
    started_ = true;
    open_.push(Node{-kInfinity, 0, nullptr, {}});
  }
  last_work_ = relaxation_.work() + work;
  while (!open_.empty() && relaxation_.work() < last_work_ && control.limit() == Limit::kNone) {
    Node node = open_.top();
    open_.pop();
    if (node.bound >= threshold_()) {
      open_ = {};
      break;
    }
    if (!load(node)) continue;
    dive(node.last, node.depth, control);
  }
  BranchOutcome outcome;
  outcome.nodes = nodes_;
  const double threshold = threshold_();
  const double least = std::min(open_.empty() ? kInfinity : open_.top().bound, left_out_);
  outcome.open = std::min(least, threshold);
  outcome.complete = least >= threshold && control.limit() == Limit::kNone;
  return outcome;
}

// Drops what cannot be in a better layout any more.
void Branching::refresh() {
  const double threshold = threshold_();
  if (!alive_.empty() && !(threshold < alive_below_)) return;
  alive_below_ = threshold;
  alive_.clear();
  for (std::int32_t o = 0; o < model_.num_options(); ++o) {
    if (least_[at(o)] < threshold) alive_.push_back(o);
  }
}

bool Branching::load(const Node& node) {
  refresh();
  if (node.last == nullptr) return relaxation_.load(alive_, nullptr);
  std::vector<char> dropped(model_.option.size(), 0);
  for (const Step* step = node.last.get(); step != nullptr; step = step->before.get()) {
    const std::int32_t first = model_.begin[at(step->group)];
    for (std::int32_t o = first; o < model_.begin[at(step->group) + 1]; ++o) {
      const auto& kept = step->options;
      if (std::find(kept.begin(), kept.end(), o) == kept.end()) dropped[at(o)] = 1;
    }
  }
  std::vector<std::int32_t> options;
  options.reserve(alive_.size());
  for (const std::int32_t o : alive_) {
    if (dropped[at(o)] == 0) options.push_back(o);
  }
  return relaxation_.load(options, &node.basis);
}

// Goes down from the loaded node, and leaves the other children for later.
void Branching::dive(std::shared_ptr<const Step> last, std::int32_t depth, Control& control) {
  for (;;) {
    const std::int64_t before = relaxation_.work();
    ++nodes_;
    const bool may_beat = relaxation_.solve(threshold_());
    const bool goes_on = control.tick(relaxation_.work() - before);
    if (!may_beat) return;
    round();
    const double threshold = threshold_();
    if (relaxation_.bound() >= threshold) return;
    if (depth == 0) {
      for (std::size_t p = 0; p < relaxation_.num_positions(); ++p) {
        least_[at(relaxation_.option_at(p))] = relaxation_.bound_with(p);
      }
    }
    relaxation_.drop_above(threshold);
    Split split = choose();
    if (split.group < 0) return;  // all is decided, and was offered
    if (!goes_on || open_.size() >= most_nodes_) {
      // Stopped: the node itself stays open, or its bound where there is no room for it.
      if (open_.size() < most_nodes_) {
        open_.push(Node{relaxation_.bound(), depth, std::move(last), relaxation_.basis()});
      } else {
        left_out_ = std::min(left_out_, relaxation_.bound());
      }
      return;
    }
    ++depth;
    const auto step = [&](std::vector<std::int32_t>& options) {
      return std::make_shared<const Step>(Step{last, split.group, std::move(options)});
    };
    open_.push(Node{relaxation_.bound(), depth, step(split.second), relaxation_.basis()});
    if (relaxation_.work() >= last_work_) {
      // The run ends here, and no node is solved twice, however short runs are.
      open_.push(Node{relaxation_.bound(), depth, step(split.first), relaxation_.basis()});
      return;
    }
    relaxation_.keep_only(split.group, split.first);
    last = step(split.first);
  }
}

// The group whose division costs most, divided where its options' prices part.
Branching::Split Branching::choose() const {
  std::size_t chosen = relaxation_.num_open();
  double best = -1.0;
  std::vector<Relaxation::Part> best_parts;
  for (const std::size_t k : relaxation_.split_groups()) {
    std::vector<Relaxation::Part> parts = relaxation_.parts_of(k);
    double low = kInfinity;
    double high = -kInfinity;
    double share = 0.0;
    for (const Relaxation::Part& part : parts) {
      const double price = relaxation_.price_of(part.option);
      low = std::min(low, price);
      high = std::max(high, price);
      share = std::max(share, part.share);
    }
    const double score = (high - low) * (1.0 - share);
    if (score > best) {
      best = score;
      chosen = k;
      best_parts = std::move(parts);
    }
  }
  for (std::size_t k = 0; k < relaxation_.num_open() && best_parts.empty(); ++k) {
    if (relaxation_.options_of(k).size() < 2) continue;
    chosen = k;
    best_parts = relaxation_.parts_of(k);
  }
  Split split;
  if (chosen == relaxation_.num_open()) return split;
  split.group = relaxation_.open_group(chosen);
  std::vector<std::int32_t> options = relaxation_.options_of(chosen);
  const auto largest =
      std::max_element(best_parts.begin(), best_parts.end(),
                       [](const auto& a, const auto& b) { return a.share < b.share; });
  if (best_parts.size() < 2) {
    split.first.push_back(largest->option);
    for (const std::int32_t o : options) {
      if (o != largest->option) split.second.push_back(o);
    }
    return split;
  }
  const auto by_price = [&](std::int32_t a, std::int32_t b) {
    return relaxation_.price_of(a) < relaxation_.price_of(b);
  };
  std::sort(options.begin(), options.end(), by_price);
  double mean = 0.0;
  for (const Relaxation::Part& part : best_parts) {
    mean += part.share * relaxation_.price_of(part.option);
  }
  std::size_t cut = 1;
  while (cut + 1 < options.size() && relaxation_.price_of(options[cut]) <= mean) ++cut;
  const auto middle = options.begin() + static_cast<std::ptrdiff_t>(cut);
  split.first.assign(options.begin(), middle);
  split.second.assign(middle, options.end());
  const bool in_first =
      std::find(split.first.begin(), split.first.end(), largest->option) != split.first.end();
  if (!in_first) std::swap(split.first, split.second);
  return split;
}

bool Branching::fits(const std::vector<std::int64_t>& total) const {
  for (std::size_t r = 0; r < total.size(); ++r) {
    if (total[r] > model_.rows[r].upper || total[r] < model_.rows[r].lower) return false;
  }
  return true;
}

// Every way to decide the split groups for one of their parts; the best that fits is offered.
void Branching::round() {
  struct Choice {
    std::int32_t group;
    std::vector<Relaxation::Part> parts;
  };
  std::vector<Choice> choices;
  std::size_t ways = 1;
  for (const std::size_t k : relaxation_.split_groups()) {
    std::vector<Relaxation::Part> parts = relaxation_.parts_of(k);
    // The lightest option makes room where none of the parts fits.
    const std::vector<std::int32_t> options = relaxation_.options_of(k);
    parts.push_back({*std::min_element(options.begin(), options.end(),
                                       [&](std::int32_t a, std::int32_t b) {
                                         return relaxation_.price_of(a) < relaxation_.price_of(b);
                                       }),
                     0.0});
    if (ways * parts.size() > kMostRoundings) continue;
    ways *= parts.size();
    choices.push_back({relaxation_.open_group(k), std::move(parts)});
  }
  const std::vector<std::int32_t>& keys = relaxation_.key_layout();
  const std::vector<std::int64_t> start = relaxation_.key_usage();
  std::size_t best = ways;
  double least = kInfinity;
  std::vector<std::int64_t> total;
  std::vector<std::int64_t> best_total;
  for (std::size_t way = 0; way < ways; ++way) {
    double loss = 0.0;
    total = start;
    std::size_t rest = way;
    for (const Choice& choice : choices) {
      const std::int32_t key = keys[at(choice.group)];
      const std::int32_t option = choice.parts[rest % choice.parts.size()].option;
      rest /= choice.parts.size();
      loss += model_.loss[at(option)];
      for (std::size_t r = 0; r < total.size(); ++r) {
        total[r] += model_.usage_of(option)[r] - model_.usage_of(key)[r];
      }
    }
    if (loss >= least || !fits(total)) continue;
    least = loss;
    best = way;
    best_total = total;
  }
  if (best == ways) return;
  std::vector<std::int32_t> layout = keys;
  for (const Choice& choice : choices) {
    layout[at(choice.group)] = choice.parts[best % choice.parts.size()].option;
    best /= choice.parts.size();
  }
  polish(layout, best_total);
  double loss = 0.0;
  for (const std::int32_t o : layout) loss += model_.loss[at(o)];
  if (loss >= threshold_()) return;
  for (std::int32_t g = 0; g < model_.num_groups(); ++g) layout[at(g)] -= model_.begin[at(g)];
  found_(layout);
}

// Changes that lower the loss and keep the budgets, the largest first.
void Branching::polish(std::vector<std::int32_t>& layout, std::vector<std::int64_t>& total) const {
  for (;;) {
    double gain = 0.0;
    std::int32_t group = -1;
    std::int32_t option = -1;
    std::vector<std::int64_t> next(total.size());
    for (std::size_t k = 0; k < relaxation_.num_open(); ++k) {
      const std::int32_t g = relaxation_.open_group(k);
      const std::int32_t now = layout[at(g)];
      for (std::int32_t o = model_.begin[at(g)]; o < model_.begin[at(g) + 1]; ++o) {
        const double saved = model_.loss[at(now)] - model_.loss[at(o)];
        if (saved <= gain) continue;
        for (std::size_t r = 0; r < total.size(); ++r) {
          next[r] = total[r] - model_.usage_of(now)[r] + model_.usage_of(o)[r];
        }
        if (!fits(next)) continue;
        gain = saved;
        group = g;
        option = o;
      }
    }
    if (group < 0) return;
    for (std::size_t r = 0; r < total.size(); ++r) {
      total[r] += model_.usage_of(option)[r] - model_.usage_of(layout[at(group)])[r];
    }
    layout[at(group)] = option;
  }
}

}  // namespace mpsolve::paths
