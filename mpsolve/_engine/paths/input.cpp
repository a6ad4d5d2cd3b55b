#include "input.hpp"

#include <algorithm>
#include <cmath>

#include "../sums.hpp"

namespace mpsolve::paths {

Evaluation evaluate(const Input& input, const std::int32_t* layout) {
  Evaluation result;
  for (const Budget& budget : input.budgets) {
    std::int64_t total = 0;
    for (std::int32_t g = 0; g < input.num_groups; ++g) {
      total += budget.usage[input.offsets[g] + layout[g]];
    }
    if (total < budget.lower || total > budget.upper) return result;
  }
  CompensatedSum sum;
  for (std::int32_t g = 0; g < input.num_groups; ++g) {
    const double loss = input.loss[input.offsets[g] + layout[g]];
    if (std::isinf(loss)) return result;
    sum.add(loss);
  }
  for (const Coupling& coupling : input.couplings) {
    const std::int64_t row = layout[coupling.first];
    const double loss = coupling.table[row * input.size(coupling.second) + layout[coupling.second]];
    if (std::isinf(loss)) return result;
    sum.add(loss);
  }
  result.feasible = true;
  result.high = sum.value();
  result.low = sum.rest();
  return result;
}

double trivial_bound(const Input& input) {
  CompensatedSum sum;
  for (std::int32_t g = 0; g < input.num_groups; ++g) {
    const double* const first = input.loss + input.offsets[g];
    const double* const last = input.loss + input.offsets[g + 1];
    if (first != last) sum.add(*std::min_element(first, last));
  }
  for (const Coupling& coupling : input.couplings) {
    const auto entries =
        static_cast<std::ptrdiff_t>(input.size(coupling.first)) * input.size(coupling.second);
    if (entries > 0) sum.add(*std::min_element(coupling.table, coupling.table + entries));
  }
  return sum.value();
}

}  // namespace mpsolve::paths
