"""HAWQ-v2's pick among layouts whose bits rise with the trace."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from benchmarks.paper.rounded import Choices

__all__ = ["ordered_pick"]

Floats = npt.NDArray[np.float64]


def ordered_pick(
    traces: Floats, omega: Floats, usage: npt.NDArray[np.int64], budget: int
) -> Choices | None:
    """Return the least trace-weighted error among layouts that follow the traces.

    A layer of larger mean trace never gets a lower precision: implementations
    enumerate these layouts alone, as there are few of them.

    Parameters
    ----------
    traces : ndarray, shape (decisions,)
        Mean eigenvalue of each decision's Hessian.
    omega, usage : ndarray, shape (decisions, precisions)
        Precisions from low to high.
    budget : int
    """
    num, width = omega.shape
    order = np.argsort(traces, kind="stable")
    rows = np.arange(num)
    best, least = None, np.inf
    for cuts in combinations_with_replacement(range(num + 1), width - 1):
        codes = np.zeros(num, dtype=np.int64)
        for cut in cuts:
            codes[cut:] += 1
        if usage[order[rows], codes].sum() > budget:
            continue
        total = omega[order[rows], codes].sum()
        if total < least:
            least = total
            chosen = np.empty(num, dtype=np.int64)
            chosen[order] = codes
            best = tuple(chosen.tolist())
    return best
