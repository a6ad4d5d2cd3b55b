"""What every peer is given: the arrays, put into the form that suits general solvers.

Their tolerances are absolute. Each gets an equal problem in numbers of the size that it
was made for; the time of all this is part of its time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.model.generate import Arrays

__all__ = [
    "Columns",
    "Floats",
    "Integers",
    "integer_losses",
    "is_integral",
    "make_columns",
    "scaled_losses",
    "scaled_usages",
    "undominated",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Where the middle of the losses goes: the optimum is then 1e3 … 1e6, so that 1e-9 of
#: it is far above what the solvers' tolerances hide.
TYPICAL_LOSS = 1000.0


@dataclass(frozen=True)
class Columns:
    """One binary variable per option, group after group.

    Attributes
    ----------
    loss : ndarray of float64, shape (num_columns,)
        Loss above the group's smallest.
    usage : ndarray of int64, shape (num_columns,)
        Usage above the group's smallest, divided by the greatest common divisor.
    group, option : ndarray of int64, shape (num_columns,)
        What a column stands for.
    offsets : ndarray of int64, shape (num_groups + 1,)
        Where each group's columns begin.
    budget : int
        What the usages may add up to; the division rounds it down, and loses nothing.
    least_loss : float
        Sum of the groups' smallest losses, to be added to a peer's bound.
    """

    loss: Floats
    usage: Integers
    group: Integers
    option: Integers
    offsets: Integers
    budget: int
    least_loss: float

    @property
    def num_groups(self) -> int:
        return len(self.offsets) - 1

    @property
    def num_columns(self) -> int:
        return len(self.loss)

    def choices(self, chosen: Integers) -> Integers | None:
        """Return the option of each group, or None where `chosen` is no layout."""
        if len(chosen) != self.num_groups:
            return None
        choices = np.full(self.num_groups, -1, dtype=np.int64)
        choices[self.group[chosen]] = self.option[chosen]
        return None if (choices < 0).any() else choices


def make_columns(arrays: Arrays, *, drop_dominated: bool) -> Columns:
    """Shift and scale a problem; every layout that can be optimal stays."""
    least_usage = arrays.usage.min(axis=1, keepdims=True)
    least_loss = arrays.loss.min(axis=1, keepdims=True)
    usage = arrays.usage - least_usage
    unit = max(int(np.gcd.reduce(usage, axis=None)), 1)
    keep = (
        undominated(arrays.loss, usage)
        if drop_dominated
        else np.ones(usage.shape, dtype=bool)
    )
    group, option = np.nonzero(keep)
    return Columns(
        loss=(arrays.loss - least_loss)[keep],
        usage=usage[keep] // unit,
        group=group,
        option=option,
        offsets=np.concatenate(([0], keep.sum(axis=1).cumsum())),
        budget=(arrays.budget - int(least_usage.sum())) // unit,
        least_loss=math.fsum(least_loss.ravel().tolist()),
    )


def undominated(loss: Floats, usage: Integers) -> npt.NDArray[np.bool_]:
    """Tell which options no other of their group beats or equals in loss and usage.

    Of equal options the first is undominated. Shapes (num_groups, num_options).
    """
    order = np.argsort(loss, axis=1, kind="stable")
    by_usage = np.argsort(np.take_along_axis(usage, order, 1), axis=1, kind="stable")
    order = np.take_along_axis(order, by_usage, 1)
    ordered = np.take_along_axis(loss, order, 1)
    is_kept = np.ones(loss.shape, dtype=bool)
    is_kept[:, 1:] = ordered[:, 1:] < np.minimum.accumulate(ordered, axis=1)[:, :-1]
    keep = np.empty_like(is_kept)
    np.put_along_axis(keep, order, is_kept, 1)
    return keep


def is_integral(columns: Columns) -> bool:
    """Tell whether all losses are integers of a size that solvers count exactly."""
    loss = columns.loss
    return bool(loss.max() <= 1e6) and np.array_equal(loss, np.rint(loss))


def scaled_losses(columns: Columns) -> tuple[Floats, float]:
    """Return losses for solvers that compare floats, and what they were multiplied by.

    Small integers stay, because solvers use that they are integers. Else the factor is
    a power of two, so that nothing is rounded.
    """
    loss = columns.loss
    positive = loss[loss > 0]
    if not len(positive):
        return loss, 1.0
    if is_integral(columns):
        return loss, 1.0
    scale = 2.0 ** round(math.log2(TYPICAL_LOSS / float(np.median(positive))))
    return loss * scale, scale


def scaled_usages(columns: Columns, largest: float) -> tuple[Floats, float]:
    """Return usages of at most `largest`, and the budget on the same scale.

    Small integers stay.
    """
    scale = min(1.0, largest / max(int(columns.usage.max()), 1))
    return columns.usage.astype(np.float64) * scale, columns.budget * scale


def integer_losses(columns: Columns, bits: int) -> tuple[Integers, float]:
    """Round losses to integers, finely: no layout's total exceeds ``2**bits``.

    Returns the integers, and the power of two that the losses were multiplied by.
    """
    largest = np.maximum.reduceat(columns.loss, columns.offsets[:-1]).sum()
    scale = 2.0 ** (bits - math.ceil(math.log2(largest))) if largest > 0 else 1.0
    if np.array_equal(columns.loss, np.rint(columns.loss)):
        scale = min(scale, 1.0)
    return np.rint(columns.loss * scale).astype(np.int64), scale
