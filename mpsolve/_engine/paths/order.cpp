#include "order.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mpsolve::paths {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

struct Graph {
  std::vector<std::int32_t> begin;
  std::vector<std::int32_t> to;

  explicit Graph(const Model& model) : begin(model.group.size() + 1, 0) {
    for (const ModelPair& pair : model.pairs) {
      ++begin[at(pair.first) + 1];
      ++begin[at(pair.second) + 1];
    }
    for (std::size_t g = 1; g < begin.size(); ++g) begin[g] += begin[g - 1];
    to.resize(model.pairs.size() * 2);
    std::vector<std::int32_t> next(begin.begin(), begin.end() - 1);
    for (const ModelPair& pair : model.pairs) {
      to[at(next[at(pair.first)]++)] = pair.second;
      to[at(next[at(pair.second)]++)] = pair.first;
    }
    for (std::size_t g = 0; g + 1 < begin.size(); ++g) {
      std::sort(to.begin() + begin[g], to.begin() + begin[g + 1]);
    }
  }
  std::int32_t degree(std::int32_t g) const { return begin[at(g) + 1] - begin[at(g)]; }
};

// How many neighbours of a frontier group are looked at when the next group is chosen.
constexpr std::int32_t kLookedAt = 64;

// Decides one group after the other, always the one that leaves the smallest frontier.
class Greedy {
 public:
  Greedy(const Model& model, const Graph& graph)
      : model_(model), graph_(graph), done_(model.group.size(), false), open_(model.group.size()) {
    for (std::int32_t g = 0; g < model.num_groups(); ++g) open_[at(g)] = graph.degree(g);
  }

  std::vector<std::int32_t> run() {
    std::vector<std::int32_t> starts;
    for (std::int32_t g = 0; g < model_.num_groups(); ++g) {
      if (graph_.degree(g) > 0) starts.push_back(g);
    }
    std::stable_sort(starts.begin(), starts.end(), [this](std::int32_t a, std::int32_t b) {
      return graph_.degree(a) < graph_.degree(b);
    });
    for (const std::int32_t start : starts) {
      if (done_[at(start)]) continue;
      take(start);
      while (!frontier_.empty()) take(best());
    }
    return std::move(order_);
  }

 private:
  double log_size(std::int32_t g) const { return std::log2(model_.size(g)); }

  std::int32_t best() const {
    std::int32_t chosen = -1;
    double least = std::numeric_limits<double>::infinity();
    for (const std::int32_t f : frontier_) {
      std::int32_t looked = 0;
      for (std::int32_t e = graph_.begin[at(f)]; e < graph_.begin[at(f) + 1]; ++e) {
        const std::int32_t g = graph_.to[at(e)];
        if (done_[at(g)]) continue;
        const double growth = growth_of(g);
        if (growth < least || (growth == least && g < chosen)) {
          least = growth;
          chosen = g;
        }
        if (++looked == kLookedAt) break;
      }
    }
    return chosen;
  }

  double growth_of(std::int32_t g) const {
    double growth = open_[at(g)] > 0 ? log_size(g) : 0.0;
    for (std::int32_t e = graph_.begin[at(g)]; e < graph_.begin[at(g) + 1]; ++e) {
      const std::int32_t f = graph_.to[at(e)];
      if (done_[at(f)] && open_[at(f)] == 1) growth -= log_size(f);
    }
    return growth;
  }

  void take(std::int32_t g) {
    done_[at(g)] = true;
    order_.push_back(g);
    for (std::int32_t e = graph_.begin[at(g)]; e < graph_.begin[at(g) + 1]; ++e) {
      --open_[at(graph_.to[at(e)])];
    }
    frontier_.push_back(g);
    frontier_.erase(std::remove_if(frontier_.begin(), frontier_.end(),
                                   [this](std::int32_t f) { return open_[at(f)] == 0; }),
                    frontier_.end());
  }

  const Model& model_;
  const Graph& graph_;
  std::vector<bool> done_;
  std::vector<std::int32_t> open_;  // neighbours that are not decided
  std::vector<std::int32_t> frontier_;
  std::vector<std::int32_t> order_;
};

// Fills in what an order of the coupled groups costs.
Order measure(const Model& model, const Graph& graph, std::vector<std::int32_t> groups) {
  Order order;
  order.groups = std::move(groups);
  std::vector<std::int32_t> position(model.group.size(), -1);
  for (std::size_t p = 0; p < order.groups.size(); ++p) {
    position[at(order.groups[p])] = static_cast<std::int32_t>(p);
  }
  order.last.assign(model.group.size(), -1);
  std::vector<double> leaving(order.groups.size() + 1, 0.0);
  std::vector<std::int32_t> count(order.groups.size() + 1, 0);
  double states = 0.0;  // log2
  std::int32_t width = 0;
  for (std::size_t p = 0; p < order.groups.size(); ++p) {
    const std::int32_t g = order.groups[p];
    const double size = std::log2(model.size(g));
    order.entries += std::exp2(states + size);
    std::int32_t last = -1;
    for (std::int32_t e = graph.begin[at(g)]; e < graph.begin[at(g) + 1]; ++e) {
      last = std::max(last, position[at(graph.to[at(e)])]);
    }
    order.width = std::max(order.width, width + 1);
    if (last > static_cast<std::int32_t>(p)) {
      order.last[at(g)] = last;
      leaving[at(last)] += size;
      ++count[at(last)];
      states += size;
      ++width;
    }
    states -= leaving[p];
    width -= count[p];
    if (width == 0) states = 0.0;
  }
  return order;
}

}  // namespace

Order make_order(const Model& model, const std::vector<double>& key) {
  const Graph graph(model);
  std::vector<std::int32_t> natural;
  std::vector<std::int32_t> free;
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    (graph.degree(g) > 0 ? natural : free).push_back(g);
  }
  Order order = measure(model, graph, natural);
  if (!natural.empty()) {
    Order greedy = measure(model, graph, Greedy(model, graph).run());
    if (greedy.entries < order.entries) order = std::move(greedy);
  }
  if (!key.empty()) {
    std::stable_sort(free.begin(), free.end(),
                     [&](std::int32_t a, std::int32_t b) { return key[at(a)] > key[at(b)]; });
  }
  order.groups.insert(order.groups.end(), free.begin(), free.end());
  return order;
}

}  // namespace mpsolve::paths
