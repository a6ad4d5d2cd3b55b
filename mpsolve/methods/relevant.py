"""Which options can be in a layout that is feasible, and no worse than a known one."""

import math

import numpy as np
import numpy.typing as npt

from mpsolve.model.resource import Limits

__all__ = ["relevant_options"]


def relevant_options(
    loss: npt.NDArray[np.float64],
    usage: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    limits: Limits,
    known_loss: float,
) -> npt.NDArray[np.bool_]:
    """Rule out options by their own usage and loss.

    Large losses that no layout can have blur the small ones in float64 sums; without
    them, the same problem is proven to more digits.

    Parameters
    ----------
    loss : ndarray of float64, shape (num_options,)
    usage : ndarray of int64, shape (num_options,)
    offsets : ndarray of int64, shape (num_groups + 1,)
        Where each group's options begin.
    limits : (lower, upper)
    known_loss : float
        Loss of a feasible layout.

    Returns
    -------
    ndarray of bool, shape (num_options,)
        False only where every layout with the option breaks a limit, or has a loss
        above the known one by more than rounding.
    """
    lower, upper = limits
    starts, sizes = offsets[:-1], np.diff(offsets)
    is_relevant = np.ones(len(loss), dtype=bool)
    if upper is not None:
        smallest = np.minimum.reduceat(usage, starts)
        room = upper - sum(smallest.tolist())
        is_relevant &= usage - np.repeat(smallest, sizes) <= room
    if lower is not None:
        largest = np.maximum.reduceat(usage, starts)
        room = sum(largest.tolist()) - lower
        is_relevant &= np.repeat(largest, sizes) - usage <= room
    least = np.minimum.reduceat(np.where(is_relevant, loss, np.inf), starts)
    more = known_loss - math.fsum(least.tolist())
    # Rounding may only keep options, so it is generous.
    rounding = 1e-12 * float(np.abs(least).sum())
    is_relevant &= loss - np.repeat(least, sizes) <= more * (1 + 1e-9) + rounding
    return is_relevant
