#include "sweep.hpp"

#include <algorithm>

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

struct Member {
  std::int32_t group;
  std::int32_t stride;
};

}  // namespace

Sweep::Sweep(const Model& model, const Order& order) {
  const std::size_t count = order.groups.size();
  std::vector<std::size_t> position(model.group.size());
  for (std::size_t t = 0; t < count; ++t) position[at(order.groups[t])] = t;
  // Couplings by the later of their groups.
  std::vector<std::vector<std::size_t>> paid(model.pairs.empty() ? 0 : count);
  for (std::size_t p = 0; p < model.pairs.size(); ++p) {
    const ModelPair& pair = model.pairs[p];
    paid[std::max(position[at(pair.first)], position[at(pair.second)])].push_back(p);
  }
  std::vector<Member> frontier;
  std::vector<Member> next;
  std::int32_t states = 1;
  std::vector<std::int32_t> strides(model.group.size(), 0);
  for (std::size_t t = 0; t < count; ++t) {
    const std::int32_t g = order.groups[t];
    Step step{};
    step.group = g;
    step.option = model.begin[at(g)];
    step.size = model.size(g);
    step.states = states;
    step.arc = num_arcs_;
    step.node = projection_.size();
    if (!paid.empty()) {
      for (const std::size_t p : paid[t]) {
        const ModelPair& pair = model.pairs[p];
        const bool transposed = pair.first == g;
        const std::int32_t other = transposed ? pair.second : pair.first;
        incidences_.push_back(Incidence{t, p, strides[at(other)], model.size(other), transposed});
      }
    }
    next.clear();
    std::int32_t size = 1;
    for (const Member& member : frontier) {
      if (order.last[at(member.group)] <= static_cast<std::int32_t>(t)) continue;
      next.push_back(Member{member.group, size});
      size *= model.size(member.group);
    }
    for (std::int32_t s = 0; s < states; ++s) {
      std::int32_t projected = 0;
      std::size_t kept = 0;
      for (const Member& member : frontier) {
        if (kept == next.size()) break;
        if (member.group != next[kept].group) continue;
        projected += s / member.stride % model.size(member.group) * next[kept].stride;
        ++kept;
      }
      projection_.push_back(projected);
    }
    if (order.last[at(g)] > static_cast<std::int32_t>(t)) {
      next.push_back(Member{g, size});
      step.stride = size;
      size *= step.size;
    }
    for (const Member& member : next) strides[at(member.group)] = member.stride;
    step.next_states = size;
    num_arcs_ += static_cast<std::size_t>(states) * at(step.size);
    steps_.push_back(step);
    frontier.swap(next);
    states = size;
  }
}

}  // namespace mpsolve::paths
