// A part of a model, of the options that layouts below some loss may have, searched by labels.
#pragma once

#include <cstddef>
#include <vector>

#include "labels.hpp"
#include "model.hpp"
#include "quanta.hpp"
#include "session.hpp"

namespace mpsolve::paths {

// Marks the options whose bound is below the threshold.
std::vector<char> below(const std::vector<double>& least, double threshold);

// The loss below which `count` options remain beside the best of each group.
double window_threshold(const Known& known, std::vector<double> least, double bound,
                        std::size_t count, double all);

// Searches the core of a model for layouts below `beat` quanta of `outer`, with lists of up to
// `cap` labels. Longer ones are split, or else cut.
LabelOutcome search_core(Session& session, const Model& model, const Model& core,
                         const Quanta& outer, double beat, std::size_t cap, bool split);

}  // namespace mpsolve::paths
