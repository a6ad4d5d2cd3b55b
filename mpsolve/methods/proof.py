"""What the special cases share: exact integers, inventory bounds, honest answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from mpsolve.methods.protocol import Answer, Parameters
from mpsolve.model.merge import Merged
from mpsolve.model.pairs import Pairs
from mpsolve.result import ROUNDING, Limit, Reason

__all__ = [
    "allowed_gap",
    "answer",
    "as_integers",
    "evaluate",
    "inventory_bounds",
    "to_float",
]


def as_integers(
    values: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.object_], int]:
    """Write floats as Python integers of one common unit, without rounding.

    Parameters
    ----------
    values : ndarray of float64
        Finite.

    Returns
    -------
    integers : ndarray of object, the same shape
    exponent : int
        Such that ``values == integers * 2**exponent``.

    Examples
    --------
    >>> integers, exponent = as_integers(np.array([0.75, -2.0, 0.0]))
    >>> [to_float(i, exponent) for i in integers.tolist()]
    [0.75, -2.0, 0.0]
    """
    mantissas, exponents = np.frexp(values)
    integers = np.ldexp(mantissas, 53).astype(np.int64)
    is_nonzero = integers != 0
    lowest = int(exponents[is_nonzero].min()) if is_nonzero.any() else 53
    shifts = np.where(is_nonzero, exponents - lowest, 0)
    # Python integers have no largest value, so no shift can overflow.
    shifted = integers.astype(object) << shifts.astype(object)
    return np.asarray(shifted, dtype=object).reshape(values.shape), lowest - 53


def to_float(integer: int, exponent: int) -> float:
    """Return ``integer * 2**exponent``, rounded once."""
    power = 1 << abs(exponent)
    return float(
        Fraction(integer * power) if exponent >= 0 else Fraction(integer, power)
    )


def inventory_bounds(merged: Merged) -> tuple[list[int], list[int]]:
    """Return the least and the largest number of layers of each precision.

    Parameters
    ----------
    merged : Merged

    Returns
    -------
    lower, upper : list of int
        By the problem's precisions; 0 and all layers where nothing bounds one.
    """
    problem = merged.problem
    num_layers = problem.num_groups
    lower, upper = [], []
    inventory = problem.inventory
    for name in problem.precisions:
        count = None if inventory is None else inventory.counts.get(name)
        is_exact = inventory is not None and inventory.exact
        lower.append(count if count is not None and is_exact else 0)
        upper.append(num_layers if count is None else count)
    return lower, upper


def evaluate(
    merged: Merged, pairs: Pairs | None, choices: npt.NDArray[np.integer]
) -> tuple[float, float]:
    """Return the loss of a merged problem's choices, and the sum of absolute losses."""
    loss = merged.loss if pairs is None else pairs.loss
    terms: list[float] = loss[merged.offsets[:-1] + choices].tolist()
    if pairs is not None:
        terms += [
            float(t[choices[u], choices[v]]) for (u, v), t in pairs.tables.items()
        ]
    return math.fsum(terms), math.fsum(map(abs, terms))


def allowed_gap(loss: float, size: float, parameters: Parameters) -> float:
    """Return the gap that still counts as proven, well within what `solve` allows."""
    rounding = 0.5 * ROUNDING * size
    return max(parameters.abs_gap, parameters.rel_gap * abs(loss), rounding)


def answer(
    merged: Merged,
    pairs: Pairs | None,
    choices: npt.ArrayLike | Sequence[int],
    bound: float,
    parameters: Parameters,
    *,
    detail: str,
    counters: dict[str, float] | None = None,
) -> Answer:
    """Answer with a layout: OPTIMAL where the bound proves it, else FEASIBLE.

    Parameters
    ----------
    merged : Merged
    pairs : Pairs or None
        Its couplings, if any.
    choices : array_like of int, shape (merged.num_groups,)
    bound : float
        A valid dual bound.
    parameters : Parameters
    detail : str
        Why the method is right here.
    counters : dict, optional

    Returns
    -------
    Answer
    """
    chosen = np.asarray(choices, dtype=np.int64)
    loss, size = evaluate(merged, pairs, chosen)
    bound = min(bound, loss)
    is_proven = loss - bound <= allowed_gap(loss, size, parameters)
    return Answer(
        Reason.OPTIMAL if is_proven else Reason.FEASIBLE,
        choices=chosen,
        loss=loss,
        bound=bound,
        limit=None if is_proven else Limit.OTHER,
        detail=detail if is_proven else "rounding of the losses left a gap",
        counters=counters or {},
    )
