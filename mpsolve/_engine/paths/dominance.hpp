// Labels, and which of them can never be better than another.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mpsolve::paths {

template <int R>
struct Label {
  std::int64_t usage[R];
  std::int64_t loss;  // quanta
  double bound;       // of the best completion, quanta
  std::uint32_t id;   // place in the history
};

// By usage, row after row, then by loss: adding an option to all labels of a list keeps the order.
template <int R>
bool precedes(const Label<R>& a, const Label<R>& b) {
  for (int r = 0; r < R; ++r) {
    if (a.usage[r] != b.usage[r]) return a.usage[r] < b.usage[r];
  }
  return a.loss < b.loss;
}

// Keeps the labels of one node that no other dominates: equal usage of the first `keys` rows, no
// more of the others, and no more loss. Needs the order of `precedes`. With three or more rows
// beside the keys some dominated labels stay.
template <int R>
class Dominance {
 public:
  Dominance(int keys, int rows) : keys_(keys), rows_(rows) {}

  // Writes the kept labels of [first, last) to `out`.
  template <class Iterator>
  void filter(Iterator first, Iterator last, std::vector<Label<R>>& out) {
    while (first != last) {
      Iterator end = first + 1;
      while (end != last && same_keys(*first, *end)) ++end;
      switch (rows_ - keys_) {
        case 0:
          out.push_back(*first);
          break;
        case 1:
          filter_line(first, end, out);
          break;
        case 2:
          filter_plane(first, end, out);
          break;
        default:
          filter_space(first, end, out);
      }
      first = end;
    }
  }

 private:
  struct Stair {
    std::int64_t usage;
    std::int64_t loss;
  };
  static constexpr std::size_t kArchive = 48;

  bool same_keys(const Label<R>& a, const Label<R>& b) const {
    for (int r = 0; r < keys_; ++r) {
      if (a.usage[r] != b.usage[r]) return false;
    }
    return true;
  }

  template <class Iterator>
  void filter_line(Iterator first, Iterator last, std::vector<Label<R>>& out) {
    std::int64_t least = first->loss;
    out.push_back(*first);
    while (++first != last) {
      if (first->loss >= least) continue;
      least = first->loss;
      out.push_back(*first);
    }
  }

  template <class Iterator>
  void filter_plane(Iterator first, Iterator last, std::vector<Label<R>>& out) {
    stairs_.clear();  // falling loss over rising usage of the last row
    for (; first != last; ++first) {
      const std::int64_t usage = first->usage[keys_ + 1];
      const auto above = std::upper_bound(
          stairs_.begin(), stairs_.end(), usage,
          [](std::int64_t value, const Stair& stair) { return value < stair.usage; });
      if (above != stairs_.begin() && (above - 1)->loss <= first->loss) continue;
      out.push_back(*first);
      auto from = above;
      if (from != stairs_.begin() && (from - 1)->usage == usage) --from;
      auto to = from;
      while (to != stairs_.end() && to->loss >= first->loss) ++to;
      if (from == to) {
        stairs_.insert(from, Stair{usage, first->loss});
      } else {
        *from = Stair{usage, first->loss};
        stairs_.erase(from + 1, to);
      }
    }
  }

  template <class Iterator>
  void filter_space(Iterator first, Iterator last, std::vector<Label<R>>& out) {
    archive_.clear();
    for (; first != last; ++first) {
      bool dominated = false;
      for (std::size_t a = 0; a < archive_.size(); ++a) {
        if (!dominates(archive_[a], *first)) continue;
        dominated = true;
        // Who dominates once will do so again.
        if (a > 0) std::swap(archive_[a], archive_[a / 2]);
        break;
      }
      if (dominated) continue;
      out.push_back(*first);
      if (archive_.size() < kArchive) {
        archive_.push_back(*first);
      } else if (first->loss < archive_.back().loss) {
        archive_.back() = *first;
      } else {
        archive_[kArchive / 2 + out.size() % (kArchive / 2)] = *first;
      }
    }
  }

  bool dominates(const Label<R>& a, const Label<R>& b) const {
    if (a.loss > b.loss) return false;
    for (int r = keys_; r < rows_; ++r) {
      if (a.usage[r] > b.usage[r]) return false;
    }
    return true;
  }

  int keys_;
  int rows_;
  std::vector<Stair> stairs_;
  std::vector<Label<R>> archive_;
};

}  // namespace mpsolve::paths
