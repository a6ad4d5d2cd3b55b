// The layered graph of an order: states of the frontier, and an arc for every option. Shortest
// paths through it are the layouts of least loss.
#pragma once

#include <cstdint>
#include <vector>

#include "model.hpp"
#include "order.hpp"

namespace mpsolve::paths {

struct Step {
  std::int32_t group;
  std::int32_t option;       // first option of the group in the model
  std::int32_t size;         // options
  std::int32_t states;       // before the step
  std::int32_t next_states;  // after it
  std::int32_t stride;       // what an option adds to the next state
  std::size_t arc;           // first arc: states by options
  std::size_t node;          // first node: states
};

class Sweep {
 public:
  Sweep(const Model& model, const Order& order);

  const std::vector<Step>& steps() const { return steps_; }
  std::size_t num_nodes() const { return projection_.size() + 1; }
  std::size_t num_arcs() const { return num_arcs_; }
  // Node that an arc leads to.
  std::size_t target(const Step& step, std::int32_t state, std::int32_t option) const {
    return step.node + static_cast<std::size_t>(step.states) +
           static_cast<std::size_t>(next_state(step, state, option));
  }
  std::int32_t next_state(const Step& step, std::int32_t state, std::int32_t option) const {
    return projection_[step.node + static_cast<std::size_t>(state)] + step.stride * option;
  }

  // Calls visit(step, arc, pair, i, j): `pair` with entry (i, j) is paid on the arc.
  template <class Visit>
  void visit_pairs(Visit&& visit) const {
    for (const Incidence& incidence : incidences_) {
      const Step& step = steps_[incidence.step];
      for (std::int32_t s = 0; s < step.states; ++s) {
        const std::int32_t other = s / incidence.stride % incidence.size;
        for (std::int32_t j = 0; j < step.size; ++j) {
          const std::size_t arc = step.arc + static_cast<std::size_t>(s * step.size + j);
          const std::int32_t entry =
              incidence.transposed ? j * incidence.size + other : other * step.size + j;
          visit(arc, incidence.pair, static_cast<std::size_t>(entry));
        }
      }
    }
  }

 private:
  // A coupling of a step's group with a group of its frontier.
  struct Incidence {
    std::size_t step;
    std::size_t pair;
    std::int32_t stride;
    std::int32_t size;
    bool transposed;
  };

  std::vector<Step> steps_;
  std::vector<std::int32_t> projection_;  // by node: state after forgetting who is done
  std::vector<Incidence> incidences_;
  std::size_t num_arcs_ = 0;
};

// Shortest paths with costs of type Cost: float64 where speed matters, integers where exactness
// does. `forbidden` stands for infinity and absorbs what is added to it.
template <class Cost>
struct Potentials {
  std::vector<Cost> node;            // least cost from the node to the end
  std::vector<std::int32_t> choice;  // option that has it
};

template <class Cost>
void go_back(const Sweep& sweep, const Cost* arc_cost, const Cost* option_cost, Cost forbidden,
             Potentials<Cost>& out) {
  out.node.resize(sweep.num_nodes());
  out.choice.resize(sweep.num_nodes());
  out.node[sweep.num_nodes() - 1] = Cost{};
  const std::vector<Step>& steps = sweep.steps();
  for (std::size_t t = steps.size(); t-- > 0;) {
    const Step& step = steps[t];
    const Cost* const price = option_cost + step.option;
    const Cost* const next = out.node.data() + step.node + step.states;
    const Cost* cost = arc_cost + step.arc;
    for (std::int32_t s = 0; s < step.states; ++s, cost += step.size) {
      const Cost* const onward = next + sweep.next_state(step, s, 0);
      Cost best = forbidden;
      std::int32_t choice = 0;
      for (std::int32_t j = 0; j < step.size; ++j) {
        const Cost value = cost[j] + price[j] + onward[j * step.stride];
        if (value < best) {
          best = value;
          choice = j;
        }
      }
      out.node[step.node + static_cast<std::size_t>(s)] = best;
      out.choice[step.node + static_cast<std::size_t>(s)] = choice;
    }
  }
}

// The path that the choices lead along from a node of a step on; fills layout[group].
inline void follow(const Sweep& sweep, const std::vector<std::int32_t>& choice, std::size_t step,
                   std::int32_t state, std::vector<std::int32_t>& layout) {
  const std::vector<Step>& steps = sweep.steps();
  for (std::size_t t = step; t < steps.size(); ++t) {
    const std::int32_t j = choice[steps[t].node + static_cast<std::size_t>(state)];
    layout[static_cast<std::size_t>(steps[t].group)] = j;
    state = sweep.next_state(steps[t], state, j);
  }
}

// Least cost of a layout with each option.
template <class Cost>
void min_marginals(const Sweep& sweep, const Cost* arc_cost, const Cost* option_cost,
                   Cost forbidden, const Potentials<Cost>& back, std::vector<Cost>& out,
                   std::size_t num_options) {
  std::vector<Cost> here(1, Cost{});
  std::vector<Cost> ahead;
  out.assign(num_options, forbidden);
  for (const Step& step : sweep.steps()) {
    ahead.assign(static_cast<std::size_t>(step.next_states), forbidden);
    const Cost* const price = option_cost + step.option;
    const Cost* const next = back.node.data() + step.node + step.states;
    const Cost* cost = arc_cost + step.arc;
    Cost* const least = out.data() + step.option;
    for (std::int32_t s = 0; s < step.states; ++s, cost += step.size) {
      const Cost start = here[static_cast<std::size_t>(s)];
      if (!(start < forbidden)) continue;
      for (std::int32_t j = 0; j < step.size; ++j) {
        const auto to = static_cast<std::size_t>(sweep.next_state(step, s, j));
        const Cost reached = start + cost[j] + price[j];
        if (!(reached < forbidden)) continue;
        if (reached < ahead[to]) ahead[to] = reached;
        const Cost through = reached + next[to];
        if (through < least[j]) least[j] = through;
      }
    }
    here.swap(ahead);
  }
}

}  // namespace mpsolve::paths
