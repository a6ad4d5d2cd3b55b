#include "matrix.hpp"

#include <cmath>

namespace mpsolve::dense {

bool factorise(Matrix& matrix) {
  const std::size_t n = matrix.size();
  for (std::size_t k = 0; k < n; ++k) {
    double* const pivot = matrix.row(k);
    if (!(pivot[k] > 0.0)) return false;
    const double root = std::sqrt(pivot[k]);
    for (std::size_t j = k; j < n; ++j) pivot[j] /= root;
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = pivot[i];
      if (factor == 0.0) continue;
      double* const row = matrix.row(i);
      for (std::size_t j = i; j < n; ++j) row[j] -= factor * pivot[j];
    }
  }
  return true;
}

void invert(const Matrix& factor, Matrix& inverse) {
  const std::size_t n = factor.size();
  // Rows of the inverse of U', which is lower triangular.
  Matrix lower(n);
  for (std::size_t i = 0; i < n; ++i) lower.row(i)[i] = 1.0;
  for (std::size_t k = 0; k < n; ++k) {
    double* const row = lower.row(k);
    const double* const pivot = factor.row(k);
    for (std::size_t j = 0; j <= k; ++j) row[j] /= pivot[k];
    for (std::size_t i = k + 1; i < n; ++i) {
      const double value = pivot[i];
      if (value == 0.0) continue;
      double* const target = lower.row(i);
      for (std::size_t j = 0; j <= k; ++j) target[j] -= value * row[j];
    }
  }
  inverse.reset(n);
  for (std::size_t k = 0; k < n; ++k) {
    const double* const row = lower.row(k);
    for (std::size_t i = 0; i <= k; ++i) {
      const double value = row[i];
      double* const target = inverse.row(i);
      for (std::size_t j = 0; j <= i; ++j) target[j] += value * row[j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) inverse.row(j)[i] = inverse.row(i)[j];
  }
}

void solve_factored(const Matrix& factor, std::vector<double>& x) {
  const std::size_t n = factor.size();
  for (std::size_t k = 0; k < n; ++k) {
    const double* const pivot = factor.row(k);
    x[k] /= pivot[k];
    for (std::size_t i = k + 1; i < n; ++i) x[i] -= pivot[i] * x[k];
  }
  for (std::size_t k = n; k-- > 0;) {
    const double* const pivot = factor.row(k);
    double sum = x[k];
    for (std::size_t i = k + 1; i < n; ++i) sum -= pivot[i] * x[i];
    x[k] = sum / pivot[k];
  }
}

}  // namespace mpsolve::dense
