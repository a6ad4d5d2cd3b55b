// Read-only view of the caller's arrays, and the shapes that the hot loops are compiled for.
#pragma once

#include <cstdint>

namespace mpsolve {

struct Groups {
  const double* loss = nullptr;
  const std::int64_t* usage = nullptr;
  const std::int64_t* offsets = nullptr;  // n + 1 entries, or null when all groups are equal
  std::int64_t num_groups = 0;
  std::int64_t num_options = 0;  // options per group when offsets is null
  std::int64_t mask = 0;         // -1 turns every usage around, so that a lower side becomes upper

  std::int64_t begin(std::int64_t group) const {
    return offsets != nullptr ? offsets[group] : group * num_options;
  }
  std::int64_t size(std::int64_t group) const {
    return offsets != nullptr ? offsets[group + 1] - offsets[group] : num_options;
  }
  std::int64_t total() const { return num_groups == 0 ? 0 : begin(num_groups); }
  // Without a branch: (u ^ 0) - 0 = u and (u ^ -1) - (-1) = -u.
  std::int64_t weight(std::int64_t at) const { return (usage[at] ^ mask) - mask; }
};

// Shapes: the same loop body is compiled once for each, so that the trip count of the small uniform
// cases is a constant.
template <int K>
struct ConstantShape {
  static constexpr std::int64_t begin(std::int64_t group) { return group * K; }
  static constexpr std::int64_t size(std::int64_t) { return K; }
};

struct UniformShape {
  std::int64_t num_options;
  std::int64_t begin(std::int64_t group) const { return group * num_options; }
  std::int64_t size(std::int64_t) const { return num_options; }
};

struct RaggedShape {
  const std::int64_t* offsets;
  std::int64_t begin(std::int64_t group) const { return offsets[group]; }
  std::int64_t size(std::int64_t group) const { return offsets[group + 1] - offsets[group]; }
};

template <class Function>
auto with_shape(const Groups& groups, Function&& function) {
  if (groups.offsets != nullptr) return function(RaggedShape{groups.offsets});
  switch (groups.num_options) {
    case 2:
      return function(ConstantShape<2>{});
    case 3:
      return function(ConstantShape<3>{});
    case 4:
      return function(ConstantShape<4>{});
    case 8:
      return function(ConstantShape<8>{});
    default:
      return function(UniformShape{groups.num_options});
  }
}

}  // namespace mpsolve
