#include "bracket.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "select.hpp"

namespace mpsolve {
namespace {

constexpr std::int64_t kTotalUpTo = 200000;  // above, the sample is large enough by itself

double mean_usage(const Groups& groups, std::int64_t group) {
  double sum = 0.0;
  const std::int64_t begin = groups.begin(group);
  const std::int64_t size = groups.size(group);
  for (std::int64_t j = 0; j < size; ++j) sum += static_cast<double>(groups.weight(begin + j));
  return sum / static_cast<double>(size);
}

std::vector<std::int32_t> draw_sample(std::int64_t n) {
  // A sample of m costs m hulls and leaves about n / sqrt(m) of them inside the bracket.
  const auto wanted = static_cast<std::int64_t>(std::pow(static_cast<double>(n), 2.0 / 3.0));
  const std::int64_t stride = std::max<std::int64_t>(1, n / wanted);
  std::vector<std::int32_t> sample;
  Scatter scatter;
  for (std::int64_t first = 0; first + stride <= n; first += stride) {
    // A step inside each stride, or a period of the network would be sampled at one phase only.
    const auto step = static_cast<std::int64_t>(scatter.below(static_cast<std::size_t>(stride)));
    sample.push_back(static_cast<std::int32_t>(first + step));
  }
  return sample;
}

}  // namespace

Bracket guess_bracket(const Groups& groups, std::int64_t upper, HullWalker& walker) {
  const std::int64_t n = groups.num_groups;
  const std::vector<std::int32_t> sample = draw_sample(n);
  const auto count = static_cast<double>(sample.size());
  std::vector<Edge> edges;
  std::vector<double> usage(sample.size());
  std::vector<double> mean(sample.size());
  double total = 0.0;
  double sampled_mean = 0.0;
  for (std::size_t s = 0; s < sample.size(); ++s) {
    std::int32_t lightest = 0;
    const std::int64_t group = sample[s];
    const std::int64_t begin = groups.begin(group);
    for (std::int32_t j = 1; j < groups.size(group); ++j) {
      const std::int64_t more = groups.weight(begin + j) - groups.weight(begin + lightest);
      if (more < 0 || (more == 0 && groups.loss[begin + j] < groups.loss[begin + lightest])) {
        lightest = j;
      }
    }
    const std::size_t before = edges.size();
    walker.walk(groups, group, lightest, -1, edges);
    for (std::size_t e = before; e < edges.size(); ++e) {
      edges[e].group = static_cast<std::int32_t>(s);
    }
    usage[s] = static_cast<double>(groups.weight(begin + lightest));
    total += usage[s];
    mean[s] = mean_usage(groups, group);
    sampled_mean += mean[s] / count;
  }
  double target = static_cast<double>(upper) * (count / static_cast<double>(n));
  const auto room = [total](double wanted) {
    return static_cast<std::int64_t>(std::clamp(wanted - total, -0x1p62, 0x1p62));
  };
  const std::size_t middle = select_break(edges, 0, edges.size(), room(target));
  double filled = total;
  for (std::size_t e = 0; e < middle; ++e) {
    const auto more = static_cast<double>(edges[e].usage);
    filled += more;
    usage[static_cast<std::size_t>(edges[e].group)] += more;
  }
  double factor = 0.0;
  if (n <= kTotalUpTo) {
    double covariance = 0.0;
    double variance = 0.0;
    for (std::size_t s = 0; s < sample.size(); ++s) {
      covariance += (usage[s] - filled / count) * (mean[s] - sampled_mean);
      variance += (mean[s] - sampled_mean) * (mean[s] - sampled_mean);
    }
    double all = 0.0;
    for (std::int64_t i = 0; i < n; ++i) all += mean_usage(groups, i);
    factor = variance > 0.0 ? covariance / variance : 0.0;
    target += factor * (sampled_mean - all / static_cast<double>(n)) * count;
  }
  // The spread that is left gives the error of the estimate.
  double squares = 0.0;
  for (std::size_t s = 0; s < sample.size(); ++s) {
    const double off = usage[s] - filled / count - factor * (mean[s] - sampled_mean);
    squares += off * off;
  }
  const double band = 3.5 * std::sqrt(squares);
  Bracket bracket;
  if (room(target - band) >= 0) {
    const std::size_t at = select_break(edges, 0, edges.size(), room(target - band));
    bracket.hi = at < edges.size() ? edges[at].slope : 0.0;
  }
  const std::size_t at = select_break(edges, 0, edges.size(), room(target + band));
  bracket.lo = at < edges.size() ? edges[at].slope : 0.0;
  // The sample's own edges lie at the ends: step over them.
  bracket.lo *= 1.0 - 1e-9;
  bracket.hi *= 1.0 + 1e-9;
  return bracket;
}

}  // namespace mpsolve
