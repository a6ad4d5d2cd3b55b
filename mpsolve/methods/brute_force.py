"""Every layout, one after the other: the oracle of the tests."""

from __future__ import annotations

import math
import time

import numpy as np

from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.result import Limit, Reason

__all__ = ["BruteForce"]

MOST_LAYOUTS = 10_000_000

#: Layouts evaluated at a time.
CHUNK = 1 << 16


class BruteForce:
    """Enumerates every layout; refuses above ten million of them."""

    name = "brute_force"
    summary = "every layout, one by one: the oracle, up to 10^7 layouts"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        couplings=True,
        most_layouts=MOST_LAYOUTS,
        parameters=frozenset({"time_limit", "hint"}),
    )

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        limit_s = math.inf if parameters.time_limit is None else parameters.time_limit
        deadline = time.perf_counter() + limit_s
        sizes = np.diff(merged.offsets)
        num_layouts = math.prod(sizes.tolist())
        best, best_layout = math.inf, -1
        limit = None
        # Mixed-radix digits of a layout's number are its choices.
        strides = np.concatenate([np.cumprod(sizes[::-1])[::-1][1:], [1]]).astype(int)
        strides = strides[: len(sizes)]
        for first in range(0, num_layouts, CHUNK):
            if time.perf_counter() > deadline:
                limit = Limit.TIME
                break
            numbers = np.arange(first, min(first + CHUNK, num_layouts))
            choices = numbers[:, None] // strides % sizes
            losses = _losses(merged, choices)
            losses[~_is_feasible(merged, choices)] = math.inf
            least = int(losses.argmin())
            if losses[least] < best:
                best, best_layout = float(losses[least]), int(numbers[least])
        counters = {"layouts": float(num_layouts)}
        if best_layout < 0:
            reason = Reason.INFEASIBLE if limit is None else Reason.NO_SOLUTION_FOUND
            return Answer(reason, limit=limit, counters=counters)
        return Answer(
            Reason.OPTIMAL if limit is None else Reason.FEASIBLE,
            choices=best_layout // strides % sizes,
            bound=best if limit is None else -math.inf,
            limit=limit,
            counters=counters,
        )


def _losses(merged: Merged, choices: np.ndarray) -> np.ndarray:
    """Return the loss of every row of choices."""
    flat = merged.offsets[:-1] + choices
    losses: np.ndarray = merged.loss[flat].sum(axis=1)
    if not merged.problem.couplings:
        return losses
    layers = merged.problem.layers
    expanded = np.array([merged.expand(row) for row in choices])
    for coupling in merged.problem.couplings:
        first = expanded[:, layers.index(coupling.first)]
        second = expanded[:, layers.index(coupling.second)]
        losses = losses + coupling.table[first, second]
    return losses


def _is_feasible(merged: Merged, choices: np.ndarray) -> np.ndarray:
    """Return which rows of choices keep the budgets and the inventory."""
    flat = merged.offsets[:-1] + choices
    is_feasible = np.ones(len(choices), dtype=bool)
    for name, (lower, upper) in merged.limits.items():
        totals = merged.usage[name][flat].sum(axis=1)
        if lower is not None:
            is_feasible &= totals >= lower
        if upper is not None:
            is_feasible &= totals <= upper
    inventory = merged.problem.inventory
    if inventory is not None:
        for name, count in inventory.counts.items():
            is_precision = merged.codes[flat] == merged.problem.precisions.index(name)
            counts = (is_precision * merged.sizes).sum(axis=1)
            is_feasible &= counts == count if inventory.exact else counts <= count
    return is_feasible
