#include "labels.hpp"

#include <algorithm>
#include <cmath>

#include "completions.hpp"
#include "dominance.hpp"
#include "history.hpp"

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

constexpr std::size_t kSmallestCap = 256;
template <int R>
class LabelSearch {
 public:
  LabelSearch(const LabelTask& task, Control& control)
      : task_(task),
        model_(*task.model),
        sweep_(*task.sweep),
        quanta_(*task.quanta),
        control_(control),
        completions_(model_, sweep_, quanta_),
        dominance_(count_keys(*task.model), task.model->num_rows) {
    outcome_.threshold = task.threshold;
    usage_.assign(model_.option.size() * static_cast<std::size_t>(R), 0);
    for (std::int32_t o = 0; o < model_.num_options(); ++o) {
      std::copy(model_.usage_of(o), model_.usage_of(o) + model_.num_rows,
                usage_.begin() + static_cast<std::ptrdiff_t>(o) * R);
    }
  }

  LabelOutcome run() {
    State root;
    Label<R> start{};
    start.bound = -kInfinity;
    start.id = 0;
    root.labels.push_back(start);
    root.begin = {0, 1};
    process(0, root, task_.cap, history_.size());
    return outcome_;
  }

 private:
  using Labels = std::vector<Label<R>>;

  // The labels before a step, state after state.
  struct State {
    Labels labels;
    std::vector<std::size_t> begin;
  };

  static int count_keys(const Model& model) {
    return static_cast<int>(std::count_if(model.rows.begin(), model.rows.end(),
                                          [](const Row& row) { return row.two_sided(); }));
  }

  void report(std::size_t t, std::uint32_t parent, std::int32_t option, std::int32_t state,
              std::int64_t loss) {
    std::vector<std::int32_t> layout(model_.group.size(), 0);
    follow(sweep_, quanta_.bounds().front().back.choice, t + 1, state, layout);
    const std::vector<Step>& steps = sweep_.steps();
    layout[at(steps[t].group)] = option;
    for (std::size_t p = t; p-- > 0;) {
      layout[at(steps[p].group)] = history_.choice(parent);
      parent = history_.parent(parent);
    }
    outcome_.found = true;
    outcome_.threshold = std::min(outcome_.threshold, static_cast<double>(loss) - task_.step_down);
    task_.found(layout);
  }

  // False: stopped.
  bool expand(std::size_t t, const State& from, State& to) {
    const Step& step = sweep_.steps()[t];
    const auto states = at(step.next_states);
    to.labels.clear();
    to.begin.assign(1, 0);
    // Arcs by the state they lead to.
    into_.assign(states + 1, 0);
    arcs_.resize(at(step.states) * at(step.size));
    for (std::int32_t s = 0; s < step.states; ++s) {
      if (from.begin[at(s)] == from.begin[at(s) + 1]) continue;
      for (std::int32_t j = 0; j < step.size; ++j) {
        if (quanta_.arc()[step.arc + at(s * step.size + j)] >= kForbidden) continue;
        ++into_[at(sweep_.next_state(step, s, j)) + 1];
      }
    }
    for (std::size_t s = 0; s < states; ++s) into_[s + 1] += into_[s];
    fill_.assign(into_.begin(), into_.end() - 1);
    for (std::int32_t s = 0; s < step.states; ++s) {
      if (from.begin[at(s)] == from.begin[at(s) + 1]) continue;
      for (std::int32_t j = 0; j < step.size; ++j) {
        if (quanta_.arc()[step.arc + at(s * step.size + j)] >= kForbidden) continue;
        arcs_[fill_[at(sweep_.next_state(step, s, j))]++] = s * step.size + j;
      }
    }
    for (std::size_t target = 0; target < states; ++target) {
      fresh_.clear();
      runs_.assign(1, 0);
      for (std::size_t a = into_[target]; a < into_[target + 1]; ++a) {
        if (!extend(t, step, arcs_[a], static_cast<std::int32_t>(target), from)) return false;
        if (fresh_.size() > runs_.back()) runs_.push_back(fresh_.size());
      }
      merge_runs();
      const std::size_t before = to.labels.size();
      dominance_.filter(fresh_.begin(), fresh_.end(), to.labels);
      for (std::size_t l = before; l < to.labels.size(); ++l) {
        const std::uint32_t origin = to.labels[l].id;
        to.labels[l].id = history_.add(from.labels[origin / width_].id, origin % width_);
      }
      to.begin.push_back(to.labels.size());
    }
    outcome_.labels += static_cast<std::int64_t>(to.labels.size());
    outcome_.longest = std::max(outcome_.longest, to.labels.size());
    return control_.count_labels(static_cast<std::int64_t>(to.labels.size()));
  }

  // Adds an option to all labels of a state. A fresh label's id is its origin and option.
  bool extend(std::size_t t, const Step& step, std::int32_t arc, std::int32_t target,
              const State& from) {
    const auto s = at(arc / step.size);
    const std::int32_t j = arc % step.size;
    const std::int64_t cost =
        quanta_.option()[at(step.option + j)] + quanta_.arc()[step.arc + at(arc)];
    const std::int64_t* const usage =
        usage_.data() + static_cast<std::ptrdiff_t>(step.option + j) * R;
    const std::size_t node = step.node + at(step.states) + at(target);
    const Ahead<R>& ahead = completions_.ahead(node);
    const std::size_t end = from.begin[s + 1];
    width_ = static_cast<std::uint32_t>(step.size);
    for (std::size_t l = from.begin[s]; l < end; ++l) {
      Label<R> label = from.labels[l];
      if (label.bound >= outcome_.threshold) continue;
      for (int r = 0; r < R; ++r) label.usage[r] += usage[r];
      label.loss += cost;
      if (!completions_.fits(label, ahead.least, ahead.most)) continue;
      const double bound = completions_.bound_of(label, node, outcome_.threshold, t + 1);
      label.bound = std::max(label.bound, bound);
      if (label.bound >= outcome_.threshold) continue;
      const std::int64_t completed = label.loss + ahead.loss;
      if (static_cast<double>(completed) < outcome_.threshold &&
          completions_.fits(label, ahead.usage, ahead.usage)) {
        report(t, label.id, j, target, completed);
      }
      label.id = static_cast<std::uint32_t>(l) * width_ + static_cast<std::uint32_t>(j);
      fresh_.push_back(label);
    }
    return control_.tick(static_cast<std::int64_t>(end - from.begin[s]) + 1);
  }

  // Every run is in order; so is all of `fresh_` afterwards.
  void merge_runs() {
    while (runs_.size() > 2) {
      buffer_.resize(fresh_.size());
      std::size_t kept = 1;
      for (std::size_t r = 0; r + 1 < runs_.size(); r += 2) {
        const auto first = fresh_.begin() + static_cast<std::ptrdiff_t>(runs_[r]);
        const auto middle = fresh_.begin() + static_cast<std::ptrdiff_t>(runs_[r + 1]);
        const std::size_t end = r + 2 < runs_.size() ? runs_[r + 2] : runs_[r + 1];
        const auto last = fresh_.begin() + static_cast<std::ptrdiff_t>(end);
        std::merge(first, middle, middle, last,
                   buffer_.begin() + static_cast<std::ptrdiff_t>(runs_[r]), precedes<R>);
        runs_[kept++] = end;
      }
      runs_.resize(kept);
      fresh_.swap(buffer_);
    }
  }

  void leave_open(const State& state) {
    outcome_.complete = false;
    for (const Label<R>& label : state.labels) {
      if (label.bound < outcome_.threshold) outcome_.open = std::min(outcome_.open, label.bound);
    }
  }

  // False: hardly anything is free, and every step would have to collect again.
  bool shrink_history(std::size_t base, State& state) {
    history_.collect(base, state.labels);
    return history_.size() <= task_.most_history - task_.most_history / 4;
  }

  // The history up to `base` belongs to labels that wait elsewhere.
  void process(std::size_t t, State& state, std::size_t cap, std::size_t base) {
    State next;
    for (; t < sweep_.steps().size(); ++t) {
      if (history_.size() > task_.most_history && !shrink_history(base, state)) {
        outcome_.out_of_memory = true;
        leave_open(state);
        return;
      }
      if (!expand(t, state, next)) {
        leave_open(state);
        return;
      }
      if (next.labels.empty()) return;
      if (next.labels.size() > cap) {
        if (task_.split) {
          process_pieces(t + 1, next, cap);
          return;
        }
        State best = take_best(next, cap);
        leave_open(next);
        std::swap(next, best);
      }
      std::swap(state, next);
    }
  }

  void process_pieces(std::size_t t, State& pending, std::size_t cap) {
    const std::size_t mark = history_.size();
    const std::size_t piece_cap = std::max(kSmallestCap, cap / 2);
    while (!pending.labels.empty()) {
      ++outcome_.splits;
      State piece = take_best(pending, std::max<std::size_t>(1, piece_cap / 4));
      process(t, piece, piece_cap, mark);
      history_.rewind(mark);
      if (control_.limit() != Limit::kNone || outcome_.out_of_memory) {
        leave_open(pending);
        return;
      }
    }
  }

  // Takes the labels of least bound out of a state, in order.
  State take_best(State& state, std::size_t count) {
    State taken;
    taken.begin.assign(1, 0);
    values_.clear();
    for (const Label<R>& label : state.labels) {
      if (label.bound < outcome_.threshold) values_.push_back(label.bound);
    }
    double last = kInfinity;
    if (values_.size() > count) {
      const auto nth = values_.begin() + static_cast<std::ptrdiff_t>(count);
      std::nth_element(values_.begin(), nth, values_.end());
      last = *nth;
    }
    const auto below = static_cast<std::size_t>(std::count_if(
        values_.begin(), values_.end(), [last](double value) { return value < last; }));
    std::size_t ties = count > below ? count - below : 0;
    std::size_t kept = 0;
    for (std::size_t s = 0; s + 1 < state.begin.size(); ++s) {
      const std::size_t from = state.begin[s];
      const std::size_t to = state.begin[s + 1];
      state.begin[s] = kept;
      for (std::size_t l = from; l < to; ++l) {
        const Label<R>& label = state.labels[l];
        if (label.bound >= outcome_.threshold) continue;
        bool take = label.bound < last;
        if (!take && label.bound == last && ties > 0) {
          take = true;
          --ties;
        }
        if (take) {
          taken.labels.push_back(label);
        } else {
          state.labels[kept++] = label;
        }
      }
      taken.begin.push_back(taken.labels.size());
    }
    state.begin.back() = kept;
    state.labels.resize(kept);
    return taken;
  }

  const LabelTask& task_;
  const Model& model_;
  const Sweep& sweep_;
  const Quanta& quanta_;
  Control& control_;
  Completions<R> completions_;
  Dominance<R> dominance_;
  LabelOutcome outcome_;

  std::vector<std::int64_t> usage_;  // option by row, padded

  History history_;
  Labels fresh_;
  Labels buffer_;
  std::vector<std::size_t> runs_;
  std::vector<std::size_t> into_;
  std::vector<std::size_t> fill_;
  std::vector<std::int32_t> arcs_;
  std::vector<double> values_;
  std::uint32_t width_ = 1;
};

template <int R>
LabelOutcome search_with(const LabelTask& task, Control& control) {
  return LabelSearch<R>(task, control).run();
}

}  // namespace

LabelOutcome search_labels(const LabelTask& task, Control& control) {
  const std::int32_t rows = task.model->num_rows;
  if (rows <= 1) return search_with<1>(task, control);
  if (rows <= 2) return search_with<2>(task, control);
  if (rows <= 3) return search_with<3>(task, control);
  if (rows <= 4) return search_with<4>(task, control);
  if (rows <= 6) return search_with<6>(task, control);
  if (rows <= 8) return search_with<8>(task, control);
  if (rows <= 16) return search_with<16>(task, control);
  return search_with<32>(task, control);
}

}  // namespace mpsolve::paths
