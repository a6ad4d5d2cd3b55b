// Sums of float64 losses that do not lose what small layers contribute.
#pragma once

#include <cmath>

namespace mpsolve {

// x + y = sum + error, exactly (Knuth's TwoSum; no branch, no assumption on the magnitudes).
struct TwoSum {
  double sum;
  double error;
};

inline TwoSum two_sum(double x, double y) {
  const double sum = x + y;
  const double part = sum - x;
  return {sum, (x - (sum - part)) + (y - part)};
}

// A running sum with about twice the precision of float64.
class CompensatedSum {
 public:
  void add(double value) {
    const TwoSum step = two_sum(high_, value);
    high_ = step.sum;
    low_ += step.error;
  }
  double value() const { return high_ + low_; }
  // What value() rounded away.
  double rest() const { return high_ - (high_ + low_) + low_; }

 private:
  double high_ = 0.0;
  double low_ = 0.0;
};

}  // namespace mpsolve
