"""The nearest value of each budget that a layout can keep, everything else kept."""

from __future__ import annotations

import math

import numpy as np

from mpsolve.errors import VerificationError
from mpsolve.model.budget import Number
from mpsolve.model.coupling import Coupling
from mpsolve.model.problem import Problem
from mpsolve.model.resource import Limits
from mpsolve.result import Result
from mpsolve.solving import solve

__all__ = ["nearest_budgets", "solve_within"]

Nearest = dict[str, tuple[Number | None, Number | None]]


def solve_within(
    problem: Problem,
    resource: str,
    limits: Limits,
    *,
    time_limit: float | None = None,
    rel_gap: float = 1e-9,
    abs_gap: float = 0.0,
) -> Result:
    """Solve under limits of one resource in scaled integers, in place of its budget.

    Parameters
    ----------
    problem : Problem
    resource : str
    limits : (lower, upper)
    time_limit, rel_gap, abs_gap
        As for :func:`mpsolve.solve`.

    Returns
    -------
    Result
    """
    twin = problem.with_budgets({**problem.budgets, resource: None})
    merged = twin.merged
    if limits != (None, None):
        merged.limits[resource] = limits
    result = solve(twin, time_limit=time_limit, rel_gap=rel_gap, abs_gap=abs_gap)
    if result.layout is not None:
        lower, upper = limits
        total = total_of(problem, resource, result)
        if (lower is not None and total < lower) or (
            upper is not None and total > upper
        ):
            msg = f"{resource}: the total {total} is not within {limits}"
            raise VerificationError(msg)
    return result


def total_of(problem: Problem, resource: str, result: Result) -> int:
    """Return the exact total of a resource by a result's layout, in scaled integers."""
    if result.layout is None:
        msg = f"there is no layout: {result.reason}"
        raise ValueError(msg)
    return int(problem.resources[resource].usage[result.layout.flat].sum())


def nearest_budgets(problem: Problem, time_limit: float | None = None) -> Nearest:
    """Return the nearest feasible values of each budget of an infeasible problem.

    Every other constraint is kept. The answers are optima of problems whose loss is the
    usage: exact below totals of 2^53 scaled units, and otherwise totals that are
    feasible and as near as float64 tells.

    Parameters
    ----------
    problem : Problem
        Known to be infeasible.
    time_limit : float, optional
        Seconds for each question; then the nearest total that was found is returned.

    Returns
    -------
    dict of str to (lower, upper)
        The nearest totals below and above each budget that become reachable when that
        budget alone is moved there; None where there is none.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0, 0], [0, 0]], {"a": [[1, 4]] * 2, "b": [[5, 2]] * 2}, {"a": 5, "b": 5})
    >>> nearest_budgets(problem)
    {'a': (None, 8), 'b': (None, 7)}
    """
    couplings = [
        Coupling(c.first, c.second, np.where(c.table == math.inf, math.inf, 0.0))
        for c in problem.couplings
    ]
    plain = problem.with_constraints(couplings=couplings, objective="sum")
    nearest: Nearest = {}
    for name, limits in problem.merged.limits.items():
        resource = problem.resources[name]
        below, above = (
            _nearest_total(plain, name, limits, sign, time_limit) for sign in (-1, 1)
        )
        nearest[name] = (
            None if below is None else resource.value(below),
            None if above is None else resource.value(above),
        )
    return nearest


def _nearest_total(
    problem: Problem, name: str, limits: Limits, sign: int, time_limit: float | None
) -> int | None:
    """Return the smallest total above a budget (the largest below it for sign -1)."""
    lower, upper = limits
    near, far = (upper, lower) if sign > 0 else (lower, upper)
    if near is None:
        return None
    beyond: Limits = (None, None)
    if far is not None:
        beyond = (near + 1, None) if sign > 0 else (None, near - 1)
    usage = problem.resources[name].usage
    starts, sizes = problem.offsets[:-1], np.diff(problem.offsets)
    more = usage - np.repeat(np.minimum.reduceat(usage, starts), sizes)
    sense = -sign if problem.maximize else sign
    by_usage = problem.with_loss(sense * more.astype(np.float64))
    result = solve_within(
        by_usage, name, beyond, time_limit=time_limit, rel_gap=0.0, abs_gap=0.5
    )
    return None if result.layout is None else total_of(problem, name, result)
