#include "core.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

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
    const double cost = reduced_cost(lost.sum, more, dual.multiplier);
    if (j == at || cost < gap) out.push_back({more, lost.sum, lost.error, cost, j});
  }
}

// Most are, and a product is several times faster than a division. False may be wrong.
bool is_multiple(std::int64_t value, std::int64_t unit) {
  const double quotient = static_cast<double>(value) / static_cast<double>(unit != 0 ? unit : 1);
  const auto nearest = static_cast<std::int64_t>(quotient + (quotient < 0.0 ? -0.5 : 0.5));
  return nearest * unit == value;
}

// The greatest common divisor of what the options below the gap use more than the break option; 0
// where there is none, or none that uses more or less.
std::int64_t usage_unit(const Groups& groups, const Dual& dual,
                        const std::vector<Candidate>& candidates, double gap) {
  std::int64_t unit = 0;
  for (const Candidate& candidate : candidates) {
    if (!(candidate.second < gap)) continue;
    const std::int64_t begin = groups.begin(candidate.group);
    const std::int64_t at = begin + dual.layout[static_cast<std::size_t>(candidate.group)];
    for (std::int32_t j = 0; j < groups.size(candidate.group); ++j) {
      const double lost = groups.loss[begin + j] - groups.loss[at];
      const std::int64_t more = groups.weight(begin + j) - groups.weight(at);
      if (!(reduced_cost(lost, more, dual.multiplier) < gap) || is_multiple(more, unit)) continue;
      unit = std::gcd(unit, more);
      if (unit == 1) return unit;
    }
  }
  return unit;
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

std::size_t Core::bytes() const {
  return options.capacity() * sizeof(CoreOption) + groups.capacity() * sizeof(CoreGroup) +
         suffix.capacity() * sizeof(Suffix);
}

std::size_t Core::max_options() const {
  std::size_t most = 1;
  for (const CoreGroup& group : groups) most = std::max<std::size_t>(most, group.end - group.begin);
  return most;
}

void Core::measure(std::size_t first) {
  const std::size_t count = groups.size();
  suffix.resize(count + 1);
  suffix[count] = Suffix{two_sided ? -kNever : 0.0, kNever, 0, 0};
  for (std::size_t g = count; g-- > first;) {
    CoreGroup& group = groups[g];
    group.up = two_sided ? -kNever : 0.0;
    group.down = kNever;
    group.least = options[group.begin].usage;
    group.most = options[group.end - 1].usage;
    for (std::uint32_t o = group.begin; o < group.end; ++o) {
      const auto loss = static_cast<double>(options[o].loss);
      const auto usage = static_cast<double>(options[o].usage);
      const double slope = -loss / (usage != 0.0 ? usage : 1.0);
      group.up = usage > 0.0 ? std::max(group.up, slope) : group.up;
      group.down = usage < 0.0 ? std::min(group.down, slope) : group.down;
    }
    const Suffix& next = suffix[g + 1];
    suffix[g] = Suffix{std::max(next.up, group.up), std::min(next.down, group.down),
                       next.least + group.least, next.most + group.most};
  }
}

// Near the break first: in turns the steepest saving and the cheapest way back.
void Core::arrange() {
  measure(0);
  const std::size_t count = groups.size();
  using Key = std::pair<double, std::uint32_t>;
  std::vector<Key> by_up(count);
  std::vector<Key> by_down(count);
  for (std::uint32_t g = 0; g < count; ++g) {
    by_up[g] = {-groups[g].up, g};
    by_down[g] = {groups[g].down, g};
  }
  std::sort(by_up.begin(), by_up.end());
  std::sort(by_down.begin(), by_down.end());
  std::vector<CoreGroup> ordered;
  ordered.reserve(count);
  std::vector<char> used(count, 0);
  std::size_t up = 0;
  std::size_t down = 0;
  const auto take = [&](const std::vector<Key>& keys, std::size_t& at) {
    while (at < count && used[keys[at].second] != 0) ++at;
    if (at == count) return;
    used[keys[at].second] = 1;
    ordered.push_back(groups[keys[at].second]);
  };
  while (ordered.size() < count) {
    take(by_up, up);
    take(by_down, down);
  }
  groups = std::move(ordered);
  measure(0);
}

Lattice find_lattice(const Groups& groups, const Dual& dual, const Window& window, bool two_sided,
                     const std::vector<Candidate>& candidates, double bound, double gap) {
  Lattice lattice;
  lattice.bound = bound;
  for (double left = gap;;) {
    const std::int64_t unit = std::max<std::int64_t>(1, usage_unit(groups, dual, candidates, left));
    const bool same = unit == lattice.unit;
    lattice.gap = left;
    lattice.unit = unit;
    lattice.window.high = floor_div(window.high, unit);
    if (two_sided) {
      lattice.window.low = -floor_div(-window.low, unit);
      lattice.empty = lattice.window.low > lattice.window.high;
    }
    const double rounded_off =
        static_cast<double>(window.high - lattice.window.high * unit) * dual.multiplier;
    lattice.bound = std::max(lattice.bound, bound + rounded_off * (1.0 - kRounding));
    if (same || unit == 1 || !std::isfinite(gap)) return lattice;
    left = gap - (lattice.bound - bound);
    if (left <= 0.0) {
      lattice.empty = true;
      return lattice;
    }
  }
}

Core build_core(const Groups& groups, const Dual& dual, const Lattice& lattice, bool two_sided,
                const std::vector<Candidate>& candidates) {
  Core core;
  core.two_sided = two_sided;
  core.has_all = true;
  core.window = lattice.window;
  const double gap = lattice.gap;
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
  const double largest = magnitude + std::fabs(lattice.bound) + (std::isfinite(gap) ? gap : 0.0);
  // An even exponent, so that the scale has a square root.
  const int exponent = largest > 0.0 ? 60 - std::ilogb(largest) : 0;
  core.scale = std::ldexp(1.0, exponent >= 0 ? exponent / 2 : -((1 - exponent) / 2));

  core.options.reserve(raw.size());
  core.groups.reserve(ends.size());
  std::int64_t loss_unit = 0;
  begin = 0;
  for (std::size_t g = 0; g < ends.size(); ++g) {
    const std::size_t first = core.options.size();
    for (std::size_t o = begin; o < ends[g]; ++o) {
      core.options.push_back(
          CoreOption{raw[o].usage / lattice.unit,
                     static_cast<std::int64_t>(core.to_quanta(raw[o].loss)) +
                         static_cast<std::int64_t>(core.to_quanta(raw[o].loss_rest)),
                     core.to_quanta(raw[o].reduced_cost), raw[o].option, members[g]});
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

  core.bound = core.to_quanta(lattice.bound);
  core.noise = core.to_quanta(kRounding * (magnitude + std::fabs(lattice.bound)));
  core.quantization = magnitude > 0.0 ? 4.0 * static_cast<double>(core.groups.size()) + 2.0 : 0.0;
  return core;
}

}  // namespace mpsolve
