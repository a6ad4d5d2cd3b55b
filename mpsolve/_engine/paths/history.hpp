// How every label came about: a forest of (parent, option), one level for each step of the sweep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mpsolve::paths {

class History {
 public:
  static constexpr std::size_t kBytes = sizeof(std::uint32_t) + sizeof(std::uint16_t);  // a node

  History() { add(0, 0); }  // the root, which stays

  std::size_t size() const { return parent_.size(); }
  std::uint32_t parent(std::uint32_t node) const { return parent_[node]; }
  std::int32_t choice(std::uint32_t node) const { return choice_[node]; }

  std::uint32_t add(std::uint32_t parent, std::uint32_t choice) {
    parent_.push_back(parent);
    choice_.push_back(static_cast<std::uint16_t>(choice));
    return static_cast<std::uint32_t>(parent_.size() - 1);
  }

  void rewind(std::size_t size) {
    parent_.resize(size);
    choice_.resize(size);
  }

  // Keeps, of the nodes from `base` on, only ancestors of these labels, and renumbers those.
  template <class Labels>
  void collect(std::size_t base, Labels& labels) {
    moved_.assign(size() - base, 0);
    for (const auto& label : labels) {
      if (label.id >= base) moved_[label.id - base] = 1;
    }
    for (std::size_t n = size(); n-- > base;) {  // children come after their parents
      if (moved_[n - base] != 0 && parent_[n] >= base) moved_[parent_[n] - base] = 1;
    }
    std::size_t next = base;
    for (std::size_t n = base; n < size(); ++n) {
      if (moved_[n - base] == 0) continue;
      parent_[next] = parent_[n] >= base ? moved_[parent_[n] - base] : parent_[n];
      choice_[next] = choice_[n];
      moved_[n - base] = static_cast<std::uint32_t>(next++);
    }
    rewind(next);
    for (auto& label : labels) {
      if (label.id >= base) label.id = moved_[label.id - base];
    }
  }

 private:
  std::vector<std::uint32_t> parent_;
  std::vector<std::uint16_t> choice_;
  std::vector<std::uint32_t> moved_;
};

}  // namespace mpsolve::paths
