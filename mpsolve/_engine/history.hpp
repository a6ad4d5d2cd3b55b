// The decisions behind the labels: a forest of (parent, option) nodes with bounded memory.
#pragma once

#include <cstdint>
#include <vector>

#include "labels.hpp"

namespace mpsolve {

// Staying at the break option adds no node, so a label's path has only its swaps.
class History {
 public:
  struct Node {
    std::uint32_t parent;
    std::uint32_t option;
  };
  static constexpr std::uint32_t kRoot = 0;

  History() { nodes_.push_back(Node{kRoot, 0}); }

  std::size_t size() const { return nodes_.size(); }
  void rewind(std::size_t size) { nodes_.resize(size); }

  std::uint32_t add(std::uint32_t parent, std::uint32_t option) {
    nodes_.push_back(Node{parent, option});
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }

  void path(std::uint32_t node, std::vector<std::uint32_t>& options) const {
    options.clear();
    for (; node != kRoot; node = nodes_[node].parent) options.push_back(nodes_[node].option);
  }

  // Keeps, of the nodes from `base` on, the ancestors of these labels only.
  void collect(std::size_t base, Label* labels, std::size_t count) {
    moved_.assign(nodes_.size() - base, 0);
    for (std::size_t l = 0; l < count; ++l) {
      if (labels[l].history >= base) moved_[labels[l].history - base] = 1;
    }
    for (std::size_t n = nodes_.size(); n-- > base;) {  // children come after their parents
      if (moved_[n - base] != 0 && nodes_[n].parent >= base) moved_[nodes_[n].parent - base] = 1;
    }
    std::size_t next = base;
    for (std::size_t n = base; n < nodes_.size(); ++n) {
      if (moved_[n - base] == 0) continue;
      Node node = nodes_[n];
      if (node.parent >= base) node.parent = moved_[node.parent - base];
      nodes_[next] = node;
      moved_[n - base] = static_cast<std::uint32_t>(next++);
    }
    nodes_.resize(next);
    for (std::size_t l = 0; l < count; ++l) {
      if (labels[l].history >= base) labels[l].history = moved_[labels[l].history - base];
    }
  }

 private:
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> moved_;
};

}  // namespace mpsolve
