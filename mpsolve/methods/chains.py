"""Couplings that join groups along chains, and the steps of a walk along them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mpsolve.methods.proof import as_integers
from mpsolve.model.merge import Merged
from mpsolve.model.pairs import Pairs

__all__ = ["Step", "in_integers", "nonnegative", "path_order", "steps_along"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """One group on a walk along the chains.

    Attributes
    ----------
    loss : ndarray of float64 or Python integers, shape (options,)
    table : ndarray of the same, shape (options of the group before, options)
        Coupling with the group before; all 0 at the start of a chain.
    codes : list of int
        Precision of every option.
    size : int
        Number of layers in the group.
    """

    loss: npt.NDArray[Any]
    table: npt.NDArray[Any]
    codes: list[int]
    size: int


def path_order(num_groups: int, pairs: Pairs) -> list[int] | None:
    """Return the groups chain after chain, or None where couplings form no chains.

    Parameters
    ----------
    num_groups : int
    pairs : Pairs

    Returns
    -------
    list of int or None
        Groups next to each other in a chain are so here; a group without couplings is
        a chain by itself.
    """
    neighbours = pairs.neighbours(num_groups)
    if any(len(near) > 2 for near in neighbours):
        return None
    order: list[int] = []
    is_seen = [False] * num_groups
    for start in range(num_groups):
        if is_seen[start] or len(neighbours[start]) > 1:
            continue
        group: int | None = start
        while group is not None:
            is_seen[group] = True
            order.append(group)
            group = next((v for v in neighbours[group] if not is_seen[v]), None)
    return order if all(is_seen) else None  # what is not seen lies on a ring


def steps_along(merged: Merged, pairs: Pairs, order: list[int]) -> list[Step]:
    """Return the steps of a walk along the chains.

    Parameters
    ----------
    merged : Merged
    pairs : Pairs
    order : list of int
        From :func:`path_order`.

    Returns
    -------
    list of Step
        Whose losses and tables add up to a layout's loss.
    """
    steps: list[Step] = []
    size_before, before = 1, -1
    codes, sizes = merged.codes.tolist(), merged.sizes.tolist()
    offsets = merged.offsets.tolist()
    for group in order:
        first, last = offsets[group], offsets[group + 1]
        table = _between(pairs, before, group)
        if table is None:
            table = np.zeros((size_before, last - first))
        loss = pairs.loss[first:last]
        steps.append(Step(loss, table, codes[first:last], sizes[group]))
        size_before, before = last - first, group
    return steps


def nonnegative(steps: list[Step]) -> tuple[float, list[Step]]:
    """Return the same steps, each loss and table shifted to have the least value 0.

    Parameters
    ----------
    steps : list of Step

    Returns
    -------
    shift : float
        The sum of what was subtracted; infinite where some loss or table has no finite
        entry, so that no layout is left.
    steps : list of Step
    """
    lowest = [(float(step.loss.min()), float(step.table.min())) for step in steps]
    shift = math.fsum(value for pair in lowest for value in pair)
    if math.isinf(shift):
        return shift, steps
    shifted = [
        replace(step, loss=step.loss - loss, table=step.table - table)
        for step, (loss, table) in zip(steps, lowest, strict=True)
    ]
    return shift, shifted


def in_integers(steps: list[Step]) -> tuple[list[Step], int, int]:
    """Return the same steps in exact integers.

    Parameters
    ----------
    steps : list of Step

    Returns
    -------
    steps : list of Step
        Arrays of Python integers, of the unit ``2**exponent``.
    exponent : int
    forbidden : int
        Stands for infinity; no permitted layout's loss, of either sign, reaches it.
    """
    parts = [part.reshape(-1) for step in steps for part in (step.loss, step.table)]
    values = np.concatenate(parts)
    is_finite = np.isfinite(values)
    integers, exponent = as_integers(np.where(is_finite, values, 0.0))
    most = int(np.abs(integers).sum())
    integers[~is_finite] = 2 * most + 1
    exact, first = [], 0
    for step in steps:
        middle = first + step.loss.size
        last = middle + step.table.size
        table = integers[middle:last].reshape(step.table.shape)
        exact.append(replace(step, loss=integers[first:middle], table=table))
        first = last
    return exact, exponent, most + 1


def _between(pairs: Pairs, before: int, group: int) -> Floats | None:
    if before < group:
        return pairs.tables.get((before, group))
    table = pairs.tables.get((group, before))
    return None if table is None else table.T
