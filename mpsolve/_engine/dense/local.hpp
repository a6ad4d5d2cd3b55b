// Local search: good layouts by exchanges of one and two groups, from many starts.
#pragma once

#include <functional>
#include <vector>

#include "../control.hpp"
#include "problem.hpp"

namespace mpsolve::dense {

// Called with every layout (option of each group, by its number in the problem) that is better
// than all before it; all of them keep the budgets and use no forbidden pair.
using Found = std::function<void(const std::vector<std::int32_t>&)>;

// Descends from `starts` layouts, the later ones random changes of the best so far. Always the
// same for the same problem.
void search_locally(const Problem& problem, std::int32_t starts, Control& control,
                    const Found& found);

}  // namespace mpsolve::dense
