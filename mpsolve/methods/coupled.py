"""What the engines for couplings are told, and how their outcomes become answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mpsolve._engine import DenseOutcome, PathsOutcome
from mpsolve.errors import UnsupportedProblemError
from mpsolve.methods.engine_options import engine_options, within_int64
from mpsolve.methods.protocol import Answer, Parameters
from mpsolve.model.merge import Merged
from mpsolve.model.resource import Limits
from mpsolve.result import Limit, Reason

__all__ = ["Row", "budget_rows", "coupled_groups", "solve_coupled"]

Engine = Callable[..., DenseOutcome] | Callable[..., PathsOutcome]


class Row(NamedTuple):
    """A budget, or the part of an inventory that counts one precision."""

    name: str
    usage: npt.NDArray[np.int64]
    limits: Limits


def solve_coupled(
    merged: Merged,
    parameters: Parameters,
    method: str,
    engine: Engine,
    counters: Mapping[str, str],
) -> Answer:
    """Answer a merged problem by one of the engines for couplings.

    Parameters
    ----------
    merged : Merged
    parameters : Parameters
    method : str
        Name of the method, for errors.
    engine : callable
        ``solve_paths`` or ``solve_dense``.
    counters : mapping of str to str
        Attribute of the outcome for the name of each counter.

    Returns
    -------
    Answer

    Raises
    ------
    UnsupportedProblemError
        If the engine refuses the problem.
    """
    rows = budget_rows(merged)
    pairs = merged.pairs
    try:
        outcome = engine(
            pairs.loss,
            merged.offsets,
            [row.usage for row in rows],
            [within_int64(row.limits[0]) for row in rows],
            [within_int64(row.limits[1]) for row in rows],
            coupled_groups(merged),
            [np.ascontiguousarray(table) for table in pairs.tables.values()],
            **engine_options(parameters),
        )
    except ValueError as error:
        msg = f"the method {method!r} cannot solve this problem: {error}"
        raise UnsupportedProblemError(msg) from error
    return Answer(
        reason=Reason(outcome.reason),
        choices=outcome.choices,
        loss=None if outcome.choices is None else outcome.loss,
        bound=outcome.bound,
        limit=None if outcome.limit is None else Limit(outcome.limit),
        # Budgets come first; what an inventory counts has no multiplier of its own.
        multipliers=dict(zip(merged.limits, outcome.multipliers, strict=False)),
        counters={name: getattr(outcome, field) for name, field in counters.items()},
    )


def coupled_groups(merged: Merged) -> npt.NDArray[np.int32]:
    """Return the groups of every coupling, shape (couplings, 2)."""
    return np.array(list(merged.pairs.tables), dtype=np.int32).reshape(-1, 2)


def budget_rows(merged: Merged) -> list[Row]:
    """Return the budgets, and an inventory as budgets on resources that count."""
    rows = [
        Row(name, merged.usage[name], limits) for name, limits in merged.limits.items()
    ]
    return rows + _counting_rows(merged)


def _counting_rows(merged: Merged) -> list[Row]:
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
