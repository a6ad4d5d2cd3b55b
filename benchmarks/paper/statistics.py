"""Means, intervals and tests, from pairs that share everything but the layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Mean", "bootstrap", "holm", "mean", "weighted_mean"]

#: Quantiles of Student's t at 0.975, by degrees of freedom; 1.96 far beyond.
T975 = {
    1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306,
    9: 2.262, 10: 2.228, 12: 2.179, 14: 2.145, 16: 2.120, 19: 2.093, 24: 2.064,
    29: 2.045, 39: 2.023, 59: 2.001, 99: 1.984, 199: 1.972,
}  # fmt: skip


@dataclass(frozen=True)
class Mean:
    """A mean with half the width of its 95 % confidence interval."""

    value: float
    half: float

    @property
    def low(self) -> float:
        return self.value - self.half

    @property
    def high(self) -> float:
        return self.value + self.half

    @property
    def has_sign(self) -> bool:
        """Whether 0 is outside of the interval."""
        return abs(self.value) > self.half


def mean(values: npt.ArrayLike) -> Mean:
    """Return the mean and Student's interval of independent values."""
    x = np.asarray(values, np.float64)
    if len(x) < 2:
        return Mean(float(x.mean()), float("inf"))
    degrees = len(x) - 1
    known = max((d for d in T975 if d <= degrees), default=1)
    quantile = 1.96 if degrees > 200 else T975[known]
    return Mean(float(x.mean()), float(quantile * x.std(ddof=1) / np.sqrt(len(x))))


def weighted_mean(values: npt.ArrayLike, weights: npt.ArrayLike) -> Mean:
    """Return a weighted mean over many samples and its normal interval.

    The standard error is that of a ratio of sums, by linearisation: what the bootstrap
    finds, without its draws.
    """
    x, w = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    center = float(np.average(x, weights=w))
    error = np.sqrt((w**2 * (x - center) ** 2).sum() * len(x) / (len(x) - 1)) / w.sum()
    return Mean(center, float(1.96 * error))


def bootstrap(
    values: npt.ArrayLike, weights: npt.ArrayLike, *, draws: int = 2000, seed: int = 0
) -> Mean:
    """Return a weighted mean over samples and its percentile interval's half width."""
    x, w = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    rng = np.random.default_rng(seed)
    rows = rng.integers(len(x), size=(draws, len(x)))
    means = (x[rows] * w[rows]).sum(1) / w[rows].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Mean(float(np.average(x, weights=w)), float(high - low) / 2)


def holm(values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number, by Holm's procedure.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(values)), key=lambda i: values[i])
    adjusted = [1.0] * len(values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[i]))
        adjusted[i] = largest
    return adjusted
