"""Paired tests of a mean difference."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["sign_flip_p", "t_test_p"]

Floats = npt.NDArray[np.float64]


def t_test_p(differences: npt.ArrayLike) -> float:
    """Return the two-sided p value of a mean of 0, with the normal distribution.

    Student's t of 60 degrees of freedom and more is within a tenth of it, down to 1e-3.
    """
    x = np.asarray(differences, np.float64)
    spread = x.std(ddof=1)
    if spread == 0:
        return 1.0 if x.mean() == 0 else 0.0
    return math.erfc(abs(x.mean()) * math.sqrt(len(x)) / spread / math.sqrt(2))


def sign_flip_p(
    differences: npt.ArrayLike, *, draws: int = 10_000, seed: int = 0
) -> float:
    """Return the two-sided p value of a permutation test: signs of pairs are flipped.

    Never below ``1 / (draws + 1)``: the data as they are count as one draw.
    """
    x = np.asarray(differences, np.float32)
    # The same flips for all layouts of a network: drawing them is what takes time.
    sums = np.abs(_flips(draws, len(x), seed) @ x)
    reached = int((sums >= abs(np.float64(x.sum())) * (1 - 1e-5)).sum())
    return (1 + reached) / (1 + draws)


@lru_cache(maxsize=1)
def _flips(draws: int, size: int, seed: int) -> npt.NDArray[np.float32]:
    """Return signs, shape (draws, size)."""
    rng = np.random.default_rng(seed)
    signs = np.empty((draws, size), np.float32)
    for row in range(0, draws, 1000):
        part = signs[row : row + 1000]
        part[:] = rng.integers(0, 2, part.shape, dtype=np.int8)
    signs *= 2
    signs -= 1
    return signs
