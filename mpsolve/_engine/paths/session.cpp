#include "session.hpp"

#include <algorithm>

namespace mpsolve::paths {

double Session::threshold(const Model& model, const Quanta& quanta) const {
  const double beat = known.threshold(model, quanta);
  if (!cutoff) return beat;
  return std::min(beat, quanta.from_loss(model, cutoff->value(), cutoff->rest()));
}

double Session::threshold_within(const Model& model) const {
  double loss = known.loss_within(model) - known.free_gap();
  if (cutoff) loss = std::min(loss, difference(*cutoff, model.base));
  return loss;
}

void Session::raise_bound(const CompensatedSum& bound) {
  const bool beyond = cutoff && difference(bound, *cutoff) > 0.0;
  known.raise_bound(beyond ? *cutoff : bound);
}

}  // namespace mpsolve::paths
