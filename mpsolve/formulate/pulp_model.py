"""Problems as PuLP models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mpsolve.formulate.formulation import Formulation
from mpsolve.formulate.linear import LinearModel, linear_model, plain_linear_model
from mpsolve.formulate.names import column_names, row_names
from mpsolve.formulate.program import make_program
from mpsolve.installed import require_packages
from mpsolve.model.problem import Problem

if TYPE_CHECKING:
    import pulp

__all__ = ["pulp_model", "to_pulp"]


def to_pulp(problem: Problem, *, scaled: bool = True) -> Formulation[pulp.LpProblem]:
    """Write a problem as a PuLP model.

    PuLP hands numbers to solvers with 13 digits. Rows of larger integers are therefore
    made a little wider, and a layout that a solver returns may be over a budget by less
    than that: ask :func:`mpsolve.verify`, as the method ``pulp`` does.

    Parameters
    ----------
    problem : Problem
    scaled : bool
        True: losses and rows scaled to what float64 solvers can tell apart. False: the
        problem's own numbers, whose objective is the loss itself.

    Returns
    -------
    Formulation
        Its `model` is a ``pulp.LpProblem`` to be minimised, its `variables` are
        ``pulp.LpVariable`` objects.

    Raises
    ------
    MethodUnavailableError
        If PuLP is not installed.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.5, 0.0], [0.25, 0.0]], {"memory": [[1, 2], [1, 2]]}, {"memory": 3},
    ...     layers=["conv1", "fc"], precisions=["int4", "int8"])
    >>> formulation = to_pulp(problem)
    >>> import pulp
    >>> status = formulation.model.solve(pulp.PULP_CBC_CMD(msg=False))
    >>> dict(formulation.layout([v.value() for v in formulation.variables]))
    {'conv1': 'int8', 'fc': 'int4'}
    >>> formulation.loss(pulp.value(formulation.model.objective))
    0.25
    """
    require_packages(["pulp"], "to_pulp", "ilp")
    program = make_program(problem.merged)
    model = linear_model(program) if scaled else plain_linear_model(program)
    names = column_names(program)
    rows = row_names(model, is_plain=not scaled)
    made, variables = pulp_model(model, names, rows, are_wider=scaled)
    return Formulation(made, variables, names, program, model.objective)


def pulp_model(
    model: LinearModel, columns: list[str], rows: list[str], *, are_wider: bool = True
) -> tuple[Any, list[Any]]:
    """Return a linear model as PuLP's, and its variables.

    Parameters
    ----------
    model : LinearModel
    columns, rows : list of str
        Their names.
    are_wider : bool
        Whether rows may be made wider by what 13 digits cannot hold.

    Returns
    -------
    problem : pulp.LpProblem
    variables : list of pulp.LpVariable
    """
    import pulp

    made = pulp.LpProblem("mpsolve", pulp.LpMinimize)
    variables = [
        pulp.LpVariable(
            name,
            lowBound=0,
            upBound=int(most),
            cat=pulp.LpInteger if j < model.num_integer else pulp.LpContinuous,
        )
        for j, (name, most) in enumerate(
            zip(columns, model.upper.tolist(), strict=True)
        )
    ]
    losses = model.objective.values.tolist()
    made += pulp.LpAffineExpression(
        [(v, c) for v, c in zip(variables, losses, strict=True) if c]
    )
    starts = model.row_starts.tolist()
    for i, (name, lower, upper) in enumerate(
        zip(rows, model.row_lower.tolist(), model.row_upper.tolist(), strict=True)
    ):
        span = slice(starts[i], starts[i + 1])
        ids, values = model.column_ids[span].tolist(), model.values[span]
        # What 13 digits lose of a sum, whatever layout it is of.
        lost = 1e-12 * float(np.abs(values).sum()) if are_wider else 0.0
        lost = 0.0 if np.array_equal(values, np.rint(values)) else lost
        sum_ = pulp.LpAffineExpression(
            [
                (variables[j], value)
                for j, value in zip(ids, values.tolist(), strict=True)
            ]
        )
        if lower == upper and not lost:
            made += (sum_ == lower, name)
            continue
        if upper < np.inf:
            made += (sum_ <= upper + lost, name)
        if lower > -np.inf:
            suffix = ".least" if upper < np.inf else ""
            made += (sum_ >= lower - lost, f"{name}{suffix}")
    return made, variables
