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
        max_distinct=True,
        bottleneck=True,
        most_layouts=MOST_LAYOUTS,
        parameters=frozenset({"time_limit", "hint"}),
    )

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        limit_s = math.inf if parameters.time_limit is None else parameters.time_limit
        deadline = time.perf_counter() + limit_s
        sizes = np.diff(merged.offsets)
        num_layouts = math.prod(sizes.tolist())
        best, best_sum, best_layout = math.inf, math.inf, -1
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
            losses, sums = _losses(merged, choices)
            losses[~_is_feasible(merged, choices)] = math.inf
            least = int(np.lexsort((sums, losses))[0])
            found = float(losses[least]), float(sums[least])
            if found[0] < math.inf and found < (best, best_sum):
                (best, best_sum), best_layout = found, int(numbers[least])
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


def _losses(merged: Merged, choices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what every row of choices makes small, and the sum of its losses."""
    flat = merged.offsets[:-1] + choices
    sums: np.ndarray = merged.loss[flat].sum(axis=1)
    problem = merged.problem
    if problem.objective == "sum" and not problem.couplings:
        return sums, sums
    expanded = np.array([merged.expand(row) for row in choices])
    own = problem.loss[problem.offsets[:-1] + expanded]
    each = [-own if problem.maximize else own]
    for coupling in problem.couplings:
        first = expanded[:, problem.layers.index(coupling.first)]
        second = expanded[:, problem.layers.index(coupling.second)]
        between = coupling.table[first, second]
        sums = sums + between
        each.append(between[:, None])
    if problem.objective == "sum":
        return sums, sums
    return np.concatenate(each, axis=1).max(axis=1, initial=-math.inf), sums


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
    if merged.problem.max_distinct is not None:
        used = np.sort(merged.codes[flat], axis=1)
        num_distinct = 1 + (np.diff(used, axis=1) > 0).sum(axis=1)
        is_feasible &= num_distinct <= merged.problem.max_distinct
    return is_feasible
