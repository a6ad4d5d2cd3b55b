"""Why a problem has the answer that it has, and what would change it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpsolve.conflict import Conflict, find_conflict
from mpsolve.model.budget import Number
from mpsolve.model.problem import Problem
from mpsolve.nearest import nearest_budgets, solve_within, total_of
from mpsolve.result import Reason, Result
from mpsolve.solving import solve

__all__ = ["BudgetWorth", "Explanation", "ForcedOption", "explain"]


@dataclass(frozen=True)
class BudgetWorth:
    """What changing one budget would do to an optimal layout.

    Attributes
    ----------
    usage : int or float
        Of the optimal layout, in the resource's units.
    slack : int or float or None
        What the budget leaves unused: the distance to the nearer side.
    multiplier : float
        Loss that one more unit saves in the linear relaxation, as in
        :attr:`mpsolve.Result.multipliers`; 0 where that says nothing.
    next_value : int or float or None
        The nearest value of the binding side from which on a better layout exists: an
        upper side above the present one, or a lower side below it. None where no value
        helps, or it was not found in time.
    next_loss : float or None
        The optimal loss (or gain) there.
    is_exact : bool
        Whether that is proven; False where time ran out.
    """

    usage: Number
    slack: Number | None
    multiplier: float
    next_value: Number | None
    next_loss: float | None
    is_exact: bool


@dataclass(frozen=True)
class ForcedOption:
    """What it costs to give a layer another precision.

    Attributes
    ----------
    layer, precision : str
    result : Result
        Of the problem with the layer fixed, solved again.
    cost : float
        How much worse the best layout becomes; 0 where there is an optimal one with
        that precision, inf where no layout has it.
    """

    layer: str
    precision: str
    result: Result
    cost: float


@dataclass(frozen=True)
class Explanation:
    """Why a problem has the answer that it has. Made by :func:`mpsolve.explain`.

    Attributes
    ----------
    problem : Problem
    result : Result
        Its answer.
    conflict : Conflict or None
        For an infeasible problem: constraints that no layout keeps together.
    nearest : mapping of str to (lower, upper)
        For an infeasible problem: the totals nearest below and above each budget that
        become reachable when that budget alone is moved there; (None, None) where no
        value of it helps.
    budgets : mapping of str to BudgetWorth
        For a problem with a layout: what each budget is worth.
    at_least_loss : tuple of str
        Groups that have their option of least loss: no budget can improve them alone.
    at_least_usage : mapping of str to tuple of str
        By resource with a budget, the groups that have their option of least usage.
    """

    problem: Problem
    result: Result
    conflict: Conflict | None = None
    nearest: Mapping[str, tuple[Number | None, Number | None]] = field(
        default_factory=dict
    )
    budgets: Mapping[str, BudgetWorth] = field(default_factory=dict)
    at_least_loss: tuple[str, ...] = ()
    at_least_usage: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def force(
        self, layer: str, precision: str, *, time_limit: float | None = None
    ) -> ForcedOption:
        """Solve again with a layer fixed to a precision, exactly.

        Parameters
        ----------
        layer, precision : str
            What the layer, and every layer tied to it, must have; in place of what it
            is fixed to.
        time_limit : float, optional
            Seconds.

        Returns
        -------
        ForcedOption

        Raises
        ------
        InvalidProblemError
            If there is no such layer, or it lacks the precision.
        """
        problem = self.problem
        position = problem.layers.find(layer)
        members = {position}
        for tie in problem.ties:
            members |= set(tie) if position in tie else set()
        fixed = {
            problem.layers[i]: problem.precisions_of(i)[option]
            for i, option in problem.fixed.items()
            if i not in members
        }
        forced = problem.with_constraints(fixed={**fixed, layer: precision})
        result = _solve(forced, time_limit)
        return ForcedOption(layer, precision, result, self._cost(result))

    def _cost(self, result: Result) -> float:
        if result.primal is None or self.result.primal is None:
            return math.inf if result.reason is Reason.INFEASIBLE else math.nan
        return -_gain(self.problem, self.result.primal, result.primal) or 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects that JSON can hold."""
        conflict = self.conflict
        return {
            "result": self.result.to_dict(),
            "conflict": None
            if conflict is None
            else {
                "constraints": [
                    {"kind": c.kind, "name": c.name, "side": c.side, "text": c.text}
                    for c in conflict.constraints
                ],
                "irreducible": conflict.is_irreducible,
                "smallest": conflict.is_smallest,
            },
            "nearest": {name: list(pair) for name, pair in self.nearest.items()},
            "budgets": {name: dict(vars(w)) for name, w in self.budgets.items()},
            "at_least_loss": list(self.at_least_loss),
            "at_least_usage": {k: list(v) for k, v in self.at_least_usage.items()},
        }


def explain(problem: Problem, *, time_limit: float | None = None) -> Explanation:
    """Say why a problem has the answer that it has.

    For an infeasible problem, a smallest set of constraints that conflict, and the
    nearest value of each budget that would be feasible. For a feasible one, what each
    budget's next unit is worth, exactly, and which groups are at their limit;
    :meth:`Explanation.force` then answers what any other precision would cost.

    Parameters
    ----------
    problem : Problem
        Never changed.
    time_limit : float, optional
        Seconds for each of the questions asked.

    Returns
    -------
    Explanation

    Raises
    ------
    UnsupportedProblemError
        If no installed method can solve the problem.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.30, 0.10], [0.20, 0.05]], {"memory": [[4, 8], [2, 4]]}, {"memory": 9},
    ...     layers=["conv1", "fc"], precisions=["int4", "int8"])
    >>> report = mpsolve.explain(problem)
    >>> worth = report.budgets["memory"]
    >>> worth.next_value, round(worth.next_loss, 9), report.at_least_loss
    (10, 0.3, ('fc',))
    >>> round(report.force("fc", "int4").cost, 9)
    0.15
    >>> impossible = problem.with_constraints(
    ...     budgets={"memory": 7}, fixed={"conv1": "int8"})
    >>> report = mpsolve.explain(impossible)
    >>> [str(c) for c in report.conflict.constraints], report.nearest
    (['memory <= 7', "fixed: 'conv1' is int8"], {'memory': (None, 10)})
    """
    result = _solve(problem, time_limit)
    if result.reason is Reason.INFEASIBLE:
        return Explanation(
            problem,
            result,
            find_conflict(problem, time_limit),
            nearest_budgets(problem, time_limit),
        )
    if result.layout is None:
        return Explanation(problem, result)
    sign = -1.0 if problem.maximize else 1.0
    bounded = [name for name, budget in problem.budgets.items() if not budget.is_open]
    return Explanation(
        problem,
        result,
        budgets={name: _worth(problem, result, name, time_limit) for name in bounded},
        at_least_loss=_at_least(problem, result, sign * problem.loss),
        at_least_usage={
            name: _at_least(problem, result, problem.resources[name].usage)
            for name in bounded
        },
    )


def _solve(problem: Problem, time_limit: float | None) -> Result:
    return solve(problem, time_limit=time_limit)


def _at_least(
    problem: Problem, result: Result, values: np.ndarray[Any, Any]
) -> tuple[str, ...]:
    """Return the groups whose option has the least value, where values differ."""
    if result.layout is None or not problem.num_groups:
        return ()
    starts = problem.offsets[:-1]
    least = np.minimum.reduceat(values, starts)
    differs = np.maximum.reduceat(values, starts) > least
    is_least = (values[result.layout.flat] == least) & differs
    return tuple(problem.layers[i] for i in np.flatnonzero(is_least).tolist())


def _worth(
    problem: Problem, result: Result, name: str, time_limit: float | None
) -> BudgetWorth:
    resource, budget = problem.resources[name], problem.budgets[name]
    usage = result.usage[name]
    sides = [
        abs(side - usage) for side in (budget.lower, budget.upper) if side is not None
    ]
    multiplier = result.multipliers.get(name, 0.0)
    is_lower = budget.upper is None or (multiplier < 0 and budget.lower is not None)
    search = _Breakpoint(problem, result, name, is_lower, time_limit)
    total, loss = search.run()
    return BudgetWorth(
        usage=usage,
        slack=min(sides),
        multiplier=multiplier,
        next_value=None if total is None else resource.value(total),
        next_loss=loss,
        is_exact=search.is_exact,
    )


class _Breakpoint:
    """The nearest value of one side from which on a better layout exists.

    The optimal loss is a falling staircase of the side. A layout found beyond a step
    says, by its own total, where the step is at the latest; halving what is left finds
    it in as many solves as the range has bits.
    """

    def __init__(
        self,
        problem: Problem,
        result: Result,
        name: str,
        is_lower: bool,
        time_limit: float | None,
    ) -> None:
        self._problem = problem
        self._result = result
        self._name = name
        self._sign = -1 if is_lower else 1
        self._deadline = math.inf
        if time_limit is not None:
            self._deadline = time.perf_counter() + time_limit
        self.is_exact = result.reason is Reason.OPTIMAL

    def run(self) -> tuple[int | None, float | None]:
        """Return the total and the loss there, None where no value helps."""
        lower, upper = self._problem.merged.limits[self._name]
        side = lower if self._sign < 0 else upper
        if side is None:
            return None, None
        known = self._sign * side
        found = self._better(None)
        if found is None:
            return None, None
        while found[0] - known > 1 and self.is_exact:
            if time.perf_counter() > self._deadline:
                self.is_exact = False
                break
            middle = (known + found[0]) // 2
            better = self._better(self._sign * middle)
            if better is None:
                known = middle
            else:
                found = better
        return self._sign * found[0], found[1]

    def _better(self, side: int | None) -> tuple[int, float] | None:
        """Return (signed total, loss) of the best layout, where it is better."""
        name, problem = self._name, self._problem
        lower, upper = problem.merged.limits[name]
        limits = (side, upper) if self._sign < 0 else (lower, side)
        left = None
        if self._deadline < math.inf:
            left = max(0.0, self._deadline - time.perf_counter())
        result = solve_within(problem, name, limits, time_limit=left)
        if result.reason not in (Reason.OPTIMAL, Reason.INFEASIBLE):
            self.is_exact = False
        if result.primal is None or self._result.primal is None:
            return None
        if not _gain(problem, self._result.primal, result.primal):
            return None
        return self._sign * total_of(problem, name, result), result.primal


def _gain(problem: Problem, before: float, after: float) -> float:
    """Return by how much a loss (or gain) is better, 0 where it is rounding alone."""
    better = after - before if problem.maximize else before - after
    rounding = 2e-9 * max(abs(before), abs(after))
    return better if abs(better) > rounding else 0.0
