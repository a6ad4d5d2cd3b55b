// Best first: parts of the search in the order of their bounds, each bounded by a convex form.
#pragma once

#include <cstddef>
#include <functional>

#include "form.hpp"
#include "search.hpp"

namespace mpsolve::dense {

struct Grown {
  bool complete = false;
  double open = kInfinity;  // bound of what was left out, in quanta
  std::int64_t nodes = 0;
  std::int64_t steps = 0;  // of Newton's method
};

class Tree {
 public:
  // `size` is what losses that matter add up to, in quanta; at most `memory` bytes are kept.
  Tree(const State& root, const Task& task, double size, std::size_t memory);

  // Bounds the root by its form; in quanta. -inf: there is none.
  double bound_root();
  // Searches the root completely, unless the control stops it. `rising` is told the bound.
  Grown search(const std::function<void(double)>& rising);

 private:
  struct Part;

  double visit(State& state, Part& part, std::vector<Part>& children);
  void branch(const State& state, const Form& form, double bound, std::vector<Part>& children);
  double target() const;

  const State& root_;
  const Task& task_;
  double scale_;
  std::size_t memory_;
  Warm warm_;
  double root_bound_ = -kInfinity;
  Grown grown_;
};

}  // namespace mpsolve::dense
