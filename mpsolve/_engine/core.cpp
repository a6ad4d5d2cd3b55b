#include "core.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sums.hpp"

namespace mpsolve {
namespace {

struct RawOption {
  std::int64_t usage;
  double loss;       // difference, rounded
  double loss_rest;  // what the rounding lost
  double reduced_cost;
  std::int32_t option;
};

std::int64_t floor_div(std::int64_t value, std::int64_t unit) {
  const std::int64_t quotient = value / unit;
  return quotient - static_cast<std::int64_t>(value % unit < 0);
}

// Options of one group below the gap, break option included, with their exact loss differences.
void collect(const Groups& groups, const Dual& dual, std::int32_t group, double gap,
             std::vector<RawOption>& out) {
  const std::int64_t begin = groups.begin(group);
  const std::int32_t at = dual.layout[static_cast<std::size_t>(group)];
  const double loss = groups.loss[begin + at];
  const std::int64_t usage = groups.weight(begin + at);
  for (std::int32_t j = 0; j < groups.size(group); ++j) {
    const TwoSum lost = two_sum(groups.loss[begin + j], -loss);
    const std::int64_t more = groups.weight(begin + j) - usage;
    const double cost = lost.sum + dual.multiplier * static_cast<double>(more) -
                        kRounding * std::fabs(lost.sum);
    if (j == at || cost < gap) out.push_back({more, lost.sum, lost.error, cost, j});
  }
}

// Lightest first; without a lower side only strictly falling losses, with one only distinct usages.
void drop_dominated(std::vector<CoreOption>& options, std::size_t begin, bool two_sided) {
  const auto first = options.begin() + static_cast<std::vector<CoreOption>::difference_type>(begin);
  std::sort(first, options.end(), [](const CoreOption& a, const CoreOption& b) {
    if (a.usage != b.usage) return a.usage < b.usage;
    return a.loss != b.loss ? a.loss < b.loss : a.option < b.option;
  });
  std::size_t kept = begin;
  for (std::size_t o = begin; o < options.size(); ++o) {
    if (kept > begin && (two_sided ? options[o].usage == options[kept - 1].usage
                                   : options[o].loss >= options[kept - 1].loss)) {
      continue;
    }
    options[kept++] = options[o];
  }
  options.resize(kept);
}

}  // namespace

std::int64_t Core::quanta(double high, double low) const {
  return std::llround(std::ldexp(high, exponent)) + std::llround(std::ldexp(low, exponent));
}

double Core::to_loss(double value) const { return std::ldexp(value, -exponent); }

std::size_t Core::bytes() const {
  return options.capacity() * sizeof(CoreOption) + groups.capacity() * sizeof(CoreGroup) +
         suffix.capacity() * sizeof(Suffix);
}

std::size_t Core::max_options() const {
  std::size_t most = 1;
  for (const CoreGroup& group : groups) most = std::max<std::size_t>(most, group.end - group.begin);
  return most;
}

void Core::arrange(std::size_t first) {
  const std::size_t count = groups.size();
  for (std::size_t g = first; g < count; ++g) {
    CoreGroup& group = groups[g];
    group.up = two_sided ? -kNever : 0.0;
    group.down = kNever;
    group.least = options[group.begin].usage;
    group.most = options[group.end - 1].usage;
    for (std::uint32_t o = group.begin; o < group.end; ++o) {
      const auto loss = static_cast<double>(options[o].loss);
      const auto usage = static_cast<double>(options[o].usage);
      if (usage > 0.0) group.up = std::max(group.up, -loss / usage);
      if (usage < 0.0) group.down = std::min(group.down, -loss / usage);
    }
  }
  // Near the break first: in turns the steepest saving and the cheapest way back.
  std::vector<std::uint32_t> by_up(count - first);
  std::iota(by_up.begin(), by_up.end(), static_cast<std::uint32_t>(first));
  std::vector<std::uint32_t> by_down = by_up;
  std::sort(by_up.begin(), by_up.end(), [this](std::uint32_t a, std::uint32_t b) {
    return groups[a].up != groups[b].up ? groups[a].up > groups[b].up : a < b;
  });
  std::sort(by_down.begin(), by_down.end(), [this](std::uint32_t a, std::uint32_t b) {
    return groups[a].down != groups[b].down ? groups[a].down < groups[b].down : a < b;
  });
  std::vector<CoreGroup> ordered;
  ordered.reserve(count - first);
  std::vector<bool> used(count - first, false);
  const auto take = [&](std::uint32_t g) {
    if (used[g - first]) return;
    used[g - first] = true;
    ordered.push_back(groups[g]);
  };
  std::size_t up = 0;
  std::size_t down = 0;
  while (ordered.size() < count - first) {
    while (up < by_up.size() && used[by_up[up] - first]) ++up;
    if (up < by_up.size()) take(by_up[up]);
    while (down < by_down.size() && used[by_down[down] - first]) ++down;
    if (down < by_down.size()) take(by_down[down]);
  }
  std::copy(ordered.begin(), ordered.end(),
            groups.begin() + static_cast<std::vector<CoreGroup>::difference_type>(first));
  suffix.resize(count + 1);
  suffix[count] = Suffix{two_sided ? -kNever : 0.0, kNever, 0, 0};
  for (std::size_t g = count; g-- > first;) {
    const Suffix& next = suffix[g + 1];
    suffix[g] = Suffix{std::max(next.up, groups[g].up), std::min(next.down, groups[g].down),
                       next.least + groups[g].least, next.most + groups[g].most};
  }
}

Core build_core(const Groups& groups, const Dual& dual, const Window& window, bool two_sided,
                const std::vector<Candidate>& candidates, double bound, double gap) {
  Core core;
  core.two_sided = two_sided;
  core.has_all = true;
  std::vector<RawOption> raw;
  std::vector<std::size_t> ends;
  std::vector<std::int32_t> members;
  for (const Candidate& candidate : candidates) {
    if (!(candidate.second < gap)) {
      core.has_all = false;
      continue;
    }
    const std::size_t before = raw.size();
    collect(groups, dual, candidate.group, gap, raw);
    if (raw.size() - before < static_cast<std::size_t>(groups.size(candidate.group))) {
      core.has_all = false;
    }
    if (raw.size() - before < 2) {
      raw.resize(before);
      continue;
    }
    ends.push_back(raw.size());
    members.push_back(candidate.group);
  }

  // The lattice of reachable usages, and of losses.
  std::int64_t unit = 0;
  for (const RawOption& option : raw) {
    unit = std::gcd(unit, option.usage);
    if (unit == 1) break;
  }
  core.unit = unit == 0 ? 1 : unit;
  core.window.high = floor_div(window.high, core.unit);
  if (two_sided) {
    core.window.low = -floor_div(-window.low, core.unit);
    core.empty_window = core.window.low > core.window.high;
  }

  // Quanta so fine that only 61 bits hold the largest sum: integer sums do not depend on the order,
  // so equal layouts stay equal, and plateaus of repeated layers collapse.
  double magnitude = 0.0;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    double most = 0.0;
    for (std::size_t o = begin; o < end; ++o) most = std::max(most, std::fabs(raw[o].loss));
    magnitude += most;
    begin = end;
  }
  const double largest = magnitude + std::fabs(bound) + (std::isfinite(gap) ? gap : 0.0);
  core.exponent = largest > 0.0 ? 60 - std::ilogb(largest) : 0;

  core.options.reserve(raw.size());
  core.groups.reserve(ends.size());
  std::int64_t loss_unit = 0;
  begin = 0;
  for (std::size_t g = 0; g < ends.size(); ++g) {
    const std::size_t first = core.options.size();
    for (std::size_t o = begin; o < ends[g]; ++o) {
      core.options.push_back(CoreOption{raw[o].usage / core.unit,
                                        core.quanta(raw[o].loss, raw[o].loss_rest),
                                        std::ldexp(raw[o].reduced_cost, core.exponent),
                                        raw[o].option, members[g]});
    }
    begin = ends[g];
    drop_dominated(core.options, first, two_sided);
    for (std::size_t o = first; loss_unit != 1 && o < core.options.size(); ++o) {
      loss_unit = std::gcd(loss_unit, core.options[o].loss);
    }
    core.groups.push_back(CoreGroup{static_cast<std::uint32_t>(first),
                                    static_cast<std::uint32_t>(core.options.size()), 0.0, 0.0, 0,
                                    0});
  }
  core.loss_unit = loss_unit == 0 ? 1 : loss_unit;

  // Flooring the room to the lattice raises the bound.
  const double rounded_off =
      static_cast<double>(window.high - core.window.high * core.unit) * dual.multiplier;
  const double raised = bound + rounded_off * (1.0 - kRounding);
  core.bound = std::ldexp(raised, core.exponent);
  core.noise = std::ldexp(kRounding * (magnitude + std::fabs(raised)), core.exponent);
  core.quantization =
      magnitude > 0.0 ? 2.0 * static_cast<double>(core.groups.size()) + 2.0 : 0.0;
  core.arrange(0);
  return core;
}

}  // namespace mpsolve
