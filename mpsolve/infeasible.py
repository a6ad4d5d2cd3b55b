"""Why no layout exists: which budgets conflict, and the nearest that would not."""

from __future__ import annotations

from mpsolve.methods.exact import nearest_totals
from mpsolve.model.budget import Number
from mpsolve.model.problem import Problem

__all__ = ["why_infeasible"]

Nearest = dict[str, tuple[Number | None, Number | None]]


def why_infeasible(problem: Problem) -> tuple[str, Nearest]:
    """Say which budgets no layout can keep by themselves.

    Parameters
    ----------
    problem : Problem
        Known to be infeasible.

    Returns
    -------
    detail : str
        A sentence for each such budget, with the nearest reachable totals.
    nearest : dict of str to (lower, upper)
        The nearest reachable total below and above each of them, in the resource's
        units; None where there is none on that side.
    """
    sentences, nearest = [], {}
    for name, limits in problem.merged.limits.items():
        resource, budget = problem.resources[name], problem.budgets[name]
        below, above = nearest_totals(problem.merged, name, limits)
        if below is not None and below == above:
            continue  # a layout keeps this budget; the conflict is between several
        values = tuple(None if t is None else resource.value(t) for t in (below, above))
        nearest[name] = (values[0], values[1])
        if below is None:
            sentence = f"{name} {budget}: the smallest reachable total is {values[1]}"
        elif above is None:
            sentence = f"{name} {budget}: the largest reachable total is {values[0]}"
        else:
            sentence = (
                f"{name} {budget}: no layout has such a total; the nearest are "
                f"{values[0]} and {values[1]}"
            )
        if resource.rounding:
            sentence += " (usages are floats, and the budget was tightened by rounding)"
        sentences.append(sentence)
    if not sentences and not problem.merged.limits:
        return (
            "no layout keeps all constraints; mpsolve.explain says which conflict",
            {},
        )
    if not sentences:
        said = "every budget can be kept alone; together they conflict"
        return f"{said}, which mpsolve.explain looks into", {}
    return "; ".join(sentences), nearest
