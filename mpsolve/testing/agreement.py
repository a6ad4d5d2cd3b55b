"""Whether methods agree: the same mixed problems, answered by all that can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from mpsolve.errors import MPSolveError
from mpsolve.methods import cannot_solve, get_method
from mpsolve.model.problem import Problem
from mpsolve.result import ROUNDING, Limit, Reason, Result
from mpsolve.solving import solve
from mpsolve.testing.problems import CLASSES, random_problem

__all__ = ["answers", "disagreements", "mixed_problem"]


def mixed_problem(number: int, seed: int = 0) -> Problem:
    """Return one of a long list of mixed problems: every class in turn, 3 to 12 groups.

    Parameters
    ----------
    number : int
        Position in the list.
    seed : int
        Which list.

    Returns
    -------
    Problem

    Examples
    --------
    >>> mixed_problem(1)
    Problem(9 groups, 27 options, resource0 <= 87)
    """
    rng = np.random.default_rng([43, seed, number])
    features = list(CLASSES.values())[number % len(CLASSES)]
    return random_problem(features, rng, int(rng.integers(3, 13)))


def answers(
    problem: Problem, methods: Iterable[str]
) -> dict[str, Result | MPSolveError]:
    """Solve a problem by every method that can, at a gap of zero.

    Parameters
    ----------
    problem : Problem
    methods : iterable of str

    Returns
    -------
    dict of str to Result or MPSolveError
        The error of an answer that `mpsolve.solve` refused.
    """
    found: dict[str, Result | MPSolveError] = {}
    for name in methods:
        if cannot_solve(get_method(name), problem):
            continue
        try:
            found[name] = solve(problem, name, rel_gap=0.0)
        except MPSolveError as error:
            found[name] = error
    return found


def disagreements(
    problem: Problem, found: Mapping[str, Result | MPSolveError]
) -> list[str]:
    """Say where methods contradict each other.

    Two losses agree up to the rounding of float64 sums. A method may say that its
    arithmetic has too few digits to prove its layout: that is no contradiction, but its
    layout must be none that is better than a proven one.

    Parameters
    ----------
    problem : Problem
    found : mapping of str to Result or MPSolveError

    Returns
    -------
    list of str
        A sentence for each contradiction.
    """
    sign = -1.0 if problem.maximize else 1.0
    results = {n: r for n, r in found.items() if isinstance(r, Result)}
    sentences = [f"{n}: {r}" for n, r in found.items() if not isinstance(r, Result)]
    proven = {n: r for n, r in results.items() if r.reason is Reason.OPTIMAL}
    infeasible = [n for n, r in results.items() if r.reason is Reason.INFEASIBLE]
    with_layout = [n for n, r in results.items() if r.layout is not None]
    if infeasible and with_layout:
        sentences.append(f"{infeasible} say INFEASIBLE, {with_layout} have a layout")
    sentences += [
        f"{name} stopped: {result}: {result.detail}"
        for name, result in results.items()
        if result.limit not in (None, Limit.OTHER)
    ]
    size = float(np.abs(problem.loss).sum()) + sum(
        float(np.abs(c.table[np.isfinite(c.table)]).sum()) for c in problem.couplings
    )
    for name, result in proven.items():
        sentences += [
            f"{name} proves {result.loss!r}, {other} has {results[other].loss!r}"
            for other in with_layout
            if sign * (result.loss - results[other].loss) > ROUNDING * size
        ]
    for name, bound in ((name, result.bound) for name, result in results.items()):
        sentences += [
            f"{name} has the bound {bound!r}, {other} has {results[other].loss!r}"
            for other in with_layout
            if sign * (bound - results[other].loss) > ROUNDING * size
        ]
    return sentences
