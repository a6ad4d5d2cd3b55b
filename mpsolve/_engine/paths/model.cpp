#include "model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mpsolve::paths {
namespace {

std::int64_t floor_div(std::int64_t value, std::int64_t unit) {
  const std::int64_t quotient = value / unit;
  return quotient - static_cast<std::int64_t>(value % unit < 0);
}

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

// Adds a float to a loss in two parts.
void add_loss(Model& model, std::int32_t option, double value) {
  const TwoSum sum = two_sum(model.loss[at(option)], value);
  model.loss[at(option)] = sum.sum;
  model.rest[at(option)] += sum.error;
}

void shift_losses(Model& model) {
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    const std::int32_t from = model.begin[at(g)];
    const std::int32_t to = model.begin[at(g) + 1];
    std::int32_t least = from;
    for (std::int32_t o = from; o < to; ++o) {
      if (model.loss[at(o)] < model.loss[at(least)]) least = o;
    }
    const double high = model.loss[at(least)];
    const double low = model.rest[at(least)];
    if (high == 0.0 && low == 0.0) continue;
    model.base.add(high);
    model.base.add(low);
    for (std::int32_t o = from; o < to; ++o) {
      add_loss(model, o, -high);
      model.rest[at(o)] -= low;
    }
  }
}

void shift_pairs(Model& model) {
  for (ModelPair& pair : model.pairs) {
    const double least = *std::min_element(pair.table.begin(), pair.table.end());
    if (std::isinf(least)) {
      model.infeasible = true;
      return;
    }
    if (least == 0.0) continue;
    // The shift must be exact for every entry, or the layouts would not be compared fairly.
    const bool exact = std::all_of(pair.table.begin(), pair.table.end(), [least](double value) {
      return std::isinf(value) || two_sum(value, -least).error == 0.0;
    });
    if (!exact) continue;
    model.base.add(least);
    for (double& value : pair.table) value -= least;
  }
}

// Shifts usages to zero, divides by their unit, and drops the sides that cannot be reached.
// False: the row bounds nothing any more.
bool shift_row(Model& model, std::size_t r) {
  Row& row = model.rows[r];
  const auto width = static_cast<std::size_t>(model.num_rows);
  std::int64_t unit = 0;
  std::int64_t most = 0;
  std::int64_t shift = 0;
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    std::int64_t largest = std::numeric_limits<std::int64_t>::min();
    for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
      const std::int64_t usage = model.usage[at(o) * width + r];
      least = std::min(least, usage);
      largest = std::max(largest, usage);
    }
    for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
      std::int64_t& usage = model.usage[at(o) * width + r];
      usage -= least;
      if (unit != 1) unit = std::gcd(unit, usage);
    }
    most += largest - least;
    shift += least;
  }
  const bool had_lower = row.lower != kOpenLow;
  const bool had_upper = row.upper != kOpenHigh;
  row.lower = had_lower ? row.lower - shift : 0;
  row.upper = had_upper ? row.upper - shift : most;
  if (row.lower > most || row.upper < 0) {
    model.infeasible = true;
    return false;
  }
  row.lower = std::max<std::int64_t>(row.lower, 0);
  row.upper = std::min(row.upper, most);
  if (unit > 1) {
    for (std::int32_t o = 0; o < model.num_options(); ++o) model.usage[at(o) * width + r] /= unit;
    row.lower = -floor_div(-row.lower, unit);
    row.upper = floor_div(row.upper, unit);
    most /= unit;
    row.scale *= unit;
  }
  if (row.lower > row.upper) {
    model.infeasible = true;
    return false;
  }
  row.most = most;
  if (row.lower == 0 && row.upper == most) return false;
  if (row.lower > 0 && row.upper == most) {
    // A lower side alone: turn the row around.
    for (std::int32_t g = 0; g < model.num_groups(); ++g) {
      std::int64_t largest = 0;
      for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
        largest = std::max(largest, model.usage[at(o) * width + r]);
      }
      for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
        std::int64_t& usage = model.usage[at(o) * width + r];
        usage = largest - usage;
      }
    }
    row.sign = -row.sign;
    row.upper = most - row.lower;
    row.lower = 0;
  }
  return true;
}

void shift_rows(Model& model) {
  std::vector<std::size_t> kept;
  for (std::size_t r = 0; r < model.rows.size(); ++r) {
    if (shift_row(model, r)) kept.push_back(r);
    if (model.infeasible) return;
  }
  std::stable_partition(kept.begin(), kept.end(),
                        [&](std::size_t r) { return model.rows[r].two_sided(); });
  const auto width = static_cast<std::size_t>(model.num_rows);
  std::vector<std::int64_t> usage(model.option.size() * kept.size());
  std::vector<Row> rows;
  for (std::size_t k = 0; k < kept.size(); ++k) {
    rows.push_back(model.rows[kept[k]]);
    for (std::size_t o = 0; o < model.option.size(); ++o) {
      usage[o * kept.size() + k] = model.usage[o * width + kept[k]];
    }
  }
  model.usage = std::move(usage);
  model.rows = std::move(rows);
  model.num_rows = static_cast<std::int32_t>(kept.size());
}

// Marks the options that no layout within the budgets can have. True: some were found.
bool drop_unreachable(const Model& model, std::vector<char>& keep) {
  bool found = false;
  const auto width = static_cast<std::size_t>(model.num_rows);
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    for (std::size_t r = 0; r < width; ++r) {
      const Row& row = model.rows[r];
      std::int64_t largest = 0;
      for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
        largest = std::max(largest, model.usage[at(o) * width + r]);
      }
      for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
        const std::int64_t usage = model.usage[at(o) * width + r];
        if (usage > row.upper || row.most - largest + usage < row.lower) {
          keep[at(o)] = 0;
          found = true;
        }
      }
    }
  }
  return found;
}

// Moves the couplings of groups with one option into the losses of their neighbours, and those
// groups into `decided`.
void fold_singles(Model& model) {
  std::vector<ModelPair> pairs;
  for (ModelPair& pair : model.pairs) {
    const std::int32_t first = model.size(pair.first);
    const std::int32_t second = model.size(pair.second);
    if (first > 1 && second > 1) {
      pairs.push_back(std::move(pair));
    } else if (second > 1) {
      for (std::int32_t j = 0; j < second; ++j) {
        add_loss(model, model.begin[at(pair.second)] + j, pair.table[at(j)]);
      }
    } else {
      for (std::int32_t i = 0; i < first; ++i) {
        add_loss(model, model.begin[at(pair.first)] + i, pair.table[at(i)]);
      }
    }
  }
  model.pairs = std::move(pairs);
}

// Takes over the options in `keep`, all else as it is.
Model copy_kept(const Model& model, const std::vector<char>& keep) {
  Model out;
  out.num_rows = model.num_rows;
  out.rows = model.rows;
  for (Row& row : out.rows) {
    if (row.lower == 0) row.lower = kOpenLow;
    if (row.upper == row.most) row.upper = kOpenHigh;
  }
  out.base = model.base;
  out.decided = model.decided;
  out.group = model.group;
  out.begin.assign(1, 0);
  const auto width = static_cast<std::size_t>(model.num_rows);
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    for (std::int32_t o = model.begin[at(g)]; o < model.begin[at(g) + 1]; ++o) {
      if (!keep[at(o)]) continue;
      out.option.push_back(model.option[at(o)]);
      out.loss.push_back(model.loss[at(o)]);
      out.rest.push_back(model.rest[at(o)]);
      for (std::size_t r = 0; r < width; ++r) out.usage.push_back(model.usage[at(o) * width + r]);
    }
    if (out.begin.back() == out.num_options()) out.infeasible = true;
    out.begin.push_back(out.num_options());
  }
  for (const ModelPair& pair : model.pairs) {
    ModelPair kept{pair.first, pair.second, {}};
    const std::int32_t columns = model.size(pair.second);
    for (std::int32_t i = 0; i < model.size(pair.first); ++i) {
      if (!keep[at(model.begin[at(pair.first)] + i)]) continue;
      for (std::int32_t j = 0; j < columns; ++j) {
        if (!keep[at(model.begin[at(pair.second)] + j)]) continue;
        kept.table.push_back(pair.table[at(i * columns + j)]);
      }
    }
    out.pairs.push_back(std::move(kept));
  }
  return out;
}

// Removes the groups with one option. Their usage and loss are zero by now.
void drop_singles(Model& model) {
  std::vector<std::int32_t> place(model.group.size(), -1);
  std::vector<std::int32_t> begin(1, 0);
  std::int32_t count = 0;
  std::int32_t options = 0;
  const auto width = static_cast<std::size_t>(model.num_rows);
  for (std::int32_t g = 0; g < model.num_groups(); ++g) {
    const std::int32_t from = model.begin[at(g)];
    const std::int32_t size = model.size(g);
    if (size == 1) {
      model.decided[at(model.group[at(g)])] = model.option[at(from)];
      continue;
    }
    for (std::int32_t o = from; o < from + size; ++o, ++options) {
      model.option[at(options)] = model.option[at(o)];
      model.loss[at(options)] = model.loss[at(o)];
      model.rest[at(options)] = model.rest[at(o)];
      for (std::size_t r = 0; r < width; ++r) {
        model.usage[at(options) * width + r] = model.usage[at(o) * width + r];
      }
    }
    place[at(g)] = count;
    model.group[at(count++)] = model.group[at(g)];
    begin.push_back(options);
  }
  model.begin = std::move(begin);
  model.group.resize(at(count));
  model.option.resize(at(options));
  model.loss.resize(at(options));
  model.rest.resize(at(options));
  model.usage.resize(at(options) * width);
  for (ModelPair& pair : model.pairs) {
    pair.first = place[at(pair.first)];
    pair.second = place[at(pair.second)];
  }
}

// Brings a model whose options were just chosen into its smallest numbers.
void normalise(Model& model) {
  if (model.infeasible) return;
  fold_singles(model);
  const auto forbidden = [](double loss) { return std::isinf(loss); };
  if (std::any_of(model.loss.begin(), model.loss.end(), forbidden)) return;  // restricted again
  shift_losses(model);
  shift_pairs(model);
  if (!model.infeasible) shift_rows(model);
  if (!model.infeasible) drop_singles(model);
}

// Drops what can be dropped without a bound, until nothing more goes.
Model settle(Model model) {
  for (;;) {
    normalise(model);
    if (model.infeasible) return model;
    std::vector<char> keep(model.option.size(), 1);
    bool found = false;
    for (std::size_t o = 0; o < keep.size(); ++o) {
      if (std::isinf(model.loss[o])) {
        keep[o] = 0;
        found = true;
      }
    }
    if (found) {
      // Sides are still as the caller gave them: copy_kept must not reopen them.
      std::vector<Row> rows = model.rows;
      Model next = copy_kept(model, keep);
      next.rows = std::move(rows);
      model = std::move(next);
      continue;
    }
    if (!drop_unreachable(model, keep)) return model;
    model = copy_kept(model, keep);
  }
}

}  // namespace

std::vector<std::int32_t> Model::expand(const std::vector<std::int32_t>& layout) const {
  std::vector<std::int32_t> full = decided;
  for (std::int32_t g = 0; g < num_groups(); ++g) {
    full[at(group[at(g)])] = option[at(begin[at(g)] + layout[at(g)])];
  }
  return full;
}

Model build_model(const Input& input) {
  Model model;
  const auto total = static_cast<std::size_t>(input.offsets[input.num_groups]);
  model.num_rows = static_cast<std::int32_t>(input.budgets.size());
  for (std::int32_t b = 0; b < model.num_rows; ++b) {
    const Budget& budget = input.budgets[at(b)];
    Row row;
    row.source = b;
    row.lower = budget.lower;
    row.upper = budget.upper;
    model.rows.push_back(row);
  }
  model.decided.assign(at(input.num_groups), 0);
  model.group.resize(at(input.num_groups));
  std::iota(model.group.begin(), model.group.end(), 0);
  model.begin.reserve(model.group.size() + 1);
  model.begin.push_back(0);
  model.option.reserve(total);
  for (std::int32_t g = 0; g < input.num_groups; ++g) {
    for (std::int32_t j = 0; j < input.size(g); ++j) model.option.push_back(j);
    model.begin.push_back(model.num_options());
    if (input.size(g) == 0) model.infeasible = true;
  }
  model.loss.assign(input.loss, input.loss + total);
  model.rest.assign(total, 0.0);
  model.usage.resize(total * input.budgets.size());
  for (std::size_t b = 0; b < input.budgets.size(); ++b) {
    for (std::size_t o = 0; o < total; ++o) {
      model.usage[o * input.budgets.size() + b] = input.budgets[b].usage[o];
    }
  }
  for (const Coupling& coupling : input.couplings) {
    const auto entries =
        static_cast<std::ptrdiff_t>(input.size(coupling.first)) * input.size(coupling.second);
    model.pairs.push_back(
        ModelPair{coupling.first, coupling.second, {coupling.table, coupling.table + entries}});
  }
  return settle(std::move(model));
}

Model restrict_model(const Model& model, const std::vector<char>& keep) {
  return settle(copy_kept(model, keep));
}

std::vector<double> to_rows(const Model& model, const std::vector<double>& multipliers) {
  std::vector<double> out;
  for (const Row& row : model.rows) {
    out.push_back(multipliers[at(row.source)] * row.sign * static_cast<double>(row.scale));
  }
  return out;
}

std::vector<double> to_budgets(const Model& model, const std::vector<double>& multipliers,
                               std::size_t num_budgets) {
  std::vector<double> out(num_budgets, 0.0);
  for (std::size_t r = 0; r < model.rows.size(); ++r) {
    const Row& row = model.rows[r];
    out[at(row.source)] = multipliers[r] * row.sign / static_cast<double>(row.scale);
  }
  return out;
}

}  // namespace mpsolve::paths
