// Symmetric matrices of a few hundred rows: factors and inverses, in loops that vectorise without
// reordering sums, so that every machine computes the same numbers.
#pragma once

#include <cstddef>
#include <vector>

namespace mpsolve::dense {

class Matrix {
 public:
  Matrix() = default;
  explicit Matrix(std::size_t size) { reset(size); }
  void reset(std::size_t size) {
    size_ = size;
    values_.assign(size * size, 0.0);
  }
  std::size_t size() const { return size_; }
  double* row(std::size_t i) { return values_.data() + i * size_; }
  const double* row(std::size_t i) const { return values_.data() + i * size_; }

 private:
  std::size_t size_ = 0;
  std::vector<double> values_;
};

// Replaces the upper triangle of a symmetric matrix by U with U'U equal to it. False: it is not
// positive definite, as far as floats can tell.
bool factorise(Matrix& matrix);

// The inverse of U'U, both triangles.
void invert(const Matrix& factor, Matrix& inverse);

// Solves U'U x = b in place.
void solve_factored(const Matrix& factor, std::vector<double>& x);

}  // namespace mpsolve::dense
