// Branch and bound over the linear relaxation, for a model without couplings.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "../control.hpp"
#include "model.hpp"
#include "relaxation.hpp"

namespace mpsolve::paths {

struct BranchOutcome {
  bool complete = false;  // nothing below the threshold is left
  double open = 0.0;  // else: no layout that was not seen has a lower loss, in the model's terms
  std::int64_t nodes = 0;
};

// Where labels are short of dominance, because few large groups decide what fits, a relaxation
// and a choice among its split groups gets further. Nodes with the least bound come first, and
// from each of them the search dives.
class Branching {
 public:
  // Told layouts that keep all budgets.
  using Found = std::function<void(const std::vector<std::int32_t>&)>;
  // What a layout must beat, in the model's terms; infinity where there is none.
  using Threshold = std::function<double()>;

  Branching(const Model& model, Threshold threshold, Found found, std::size_t memory_limit);

  // Looks at about so many options.
  BranchOutcome run(std::int64_t work, Control& control);

 private:
  // What was decided on the way to a node.
  struct Step {
    std::shared_ptr<const Step> before;
    std::int32_t group;
    std::vector<std::int32_t> options;
  };

  struct Node {
    double bound;
    std::int32_t depth;
    std::shared_ptr<const Step> last;
    Relaxation::Basis basis;
  };

  struct Later {
    bool operator()(const Node& a, const Node& b) const {
      return a.bound != b.bound ? a.bound > b.bound : a.depth < b.depth;
    }
  };

  struct Split {
    std::int32_t group = -1;
    std::vector<std::int32_t> first;  // options of the child that comes first
    std::vector<std::int32_t> second;
  };

  bool load(const Node& node);
  void dive(std::shared_ptr<const Step> last, std::int32_t depth, Control& control);
  Split choose() const;
  void refresh();
  void round();
  void polish(std::vector<std::int32_t>& layout, std::vector<std::int64_t>& total) const;
  bool fits(const std::vector<std::int64_t>& total) const;

  const Model& model_;
  Threshold threshold_;
  Found found_;
  std::size_t most_nodes_;
  Relaxation relaxation_;
  std::vector<double> least_;        // bound of the layouts with each option, from the root
  std::vector<std::int32_t> alive_;  // options that may be in a layout below the threshold
  double alive_below_ = kInfinity;   // which it was then
  std::priority_queue<Node, std::vector<Node>, Later> open_;
  std::int64_t nodes_ = 0;
  std::int64_t last_work_ = 0;  // where this run ends
  bool started_ = false;
  double left_out_ = kInfinity;  // least bound of the nodes there was no room for
};

}  // namespace mpsolve::paths
