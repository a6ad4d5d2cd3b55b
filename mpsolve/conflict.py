"""Small sets of constraints that no layout keeps together."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from mpsolve.model.budget import Budget
from mpsolve.model.coupling import Coupling
from mpsolve.model.inventory import Inventory
from mpsolve.model.problem import Problem
from mpsolve.result import Reason
from mpsolve.solving import solve

__all__ = ["Conflict", "Constraint", "constraints_of", "find_conflict", "under"]

#: Checks that a search for an even smaller set may take.
MOST_CHECKS = 200

Kind = Literal["budget", "inventory", "tie", "fixed", "coupling", "max_distinct"]


@dataclass(frozen=True)
class Constraint:
    """One thing that a problem asks for.

    Attributes
    ----------
    kind : {"budget", "inventory", "tie", "fixed", "coupling", "max_distinct"}
        A side of a budget, the count of one precision, one tie, one fixed group, the
        pairs that one coupling forbids, or the limit on different precisions.
    name : str or int
        The resource, precision or group; the position of a tie or coupling.
    side : {"lower", "upper", ""}
        Of a budget.
    text : str
        For people.
    """

    kind: Kind
    name: str | int
    side: Literal["lower", "upper", ""]
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Conflict:
    """Constraints that no layout keeps together.

    Attributes
    ----------
    constraints : tuple of Constraint
    is_irreducible : bool
        Whether without any one of them there is a layout; False only where a check ran
        into its time limit.
    is_smallest : bool
        Whether it is proven that no conflict has fewer constraints.
    """

    constraints: tuple[Constraint, ...]
    is_irreducible: bool
    is_smallest: bool

    def __len__(self) -> int:
        return len(self.constraints)


def constraints_of(problem: Problem) -> tuple[Constraint, ...]:
    """List everything that a problem asks for.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    tuple of Constraint
        Couplings only where they forbid a pair.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[1, 0]], {"memory": [[1, 2]]}, {"memory": (1, 2)})
    >>> [str(constraint) for constraint in constraints_of(problem)]
    ['memory >= 1', 'memory <= 2']
    """
    return tuple(_constraints(problem))


def _constraints(problem: Problem) -> Iterator[Constraint]:
    for name, budget in problem.budgets.items():
        if budget.lower is not None:
            yield Constraint("budget", name, "lower", f"{name} >= {budget.lower}")
        if budget.upper is not None:
            yield Constraint("budget", name, "upper", f"{name} <= {budget.upper}")
    if problem.inventory is not None:
        how = "exactly" if problem.inventory.exact else "at most"
        for name, count in problem.inventory.counts.items():
            text = f"inventory: {how} {count} layers are {name}"
            yield Constraint("inventory", name, "", text)
    for i, tie in enumerate(problem.ties):
        names = ", ".join(repr(problem.layers[m]) for m in tie[:4])
        more = f" and {len(tie) - 4} more" if len(tie) > 4 else ""
        yield Constraint("tie", i, "", f"tie: {names}{more}")
    for group, option in problem.fixed.items():
        name = problem.layers[group]
        precision = problem.precisions_of(group)[option]
        yield Constraint("fixed", name, "", f"fixed: {name!r} is {precision}")
    for i, coupling in enumerate(problem.couplings):
        if (coupling.table == math.inf).any():
            text = f"coupling: {coupling.first!r} and {coupling.second!r} forbid pairs"
            yield Constraint("coupling", i, "", text)
    if problem.max_distinct is not None:
        text = f"at most {problem.max_distinct} different precisions"
        yield Constraint("max_distinct", "", "", text)


def under(problem: Problem, kept: Sequence[Constraint]) -> Problem:
    """Return a problem that asks for some of what another does, and has no losses.

    Parameters
    ----------
    problem : Problem
    kept : sequence of Constraint
        Of `problem`.

    Returns
    -------
    Problem
    """
    wanted = {(c.kind, c.name, c.side) for c in kept}
    given: dict[str, Any] = {
        "budgets": {
            name: Budget(
                budget.lower if ("budget", name, "lower") in wanted else None,
                budget.upper if ("budget", name, "upper") in wanted else None,
            )
            for name, budget in problem.budgets.items()
        },
        "ties": [t for i, t in enumerate(problem.ties) if ("tie", i, "") in wanted],
        "fixed": {
            problem.layers[group]: problem.precisions_of(group)[option]
            for group, option in problem.fixed.items()
            if ("fixed", problem.layers[group], "") in wanted
        },
        "couplings": [
            Coupling(c.first, c.second, np.where(c.table == math.inf, math.inf, 0.0))
            for i, c in enumerate(problem.couplings)
            if ("coupling", i, "") in wanted
        ],
        "objective": "sum",
    }
    if ("max_distinct", "", "") not in wanted:
        given["max_distinct"] = None
    if problem.inventory is not None:
        counts = {
            name: count
            for name, count in problem.inventory.counts.items()
            if ("inventory", name, "") in wanted
        }
        exact = problem.inventory.exact
        given["inventory"] = Inventory(counts, exact=exact) if counts else None
    bare = problem.with_constraints(**given)
    return bare.with_loss(np.zeros(problem.num_options))


class _Checker:
    """Asks whether a layout keeps some constraints; every question once."""

    def __init__(self, problem: Problem, time_limit: float | None) -> None:
        self._problem = problem
        self._deadline = math.inf
        if time_limit is not None:
            self._deadline = time.perf_counter() + time_limit
        self._known: dict[frozenset[Constraint], bool | None] = {}
        self.is_unsure = False

    def conflict(self, constraints: Sequence[Constraint]) -> bool:
        """Whether it is proven that no layout keeps all of them."""
        key = frozenset(constraints)
        if key not in self._known:
            self._known[key] = self._solve(constraints)
        answer = self._known[key]
        self.is_unsure |= answer is None
        return answer is True

    def _solve(self, constraints: Sequence[Constraint]) -> bool | None:
        left = None
        if self._deadline < math.inf:
            left = max(0.0, self._deadline - time.perf_counter())
        result = solve(under(self._problem, constraints), time_limit=left)
        if result.reason is Reason.NO_SOLUTION_FOUND:
            return None
        return result.reason is Reason.INFEASIBLE


def find_conflict(problem: Problem, time_limit: float | None = None) -> Conflict:
    """Find an irreducible set of constraints that no layout keeps together.

    QuickXplain [1]_ halves the constraints: with n of them and k in the set found it
    asks for feasibility about ``2 k log2(n / k) + 2 k`` times. Smaller sets are then
    looked for one by one, as long as few questions settle it.

    Parameters
    ----------
    problem : Problem
        Known to be infeasible.
    time_limit : float, optional
        Seconds; a question that is not answered by then counts as "there is a layout".

    Returns
    -------
    Conflict

    References
    ----------
    .. [1] U. Junker, "QuickXplain: preferred explanations and relaxations for
       over-constrained problems", AAAI (2004) 167-172.
    """
    checker = _Checker(problem, time_limit)
    everything = list(constraints_of(problem))
    found = _quickxplain(checker, [], False, everything)
    is_irreducible = not checker.is_unsure
    smaller, is_smallest = _smaller(checker, everything, len(found))
    if smaller is not None:
        found, is_irreducible = list(smaller), True
    order = {constraint: i for i, constraint in enumerate(everything)}
    ordered = tuple(sorted(found, key=lambda constraint: order[constraint]))
    return Conflict(ordered, is_irreducible, is_smallest and not checker.is_unsure)


def _quickxplain(
    checker: _Checker,
    kept: list[Constraint],
    has_grown: bool,
    open_: list[Constraint],
) -> list[Constraint]:
    """Return those of `open_` that an irreducible conflict needs beside `kept`."""
    if has_grown and checker.conflict(kept):
        return []
    if len(open_) <= 1:
        return open_
    middle = len(open_) // 2
    first, second = open_[:middle], open_[middle:]
    of_second = _quickxplain(checker, kept + first, True, second)
    of_first = _quickxplain(checker, kept + of_second, bool(of_second), first)
    return of_first + of_second


def _smaller(
    checker: _Checker, everything: list[Constraint], size: int
) -> tuple[tuple[Constraint, ...] | None, bool]:
    """Look for a conflict of fewer constraints; say whether all were looked at."""
    asked = 0
    for fewer in range(1, size):
        asked += math.comb(len(everything), fewer)
        if asked > MOST_CHECKS:
            return None, False
        for chosen in combinations(everything, fewer):
            if checker.conflict(chosen):
                return chosen, True
    return None, True
