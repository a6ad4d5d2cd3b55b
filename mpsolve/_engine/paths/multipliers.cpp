#include "multipliers.hpp"

#include <algorithm>
#include <cstddef>

namespace mpsolve::paths {
namespace {

constexpr std::size_t kNear = 3;
constexpr std::size_t kMost = 28;
constexpr double kAll[] = {0.5, 0.7, 0.85, 0.94, 1.06, 1.17, 1.4, 2.0};
constexpr double kOne[] = {0.8, 1.25, 0.5, 2.0};

// As the row's sense allows: zero or more where it has only an upper side.
Multipliers rows_of(const Model& model, const Multipliers& budgets) {
  Multipliers rows = to_rows(model, budgets);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (!model.rows[r].two_sided()) rows[r] = std::max(rows[r], 0.0);
  }
  return rows;
}

void add(std::vector<Multipliers>& out, Multipliers vector, std::size_t most) {
  if (out.size() < most && std::find(out.begin(), out.end(), vector) == out.end()) {
    out.push_back(std::move(vector));
  }
}

}  // namespace

std::vector<Multipliers> near_multipliers(const Model& model, const Multipliers& best,
                                          const std::vector<Multipliers>& history) {
  std::vector<Multipliers> out{rows_of(model, best)};
  for (const Multipliers& vector : history) add(out, rows_of(model, vector), kNear);
  return out;
}

std::vector<Multipliers> spread_multipliers(const Model& model, const Multipliers& best,
                                            const std::vector<Multipliers>& history) {
  const Multipliers main = rows_of(model, best);
  std::vector<Multipliers> out{main};
  for (const Multipliers& vector : history) add(out, rows_of(model, vector), kMost);
  for (const double factor : kAll) {
    Multipliers scaled = main;
    for (double& value : scaled) value *= factor;
    add(out, std::move(scaled), kMost);
  }
  if (main.size() < 2) return out;
  for (const double factor : kOne) {
    for (std::size_t r = 0; r < main.size(); ++r) {
      Multipliers scaled = main;
      scaled[r] *= factor;
      add(out, std::move(scaled), kMost);
    }
  }
  return out;
}

}  // namespace mpsolve::paths
