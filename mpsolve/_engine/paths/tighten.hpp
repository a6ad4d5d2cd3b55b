// Multipliers for a model, and what the bound they prove leaves of it.
#pragma once

#include "model.hpp"
#include "session.hpp"

namespace mpsolve::paths {

// Finds multipliers, raises the bound, and drops the options that no better layout has.
Verdict tighten(Session& session, Model& model);

}  // namespace mpsolve::paths
