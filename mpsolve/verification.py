"""The independent evaluator: what a layout really costs, in exact arithmetic.

It shares no code with the solvers. Usages are sums of integers; losses are summed by
:func:`math.fsum`, whose result is the exact sum, rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from mpsolve.errors import Fault, InvalidLayoutError
from mpsolve.model.budget import Number
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem

__all__ = ["Verification", "verify"]


@dataclass(frozen=True)
class Verification:
    """What a layout costs, and what it breaks.

    Attributes
    ----------
    loss : float
        Loss (or gain), couplings included: the exact sum, rounded once; the largest
        loss (the smallest gain) where that is the problem's objective.
    usage : mapping of str to int or float
        Exact total usage of each resource, in the resource's units.
    violations : tuple of str
        Every budget, tie, fixed option, inventory count, limit on precisions and
        forbidden pair that the layout breaks, a sentence each.
    total : float
        Exact sum of the losses, whatever the objective.
    """

    loss: float
    usage: Mapping[str, Number]
    violations: tuple[str, ...]
    total: float = field(repr=False)

    @property
    def is_feasible(self) -> bool:
        """Whether nothing is broken."""
        return not self.violations

    def __bool__(self) -> bool:
        return self.is_feasible


def verify(problem: Problem, layout: Layout) -> Verification:
    """Evaluate a layout, sharing no code with the solvers.

    Parameters
    ----------
    problem : Problem
    layout : Layout
        Of this problem, or of one with the same groups.

    Returns
    -------
    Verification
        True in a condition where the layout is feasible.

    Raises
    ------
    InvalidLayoutError
        If the layout is not one of this problem.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.3, 0.1], [0.2, 0.0]], {"memory": [[1, 2], [1, 2]]}, {"memory": 3})
    >>> mpsolve.verify(problem, mpsolve.Layout(problem, [0, 1]))
    Verification(loss=0.3, usage={'memory': 3}, violations=())
    >>> mpsolve.verify(problem, mpsolve.Layout(problem, [1, 1])).violations
    ('memory: 4 is not <= 3',)
    """
    if layout.problem is not problem and not np.array_equal(
        layout.problem.offsets, problem.offsets
    ):
        message = "belongs to a problem with other groups"
        raise InvalidLayoutError([Fault("layout", message)])
    chosen = problem.offsets[:-1] + layout.choices
    losses = problem.loss[chosen].tolist()
    options = layout.choices.tolist() if problem.couplings else []
    couplings = [
        float(c.table[options[u], options[v]])
        for c, (u, v) in zip(problem.couplings, problem.coupled_groups, strict=True)
    ]
    # A gain is lost, not won, where two options meet at a coupling's loss.
    signed = [-c for c in couplings] if problem.maximize else couplings
    # Exact: not even the absolute usages of a layout reach 2^62.
    totals = {
        name: int(resource.usage[chosen].sum())
        for name, resource in problem.resources.items()
    }
    violations = [
        *_broken_budgets(problem, totals),
        *_broken_ties(problem, layout),
        *_broken_inventory(problem, layout),
        *_broken_distinct(problem, layout),
        *(
            f"coupling: {c.first!r} as {layout[c.first]} meets {c.second!r} as "
            f"{layout[c.second]}, which is forbidden"
            for c, value in zip(problem.couplings, couplings, strict=True)
            if value == math.inf
        ),
    ]
    total = math.fsum(losses + signed) if signed else math.fsum(losses)
    loss = total
    if problem.objective == "max":
        worst = min if problem.maximize else max
        loss = worst(losses + signed, default=0.0)
    return Verification(
        loss=loss,
        usage={name: problem.resources[name].value(t) for name, t in totals.items()},
        violations=tuple(violations),
        total=total,
    )


def _broken_budgets(problem: Problem, totals: Mapping[str, int]) -> Iterator[str]:
    for name, budget in problem.budgets.items():
        resource = problem.resources[name]
        lower, upper = resource.limits(budget)
        total = totals[name]
        if (lower is not None and total < lower) or (
            upper is not None and total > upper
        ):
            less = ", less the rounding of float usages" if resource.rounding else ""
            yield f"{name}: {resource.value(total)} is not {budget}{less}"


def _broken_ties(problem: Problem, layout: Layout) -> Iterator[str]:
    for tie in problem.ties:
        chosen = {
            problem.layers[i]: problem.precisions_of(i)[layout.choices[i]] for i in tie
        }
        if len(set(chosen.values())) > 1:
            yield f"tie: {', '.join(f'{k!r} as {v}' for k, v in chosen.items())}"
    for group, option in problem.fixed.items():
        if layout.choices[group] != option:
            name = problem.layers[group]
            wanted = problem.precisions_of(group)[option]
            yield f"fixed: {name!r} is {layout[name]}, not {wanted}"


def _broken_inventory(problem: Problem, layout: Layout) -> Iterator[str]:
    if problem.inventory is None:
        return
    counts = layout.counts()
    for name, wanted in problem.inventory.counts.items():
        count = counts.get(name, 0)
        if count > wanted or (problem.inventory.exact and count != wanted):
            how = "exactly" if problem.inventory.exact else "at most"
            yield f"inventory: {count} layers are {name}, not {how} {wanted}"


def _broken_distinct(problem: Problem, layout: Layout) -> Iterator[str]:
    if problem.max_distinct is None:
        return
    used = layout.counts()
    if len(used) > problem.max_distinct:
        names = ", ".join(used)
        yield (
            f"max_distinct: {len(used)} precisions ({names}), not at most "
            f"{problem.max_distinct}"
        )
