"""The engine for several budgets, inventories and couplings of small width."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mpsolve._engine import PathsOutcome, solve_paths
from mpsolve.errors import UnsupportedProblemError
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.model.merged_couplings import merge_couplings
from mpsolve.model.resource import Limits
from mpsolve.result import Limit, Reason

__all__ = ["Paths"]

LARGEST_SIDE = 2**62


class Row(NamedTuple):
    """A budget, or the part of an inventory that counts one precision."""

    name: str
    usage: npt.NDArray[np.int64]
    limits: Limits


class Paths:
    """The compiled engine for any number of budgets, inventories and couplings.

    Groups are decided one after the other, in an order that keeps few decided groups
    coupled with undecided ones. Multipliers of the budgets give a Lagrangian bound by
    dynamic programming over that order; labels along it, pruned by such bounds and by
    dominance, close the gap [1]_.

    References
    ----------
    .. [1] S. Irnich, G. Desaulniers, "Shortest path problems with resource
       constraints", in: Column Generation, Springer (2005) 33-65.
    """

    name = "paths"
    summary = "the engine for several budgets, inventories and couplings of small width"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        couplings=True,
        parameters=frozenset(
            {"time_limit", "memory_limit", "node_limit", "hint", "progress"}
        ),
    )

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        rows = [
            Row(name, merged.usage[name], limits)
            for name, limits in merged.limits.items()
        ]
        num_budgets = len(rows)
        rows += _counting_rows(merged)
        couplings = merge_couplings(merged)
        loss = merged.loss
        if couplings.unary.any():
            loss = loss + couplings.unary
        try:
            outcome = solve_paths(
                loss,
                merged.offsets,
                [row.usage for row in rows],
                [_side(row.limits[0]) for row in rows],
                [_side(row.limits[1]) for row in rows],
                couplings.pairs,
                couplings.tables,
                abs_gap=parameters.abs_gap,
                rel_gap=parameters.rel_gap,
                **_options(parameters),
            )
        except ValueError as error:
            msg = f"the method 'paths' cannot solve this problem: {error}"
            raise UnsupportedProblemError(msg) from error
        names = [row.name for row in rows[:num_budgets]]
        return Answer(
            reason=Reason(outcome.reason),
            choices=outcome.choices,
            loss=None if outcome.choices is None else outcome.loss,
            bound=outcome.bound,
            limit=None if outcome.limit is None else Limit(outcome.limit),
            multipliers=dict(zip(names, outcome.multipliers, strict=False)),
            counters=_counters(outcome),
        )


def _counting_rows(merged: Merged) -> list[Row]:
    """Return an inventory as budgets on resources that count."""
    inventory = merged.problem.inventory
    if inventory is None:
        return []
    sizes = np.repeat(merged.sizes, np.diff(merged.offsets))
    rows = []
    for name, count in inventory.counts.items():
        is_precision = merged.codes == merged.problem.precisions.index(name)
        limits = (count if inventory.exact else None, count)
        rows.append(Row(name, np.where(is_precision, sizes, 0), limits))
    # Where every layer is counted, the counts but one say it all.
    counted = sum(row.usage for row in rows)
    total = sum(inventory.counts.values())
    if inventory.exact and rows and np.array_equal(counted, sizes):
        if total != merged.problem.num_groups:
            return [Row("", np.zeros_like(sizes), (1, None))]
        rows.pop()
    return rows


def _side(side: int | None) -> int | None:
    """Clip a side of a budget to what totals can reach."""
    return None if side is None else max(-LARGEST_SIDE, min(side, LARGEST_SIDE))


def _options(parameters: Parameters) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if parameters.time_limit is not None:
        options["time_limit"] = parameters.time_limit
    if parameters.memory_limit is not None:
        options["memory_limit"] = parameters.memory_limit
    if parameters.node_limit is not None:
        options["label_limit"] = parameters.node_limit
    if parameters.hint is not None:
        options["hint"] = parameters.hint.astype(np.int32)
    if parameters.progress is not None:
        progress = parameters.progress
        options["progress"] = lambda loss, bound, labels: progress(
            None if math.isnan(loss) else loss, bound, labels
        )
    return options


def _counters(outcome: PathsOutcome) -> dict[str, float]:
    return {
        "labels": outcome.num_labels,
        "longest_list": outcome.max_list,
        "splits": outcome.num_splits,
        "dual_evaluations": outcome.num_evaluations,
        "rounds": outcome.num_rounds,
        "width": outcome.width,
        "core_groups": outcome.num_core_groups,
        "core_options": outcome.num_core_options,
        "seconds_dual": outcome.seconds_dual,
    }
