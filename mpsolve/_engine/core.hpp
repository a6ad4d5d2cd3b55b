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

// What the usages' greatest common divisor leaves of the room. A coarser lattice leaves less, which
// raises the bound, which rules out more options, which may make the lattice coarser still.
struct Lattice {
  std::int64_t unit = 1;  // gcd of the usage differences
  Window window;          // in units
  bool empty = false;     // it leaves no layout that is better by the gap
  double bound = 0.0;     // Lagrangian bound over the room that is left
  double gap = 0.0;       // only options of smaller reduced cost matter
};

// `bound` is the Lagrangian bound relative to the break layout, and `gap` how much better than
// bound + gap a layout has to be (infinity: all count). `window` is the room of the break layout;
// `two_sided` false ignores its lower side.
Lattice find_lattice(const Groups& groups, const Dual& dual, const Window& window, bool two_sided,
                     const std::vector<Candidate>& candidates, double bound, double gap);

struct Core {
  std::vector<CoreOption> options;
  std::vector<CoreGroup> groups;  // in the order of the search
  std::vector<Suffix> suffix;     // groups.size() + 1
  bool two_sided = false;
  bool has_all = false;  // no option was dropped for its reduced cost
  Window window;         // in the lattice's units
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

// Keeps the candidates' options whose reduced cost is below the lattice's gap, in no order yet.
// Without a lower side dominated options are dropped.
Core build_core(const Groups& groups, const Dual& dual, const Lattice& lattice, bool two_sided,
                const std::vector<Candidate>& candidates);

}  // namespace mpsolve
