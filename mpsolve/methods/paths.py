"""The engine for several budgets, inventories and couplings of small width."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mpsolve._engine import PATHS_MEMORY, PathsOutcome, paths_width, solve_paths
from mpsolve.errors import UnsupportedProblemError
from mpsolve.methods.engine_options import (
    PARAMETERS,
    engine_options,
    within_int64,
)
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.model.resource import Limits
from mpsolve.result import Limit, Reason

__all__ = ["Paths"]


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
        interrupts=True,
        parameters=PARAMETERS,
    )

    def why_not(self, merged: Merged) -> str:
        """Say why couplings are too wide; see :class:`mpsolve.methods.SpecialCase`."""
        if not merged.problem.couplings:
            return ""
        pairs = np.array(list(merged.pairs.tables), dtype=np.int32).reshape(-1, 2)
        # Along chains and rings hardly anything is joined.
        if np.bincount(pairs.ravel(), minlength=1).max() <= 2:
            return ""
        num_bytes, width = paths_width(merged.offsets, pairs)
        if num_bytes <= PATHS_MEMORY:
            return ""
        return (
            f"couplings that join {width} groups at a time, which needs "
            f"{num_bytes / 2**20:.3g} MiB"
        )

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        rows = [
            Row(name, merged.usage[name], limits)
            for name, limits in merged.limits.items()
        ]
        num_budgets = len(rows)
        rows += _counting_rows(merged)
        pairs = merged.pairs
        try:
            outcome = solve_paths(
                pairs.loss,
                merged.offsets,
                [row.usage for row in rows],
                [within_int64(row.limits[0]) for row in rows],
                [within_int64(row.limits[1]) for row in rows],
                np.array(list(pairs.tables), dtype=np.int32).reshape(-1, 2),
                [np.ascontiguousarray(table) for table in pairs.tables.values()],
                **engine_options(parameters),
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
