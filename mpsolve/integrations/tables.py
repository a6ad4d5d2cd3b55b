"""Problems from tables of layers and options, and the solve that hosts ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mpsolve.errors import Fault, InvalidProblemError, NoLayoutError
from mpsolve.model.group import Group, Option
from mpsolve.model.layout import Layout
from mpsolve.model.problem import BudgetLike, Problem
from mpsolve.result import Result
from mpsolve.solving import solve

__all__ = ["proven", "ragged_problem", "unique_names"]

Table = Sequence[Sequence[float]]


def ragged_problem(
    layers: Sequence[str],
    precisions: Sequence[Sequence[str]],
    loss: Table,
    usage: Mapping[str, Table],
    budgets: Mapping[str, BudgetLike] | None = None,
    *,
    ties: Iterable[Iterable[str | int]] = (),
    units: Mapping[str, str] | None = None,
    name: str = "",
    source: str = "",
    licence: str = "",
    fixed: Mapping[str, str] | None = None,
) -> Problem:
    """Return a problem whose layers may have different options.

    Parameters
    ----------
    layers : sequence of str, length n
    precisions : sequence of sequences of str, n rows
        Names of each layer's options.
    loss : sequence of sequences of float, n rows as long as those of `precisions`
    usage : mapping of str to such a table
        Of each resource.
    budgets, ties, units, name, source, licence, fixed
        As for :class:`mpsolve.Problem`.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        If the tables differ in shape, or a value cannot be meant.

    Examples
    --------
    >>> ragged_problem(["a"], [["int4", "int8"]], [[1.0, 0.1]], {"memory": [[4, 8]]})
    Problem(1 groups, 2 options)
    """
    lengths = [len(row) for row in precisions]
    faults = [
        Fault(
            what, f"must have rows of {lengths} options. Got {[len(r) for r in rows]}"
        )
        for what, rows in [
            ("loss", loss),
            *((f"usage[{r!r}]", t) for r, t in usage.items()),
        ]
        if [len(row) for row in rows] != lengths
    ]
    if len(layers) != len(lengths):
        faults.append(
            Fault("layers", f"must be {len(lengths)} names. Got {len(layers)}")
        )
    if faults:
        raise InvalidProblemError(faults)
    groups = [
        Group(
            layer,
            [
                Option(
                    precision,
                    loss[i][j],
                    {resource: table[i][j] for resource, table in usage.items()},
                )
                for j, precision in enumerate(precisions[i])
            ],
        )
        for i, layer in enumerate(layers)
    ]
    return Problem(
        groups,
        budgets=budgets,
        ties=ties,
        units=units,
        name=name,
        source=source,
        licence=licence,
        fixed=fixed,
    )


def proven(problem: Problem) -> tuple[Result, Layout]:
    """Return the proven optimum that a host asked for.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    result : Result
        Optimal, and verified.
    layout : Layout
        Its layout.

    Raises
    ------
    NoLayoutError
        If there is no layout within the budgets; says what the nearest totals are.
    """
    result = solve(problem)
    if result.reason != "OPTIMAL" or result.layout is None:
        msg = f"no layout is within the budgets. {result.detail}"
        raise NoLayoutError(msg)
    return result, result.layout


def unique_names(names: Iterable[Any]) -> list[str]:
    """Return names as text, numbered where two are the same.

    Examples
    --------
    >>> unique_names(["w4", "w8", "w4"])
    ['w4', 'w8', 'w4 #2']
    """
    seen: dict[str, int] = {}
    unique = []
    for name in map(str, names):
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return unique
