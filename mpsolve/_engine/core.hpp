// The core: the groups and options that can still improve, in integers, in the order of the search.
#pragma once

#include <cstdint>
#include <vector>

#include "groups.hpp"
#include "reduce.hpp"

namespace mpsolve {

// Slopes that stand for "no such option"; finite, because infinity times zero is not a number.
constexpr double kNever = 0x1p+900;

struct CoreOption {
  std::int64_t usage;   // more than the break option, in units
  std::int64_t loss;    // more than the break option, in quanta
  double reduced_cost;  // lower bound, in quanta
  std::int32_t option;
  std::int32_t group;
};

struct CoreGroup {
  std::uint32_t begin;
  std::uint32_t end;
  double up;           // most that a unit of further usage can save
  double down;         // least that a unit of usage given back can cost
  std::int64_t least;  // usage of the lightest option
  std::int64_t most;   // usage of the heaviest
};

// What the groups from one position on can do together.
struct Suffix {
  double up;
  double down;
  std::int64_t least;
  std::int64_t most;
};

struct Core {
  std::vector<CoreOption> options;
  std::vector<CoreGroup> groups;  // in the order of the search
  std::vector<Suffix> suffix;     // groups.size() + 1
  bool two_sided = false;
  bool has_all = false;       // no option was dropped for its reduced cost
  bool empty_window = false;  // no multiple of the unit lies in the window
  std::int64_t unit = 1;      // gcd of the usage differences
  Window window;              // in units
  double scale = 1.0;  // a power of two; a quantum of loss is scale^-2, which may not be a float64
  std::int64_t loss_unit = 1;  // gcd of the loss differences, in quanta
  double bound = 0.0;          // Lagrangian bound, in quanta
  double noise = 0.0;          // rounding of a label's bound, in quanta
  double quantization = 0.0;   // what rounding to quanta can change in a layout

  double to_quanta(double loss) const { return loss * scale * scale; }
  double to_loss(double quanta) const { return quanta / scale / scale; }
  std::size_t bytes() const;
  std::size_t max_options() const;

  // Orders the groups for the search.
  void arrange();
  // Recomputes what the groups from `first` on can do, after options were dropped.
  void measure(std::size_t first);
};

// Keeps the candidates' options whose reduced cost is below `gap` (infinity: all of them). `bound`
// is the Lagrangian bound relative to the break layout. `window` is the room of the break layout;
// `two_sided` false ignores its lower side, and then drops dominated options.
Core build_core(const Groups& groups, const Dual& dual, const Window& window, bool two_sided,
                const std::vector<Candidate>& candidates, double bound, double gap);

}  // namespace mpsolve
