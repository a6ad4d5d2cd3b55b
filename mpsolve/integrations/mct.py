"""Sony Model Compression Toolkit: its sensitivity, resources and solver step."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from mpsolve.errors import Fault, InvalidProblemError, NoLayoutError
from mpsolve.integrations.tables import proven, ragged_problem, unique_names
from mpsolve.integrations.versions import require_host
from mpsolve.model.problem import BudgetLike, Problem

__all__ = ["overwrite", "plugged_in", "problem"]


def problem(
    sensitivity: Mapping[Hashable, Sequence[float]],
    utilization: Mapping[Any, npt.ArrayLike],
    constraints: Mapping[Any, npt.ArrayLike],
) -> Problem:
    """Return the problem that MCT's integer program is about.

    Parameters
    ----------
    sensitivity : mapping of node to sequence of float
        ``layer_to_sensitivity_mapping``: of each candidate of each node. Candidates
        without a finite sensitivity are not offered.
    utilization : mapping of target to array_like, shape (num_candidates, m)
        ``candidates_ru``: m is 1 for weights and bit operations, the number of memory
        cuts for activations and the total; relative to the lowest layout.
    constraints : mapping of target to array_like, shape (m,)
        ``ru_constraints``.

    Returns
    -------
    Problem
        A resource for each target and cut. Options are named by their position among
        the candidates of the node: ``candidate0`` is the widest.

    Raises
    ------
    InvalidProblemError
        If the arrays do not fit the candidates, or a node has none that is finite.

    Examples
    --------
    >>> problem({"conv": [0.0, 0.5]}, {"weights": [[8.0], [0.0]]}, {"weights": [4.0]})
    Problem(1 groups, 2 options, weights <= 4.0)
    """
    counts = [len(row) for row in sensitivity.values()]
    tables = {_name(t): np.asarray(ru, dtype=float) for t, ru in utilization.items()}
    limits = {_name(t): np.atleast_1d(np.asarray(c)) for t, c in constraints.items()}
    faults = [
        Fault(
            f"utilization[{target!r}]",
            f"must have {sum(counts)} rows, one for each candidate, and a column for "
            f"each constraint. Got the shape {table.shape}",
        )
        for target, table in tables.items()
        if table.shape != (sum(counts), len(limits.get(target, ())))
    ]
    finite = [np.isfinite(np.asarray(row, float)) for row in sensitivity.values()]
    faults += [
        Fault(f"sensitivity[{str(node)!r}]", "must have a finite candidate")
        for node, mask in zip(sensitivity, finite, strict=True)
        if not mask.any()
    ]
    if faults:
        raise InvalidProblemError(faults)
    starts = np.cumsum([0, *counts])
    kept = [np.flatnonzero(mask).tolist() for mask in finite]
    usage: dict[str, list[list[float]]] = {}
    budgets: dict[str, BudgetLike] = {}
    for target, table in tables.items():
        for cut in range(table.shape[1]):
            resource = target if table.shape[1] == 1 else f"{target}[{cut}]"
            column = table[:, cut].tolist()
            usage[resource] = [
                [column[starts[i] + j] for j in rows] for i, rows in enumerate(kept)
            ]
            budgets[resource] = float(limits[target][cut])
    return ragged_problem(
        unique_names(getattr(node, "name", node) for node in sensitivity),
        [[f"candidate{j}" for j in rows] for rows in kept],
        [
            [float(row[j]) for j in rows]
            for row, rows in zip(sensitivity.values(), kept, strict=True)
        ],
        usage,
        budgets,
        source="model_compression_toolkit",
    )


def overwrite(layout: Mapping[str, str]) -> list[int]:
    """Return a layout as MCT's ``configuration_overwrite``.

    Parameters
    ----------
    layout : mapping of str to str
        Of `problem`.

    Returns
    -------
    list of int
        The candidate of each node, in order.

    Examples
    --------
    >>> overwrite({"conv": "candidate1", "fc": "candidate0"})
    [1, 0]
    """
    return [int(name.removeprefix("candidate")) for name in layout.values()]


@contextmanager
def plugged_in() -> Iterator[None]:
    """Let mpsolve solve MCT's integer program; its sensitivity stays as it is.

    Yields
    ------
    None

    Raises
    ------
    MethodUnavailableError
        If MCT is missing, or its version was not tested.

    Examples
    --------
    >>> with plugged_in():  # doctest: +SKIP
    ...     mct.ptq.pytorch_post_training_quantization(net, data, ...)
    """
    require_host("model-compression-toolkit", exactly=True)
    from model_compression_toolkit.core.common.mixed_precision.search_methods import (
        linear_programming,
    )

    solver = linear_programming.MixedPrecisionIntegerLPSolver
    before = solver.run
    solver.run = _run
    try:
        yield
    finally:
        solver.run = before


def _run(solver: Any) -> dict[Any, int]:
    """Stand in for ``MixedPrecisionIntegerLPSolver.run``."""
    try:
        _, layout = proven(
            problem(
                solver.layer_to_sensitivity_mapping,
                solver.candidates_ru,
                solver.ru_constraints,
            )
        )
    except NoLayoutError as error:
        # What MCT raises where CBC finds nothing.
        msg = f"No solution was found for the LP problem: {error}"
        raise RuntimeError(msg) from None
    # The solver dropped the candidates that are not finite before this.
    original = solver.solver_to_original_candidate_indices
    chosen = overwrite(layout)
    return {
        node: original[node][position]
        for node, position in zip(
            solver.layer_to_sensitivity_mapping, chosen, strict=True
        )
    }


def _name(target: Any) -> str:
    return str(getattr(target, "value", target))
