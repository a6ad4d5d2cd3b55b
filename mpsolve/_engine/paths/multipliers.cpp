#include "multipliers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "dual.hpp"

namespace mpsolve::paths {
namespace {

constexpr std::size_t kNear = 3;
constexpr std::size_t kMost = 28;
constexpr double kSteps[] = {1.0, 0.4, 2.5};

// As the row's sense allows: zero or more where it has only an upper side.
Multipliers rows_of(const Model& model, const Multipliers& budgets) {
  Multipliers rows = to_rows(model, budgets);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (!model.rows[r].two_sided()) rows[r] = std::max(rows[r], 0.0);
  }
  return rows;
}

// Up and down along each row, and along all of them together.
std::vector<Multipliers> directions(const Model& model, const Multipliers& main) {
  std::vector<Multipliers> out;
  double magnitude = 0.0;
  for (std::size_t r = 0; r < main.size(); ++r) {
    magnitude = std::max(magnitude, std::fabs(main[r]) * static_cast<double>(model.rows[r].most));
  }
  if (magnitude == 0.0) magnitude = 1.0;
  for (const double sign : {1.0, -1.0}) {
    for (std::size_t r = 0; r < main.size(); ++r) {
      Multipliers direction(main.size(), 0.0);
      direction[r] = sign * 0.1 * magnitude / static_cast<double>(model.rows[r].most);
      out.push_back(std::move(direction));
    }
  }
  if (main.size() < 2) return out;
  for (const double sign : {1.0, -1.0}) {
    Multipliers direction = main;
    for (double& value : direction) value *= sign * 0.1;
    out.push_back(std::move(direction));
  }
  return out;
}

// The bound of any multipliers, without the model's base.
class BoundAt {
 public:
  BoundAt(const Model& model, const Sweep& sweep, const FloatCosts& costs)
      : model_(model), sweep_(sweep), costs_(costs), price_(model.option.size()) {}

  double operator()(const Multipliers& rows) {
    for (std::int32_t o = 0; o < model_.num_options(); ++o) {
      const auto at = static_cast<std::size_t>(o);
      double price = costs_.option[at];
      for (std::size_t r = 0; r < rows.size(); ++r) {
        price += rows[r] * static_cast<double>(model_.usage_of(o)[r]);
      }
      price_[at] = price;
    }
    go_back<double>(sweep_, costs_.arc.data(), price_.data(), kInfinity, potentials_);
    return potentials_.node[0] - room_price(model_, rows);
  }

 private:
  const Model& model_;
  const Sweep& sweep_;
  const FloatCosts& costs_;
  std::vector<double> price_;
  Potentials<double> potentials_;
};

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

std::vector<Multipliers> spread_multipliers(const Model& model, const Sweep& sweep,
                                            const Multipliers& best,
                                            const std::vector<Multipliers>& history, double gap) {
  const Multipliers main = rows_of(model, best);
  std::vector<Multipliers> out{main};
  for (const Multipliers& vector : history) add(out, rows_of(model, vector), kNear + 1);
  const FloatCosts costs(model, sweep);
  BoundAt bound_at(model, sweep, costs);
  const double top = bound_at(main);
  for (const Multipliers& direction : directions(model, main)) {
    double step = 1.0;
    const auto moved = [&](double by) {
      Multipliers vector = main;
      for (std::size_t r = 0; r < vector.size(); ++r) {
        vector[r] += by * direction[r];
        if (!model.rows[r].two_sided()) vector[r] = std::max(vector[r], 0.0);
      }
      return vector;
    };
    // The bound falls ever faster: bracket the step that costs about the gap.
    const auto fall = [&](double by) { return top - bound_at(moved(by)); };
    int tries = 0;
    if (fall(step) > gap) {
      while (fall(step) > gap && ++tries < 30) step *= 0.5;
    } else {
      while (fall(2.0 * step) <= gap && ++tries < 30) step *= 2.0;
    }
    for (const double factor : kSteps) add(out, moved(step * factor), kMost);
  }
  return out;
}

}  // namespace mpsolve::paths
