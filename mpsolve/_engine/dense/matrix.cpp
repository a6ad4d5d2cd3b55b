#include "matrix.hpp"

#include <algorithm>
#include <cmath>

namespace mpsolve::dense {
namespace {

constexpr std::size_t kPanel = 4;  // rows that are subtracted at a time

// Four rows and a factor for each, which other rows take off at once.
struct Panel {
  const double* row[kPanel];

  void subtract(const double* factor, double* target, std::size_t from, std::size_t to) const {
    const double a = factor[0];
    const double b = factor[1];
    const double c = factor[2];
    const double d = factor[3];
    const double* const p = row[0];
    const double* const q = row[1];
    const double* const r = row[2];
    const double* const s = row[3];
    for (std::size_t j = from; j < to; ++j) {
      target[j] -= (a * p[j] + b * q[j]) + (c * r[j] + d * s[j]);
    }
  }
};

void subtract(double factor, const double* row, double* target, std::size_t from, std::size_t to) {
  for (std::size_t j = from; j < to; ++j) target[j] -= factor * row[j];
}

}  // namespace

bool factorise(Matrix& matrix) {
  const std::size_t n = matrix.size();
  for (std::size_t first = 0; first < n; first += kPanel) {
    const std::size_t last = std::min(first + kPanel, n);
    for (std::size_t k = first; k < last; ++k) {
      double* const pivot = matrix.row(k);
      for (std::size_t i = first; i < k; ++i) {
        subtract(matrix.row(i)[k], matrix.row(i), pivot, k, n);
      }
      if (!(pivot[k] > 0.0)) return false;
      const double root = std::sqrt(pivot[k]);
      for (std::size_t j = k; j < n; ++j) pivot[j] /= root;
    }
    if (last == n) return true;
    const Panel panel{
        {matrix.row(first), matrix.row(first + 1), matrix.row(first + 2), matrix.row(first + 3)}};
    for (std::size_t i = last; i < n; ++i) {
      const double factor[kPanel] = {panel.row[0][i], panel.row[1][i], panel.row[2][i],
                                     panel.row[3][i]};
      panel.subtract(factor, matrix.row(i), i, n);
    }
  }
  return true;
}

void invert(const Matrix& factor, Matrix& inverse) {
  const std::size_t n = factor.size();
  // Rows of the inverse of U', which is lower triangular.
  Matrix lower(n);
  for (std::size_t i = 0; i < n; ++i) lower.row(i)[i] = 1.0;
  inverse.reset(n);
  for (std::size_t first = 0; first < n; first += kPanel) {
    const std::size_t last = std::min(first + kPanel, n);
    for (std::size_t k = first; k < last; ++k) {
      double* const row = lower.row(k);
      for (std::size_t i = first; i < k; ++i) {
        subtract(factor.row(i)[k], lower.row(i), row, 0, i + 1);
      }
      const double pivot = factor.row(k)[k];
      for (std::size_t j = 0; j <= k; ++j) row[j] /= pivot;
    }
    // A last panel that is not full is filled up with the last row, times 0.
    Panel panel{};
    for (std::size_t k = 0; k < kPanel; ++k) panel.row[k] = lower.row(std::min(first + k, n - 1));
    double weight[kPanel];
    for (std::size_t i = last; i < n; ++i) {
      for (std::size_t k = 0; k < kPanel; ++k) weight[k] = factor.row(first + k)[i];
      panel.subtract(weight, lower.row(i), 0, last);
    }
    // The inverse is the sum of the rows' outer products.
    for (std::size_t i = 0; i < last; ++i) {
      for (std::size_t k = 0; k < kPanel; ++k) {
        weight[k] = first + k < n ? -panel.row[k][i] : 0.0;
      }
      panel.subtract(weight, inverse.row(i), 0, i + 1);
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
