#include "fill.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace mpsolve {
namespace {

struct Move {
  double rate;  // reduced cost of a unit of usage
  std::int64_t usage;
  double loss;
  Swap swap;
};

// Cheapest first, taken one at a time: seldom are many needed.
class Queue {
 public:
  void add(const Move& move) { moves_.push_back(move); }
  void arrange() { std::make_heap(moves_.begin(), moves_.end(), later); }
  bool empty() const { return moves_.empty(); }
  Move take() {
    std::pop_heap(moves_.begin(), moves_.end(), later);
    const Move move = moves_.back();
    moves_.pop_back();
    return move;
  }

 private:
  static bool later(const Move& x, const Move& y) {
    return x.rate != y.rate ? x.rate > y.rate : x.swap.group > y.swap.group;
  }
  std::vector<Move> moves_;
};

constexpr int kMisses = 64;  // steps that do not fit before the rest is left

void take(Filling& filling, std::int64_t& room, const Move& move) {
  filling.swaps.push_back(move.swap);
  filling.loss += move.loss;
  room -= move.usage;
}

bool moves(const Filling& filling, std::int32_t group) {
  return std::any_of(filling.swaps.begin(), filling.swaps.end(),
                     [group](const Swap& swap) { return swap.group == group; });
}

void fill(Filling& filling, std::int64_t room, Queue heavier) {
  for (int misses = 0; !heavier.empty() && misses < kMisses;) {
    const Move move = heavier.take();
    if (move.usage <= room && !moves(filling, move.swap.group)) {
      take(filling, room, move);
    } else {
      ++misses;
    }
  }
}

}  // namespace

Filling fill_room(const Groups& groups, const Dual& dual, const std::vector<Candidate>& candidates,
                  std::int64_t high) {
  Queue heavier;
  Queue lighter;
  Move first{std::numeric_limits<double>::infinity(), 0, 0.0, {-1, 0}};  // the break step
  for (const Candidate& candidate : candidates) {
    const std::int64_t begin = groups.begin(candidate.group);
    const std::int64_t at = begin + dual.layout[static_cast<std::size_t>(candidate.group)];
    Move up = first;
    Move down = first;
    up.rate = down.rate = std::numeric_limits<double>::infinity();
    for (std::int32_t j = 0; j < groups.size(candidate.group); ++j) {
      const double lost = groups.loss[begin + j] - groups.loss[at];
      const std::int64_t more = groups.weight(begin + j) - groups.weight(at);
      if (more == 0) continue;
      const double cost = lost + dual.multiplier * static_cast<double>(more);
      const double rate = cost / static_cast<double>(more > 0 ? more : -more);
      const Move move{rate, more, lost, {candidate.group, j}};
      if (more > 0 && lost < 0.0 && rate < up.rate) up = move;
      if (more < 0 && rate < down.rate) down = move;
    }
    if (up.usage > high && up.rate < first.rate) first = up;
    if (up.usage > 0) heavier.add(up);
    if (down.usage < 0) lighter.add(down);
  }
  heavier.arrange();
  Filling best{0.0, {}};
  fill(best, high, heavier);
  if (first.usage == 0) return best;

  lighter.arrange();
  Filling other{0.0, {}};
  std::int64_t room = high;
  take(other, room, first);
  while (room < 0 && !lighter.empty()) {
    const Move move = lighter.take();
    if (move.swap.group != first.swap.group) take(other, room, move);
  }
  if (room < 0) return best;
  fill(other, room, std::move(heavier));
  return other.loss < best.loss ? other : best;
}

}  // namespace mpsolve
