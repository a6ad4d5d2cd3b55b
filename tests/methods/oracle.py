"""The dumbest possible solver: every layout of a problem, in exact fractions.

It reads the problem as its author wrote it, and shares no code with the package.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

from mpsolve import Problem


def exactly(value: float) -> Fraction:
    """Read a number as it is written: 0.1 is one tenth."""
    return Fraction(repr(value))


def best_loss(problem: Problem) -> float | None:
    """Return the least loss (largest gain), None where no layout is feasible."""
    best = best_values(problem)
    return None if best is None else best[0]


def best_values(problem: Problem) -> tuple[float, float] | None:
    """Return what is to be small at its best, and the best sum of losses with it."""
    groups = list(problem.groups)
    position = {group.name: i for i, group in enumerate(groups)}
    best: tuple[Fraction, Fraction] | None = None
    sign = -1 if problem.maximize else 1
    for layout in itertools.product(*(range(len(g.options)) for g in groups)):
        chosen = [g.options[j] for g, j in zip(groups, layout, strict=True)]
        if not _is_feasible(problem, chosen, layout):
            continue
        losses = [sign * Fraction(option.loss) for option in chosen]
        for coupling in problem.couplings:
            u, v = position[coupling.first], position[coupling.second]
            extra = float(coupling.table[layout[u], layout[v]])
            if extra == math.inf:
                break
            losses.append(Fraction(extra))
        else:
            total = sum(losses, Fraction(0))
            first = max(losses, default=total) if problem.objective == "max" else total
            best = (first, total) if best is None else min(best, (first, total))
    return None if best is None else (float(sign * best[0]), float(sign * best[1]))


def _is_feasible(problem: Problem, chosen: list, layout: tuple[int, ...]) -> bool:
    for name, budget in problem.budgets.items():
        total = sum((exactly(o.usage.get(name, 0)) for o in chosen), Fraction(0))
        if budget.lower is not None and total < exactly(budget.lower):
            return False
        if budget.upper is not None and total > exactly(budget.upper):
            return False
    if any(len({chosen[i].precision for i in tie}) > 1 for tie in problem.ties):
        return False
    if any(layout[group] != option for group, option in problem.fixed.items()):
        return False
    used = {option.precision for option in chosen}
    if problem.max_distinct is not None and len(used) > problem.max_distinct:
        return False
    if problem.inventory is None:
        return True
    counts = Counter(option.precision for option in chosen)
    return all(
        counts[name] == wanted if problem.inventory.exact else counts[name] <= wanted
        for name, wanted in problem.inventory.counts.items()
    )
