"""Multipliers of an inventory's counts, by ascent over one at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["ascend"]

Floats = npt.NDArray[np.float64]

#: Sweeps over the precisions; more would only polish what exact paths mend anyway.
MOST_SWEEPS = 30


def ascend(losses: Floats, lower: Sequence[int], upper: Sequence[int]) -> Floats:
    """Return multipliers whose cheapest layout almost keeps the counts.

    Each step sets one multiplier to where its precision is the cheapest for as many
    layers as its bounds allow, and the concave dual function is largest along it.

    Parameters
    ----------
    losses : ndarray of float64, shape (n, P)
        Infinite where a layer lacks a precision.
    lower, upper : sequence of int, length P
        Bounds on the number of layers of each precision.

    Returns
    -------
    ndarray of float64, shape (P,)
        Finite; a precision's multiplier is subtracted from its losses.

    Examples
    --------
    Both layers prefer the first precision, which only one may have.

    >>> ascend(np.array([[0.0, 1.0], [0.0, 3.0]]), [0, 0], [1, 2])
    array([-2.,  0.])
    """
    num_layers, num_precisions = losses.shape
    multipliers = np.zeros(num_precisions)
    if num_layers == 0 or num_precisions == 1:
        return multipliers
    # One row a precision: few long minima instead of many short ones.
    rows = np.ascontiguousarray(losses.T)
    lacks = np.isposinf(rows)
    reduced = rows.copy()
    for _ in range(MOST_SWEEPS):
        before = multipliers.copy()
        for k in range(num_precisions):
            reduced[k] = np.inf
            rival = reduced.min(axis=0)
            # A layer prefers k once its multiplier is above this.
            with np.errstate(invalid="ignore"):
                thresholds = rows[k] - rival
            # Layers without k never do; layers without a rival always do.
            thresholds[np.isnan(thresholds) | lacks[k]] = np.inf
            multipliers[k] = _best(thresholds, lower[k], upper[k])
            reduced[k] = rows[k] - multipliers[k]
        if np.array_equal(before, multipliers):
            break
    return multipliers


def _best(thresholds: Floats, lower: int, upper: int) -> float:
    """Return where the number of thresholds below is within bounds, nearest to 0."""
    count = int((thresholds < 0).sum())
    if lower <= count <= upper:
        return 0.0
    wanted = upper if count > upper else lower
    near = [j for j in (wanted - 1, wanted) if 0 <= j < len(thresholds)]
    if not near:
        return 0.0
    finite = [
        x for x in np.partition(thresholds, near)[near].tolist() if np.isfinite(x)
    ]
    if not finite:
        return 0.0
    # Between two thresholds, or at the outermost one.
    return float(0.5 * (finite[0] + finite[-1]))
