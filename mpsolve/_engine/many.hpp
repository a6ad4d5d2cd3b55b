// One problem under many budgets: what does not depend on the budget is computed once.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mckp.hpp"

namespace mpsolve {

struct Sides {
  std::optional<std::int64_t> lower;
  std::optional<std::int64_t> upper;
};

// Solves `problem` under each pair of sides in turn, in place of its own. The time limit holds for
// all of them together; what it leaves no time for still gets a first layout and a bound.
std::vector<MckpOutcome> solve_many(MckpProblem problem, const std::vector<Sides>& budgets,
                                    const MckpSettings& settings, Host* host);

}  // namespace mpsolve
