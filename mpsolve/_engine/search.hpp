// The exact step: labels over the core, in bounded memory, until none is left.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "control.hpp"
#include "core.hpp"
#include "history.hpp"
#include "labels.hpp"

namespace mpsolve {

struct SearchSettings {
  std::size_t memory = 0;  // bytes for labels and history
  double tolerance = 0.0;  // in quanta: incumbents this close to the bound will do
  double window =
      std::numeric_limits<double>::infinity();  // look below bound + window only, quanta
  double base_loss = 0.0;                       // loss of the break layout, for progress
};

class Search final : public Probe {
 public:
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

  // `known` is the loss of a known layout in quanta, or kNone. The core's order is refined.
  Search(Core& core, const SearchSettings& settings, std::int64_t known, Control& control);

  // True: the proof is complete. False: a limit came first.
  bool run();

  bool improved() const { return improved_; }
  std::int64_t incumbent() const { return incumbent_; }
  const std::vector<std::uint32_t>& options() const { return path_; }  // of the incumbent's swaps
  double proven() const;  // lower bound in quanta, at any time
  std::size_t longest_list() const { return longest_; }
  std::int64_t num_splits() const { return num_splits_; }

  double incumbent_loss() const override;
  double bound() const override;

 private:
  struct Piece {
    std::size_t begin;
    std::size_t end;
    double bound;
  };
  // One depth of the search: a list that is being worked on, or the pieces it was split into.
  struct Level {
    LabelBuffer list;
    LabelBuffer spare;
    LabelBuffer other;
    std::size_t size = 0;
    std::size_t position = 0;  // groups already added
    std::size_t cap = 0;       // labels
    std::size_t quota = 0;     // history nodes
    std::size_t base = 0;      // history when the level began
    double bound = 0.0;
    std::vector<Piece> pieces;
    std::size_t next_piece = 0;
    std::size_t pieces_base = 0;  // history when the list was split
    bool split = false;
  };
  enum class Step { kAdded, kOverflow, kStopped };

  Step add_group(Level& level);
  template <bool kTwoSided>
  Step merge_options(Level& level, const CoreGroup& group, const Pruner& pruner);
  template <bool kTwoSided, bool kFirst>
  Step merge(Level& level, Merge& merge, const Pruner& pruner, LabelBuffer& out);
  void look_ahead(const Level& level, const CoreGroup& group);
  void look_inside(const Level& level);
  void accept(std::int64_t loss, std::uint32_t history, std::uint32_t option, bool with_option);
  void update_threshold();
  void fix_again(std::size_t position);
  void split(Level& level);
  void open_piece(std::size_t depth);
  double least_bound(const Level& level, std::size_t begin, std::size_t end) const;
  Level& level_at(std::size_t depth);

  Core& core_;
  SearchSettings settings_;
  Control& control_;
  History history_;
  std::vector<Level> levels_;
  std::size_t depth_ = 0;  // levels in use
  std::size_t max_options_;
  std::size_t least_cap_;
  std::int64_t incumbent_;
  bool improved_ = false;
  bool complete_ = false;
  std::vector<std::uint32_t> path_;
  double threshold_ = std::numeric_limits<double>::infinity();
  double least_pruned_ = std::numeric_limits<double>::infinity();
  double fixed_below_ = 0.0;  // threshold at the last fixing
  std::size_t longest_ = 1;
  std::int64_t num_splits_ = 0;
};

}  // namespace mpsolve
