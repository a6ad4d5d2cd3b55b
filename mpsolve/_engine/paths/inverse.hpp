// The inverse of a small matrix.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace mpsolve::paths {

// Inverts a square matrix, stored by rows, by Gauss-Jordan with row pivoting; the matrix is used
// up. False: a pivot is not above `least`.
inline bool invert(std::vector<double>& matrix, std::vector<double>& inverse, std::size_t size,
                   double least) {
  inverse.assign(size * size, 0.0);
  for (std::size_t c = 0; c < size; ++c) inverse[c * size + c] = 1.0;
  for (std::size_t c = 0; c < size; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < size; ++r) {
      if (std::fabs(matrix[r * size + c]) > std::fabs(matrix[pivot * size + c])) pivot = r;
    }
    if (!(std::fabs(matrix[pivot * size + c]) > least)) return false;
    for (std::size_t k = 0; k < size; ++k) {
      std::swap(matrix[c * size + k], matrix[pivot * size + k]);
      std::swap(inverse[c * size + k], inverse[pivot * size + k]);
    }
    const double scale = 1.0 / matrix[c * size + c];
    for (std::size_t k = 0; k < size; ++k) {
      matrix[c * size + k] *= scale;
      inverse[c * size + k] *= scale;
    }
    for (std::size_t r = 0; r < size; ++r) {
      const double factor = matrix[r * size + c];
      if (r == c || factor == 0.0) continue;
      for (std::size_t k = 0; k < size; ++k) {
        matrix[r * size + k] -= factor * matrix[c * size + k];
        inverse[r * size + k] -= factor * inverse[c * size + k];
      }
    }
  }
  return true;
}

}  // namespace mpsolve::paths
