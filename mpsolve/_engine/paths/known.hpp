// What is known of the optimum: the best layout so far, and a bound.
#pragma once

#include <cstdint>
#include <vector>

#include "../control.hpp"
#include "../sums.hpp"
#include "input.hpp"
#include "model.hpp"
#include "quanta.hpp"

namespace mpsolve::paths {

double difference(const CompensatedSum& a, const CompensatedSum& b);

class Known final : public Probe {
 public:
  // Starts with the bound that the options alone prove.
  Known(const Input& input, double abs_gap, double rel_gap);

  double incumbent_loss() const override;
  double bound() const override { return bound_.value(); }
  const CompensatedSum& exact_bound() const { return bound_; }

  const Evaluation& best() const { return best_; }
  const std::vector<std::int32_t>& layout() const { return layout_; }
  bool has_layout() const { return best_.feasible; }

  // Keeps the layout if it is feasible and better.
  void offer(const std::vector<std::int32_t>& layout);
  void raise_bound(const CompensatedSum& bound);

  bool gap_closed() const;
  // The gap that needs no proof; none where it is within rounding.
  double free_gap() const;
  // What must be beaten, in quanta of a model.
  double threshold(const Model& model, const Quanta& quanta) const;
  // The best loss within a model; infinity without a layout.
  double loss_within(const Model& model) const;
  // The best layout within a model; empty where the model lacks one of its options.
  std::vector<std::int32_t> contract(const Model& model) const;

 private:
  double allowed_gap() const;
  CompensatedSum best_loss() const;

  const Input& input_;
  double abs_gap_;
  double rel_gap_;
  Evaluation best_;
  std::vector<std::int32_t> layout_;
  CompensatedSum bound_;
};

// By how much a further layout must be better to count, in quanta.
double step_down(const Quanta& quanta);

}  // namespace mpsolve::paths
