"""mpsolve in the place of ModelOpt's linear programming step, and its CBC call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mpsolve.integrations.tables import ragged_problem
from mpsolve.integrations.versions import require_host
from mpsolve.model.problem import BudgetLike
from mpsolve.solving import solve

__all__ = ["plugged_in", "select"]

#: What PuLP calls ``LpMaximize``.
MAXIMIZE = -1


@contextmanager
def plugged_in() -> Iterator[None]:
    """Let mpsolve solve what ModelOpt's `auto_quantize` hands to PuLP.

    Inside the block the class ``modelopt.torch.opt.searcher.LPS`` asks mpsolve;
    scores, costs, constraints and everything around them stay ModelOpt's.

    Yields
    ------
    None

    Raises
    ------
    MethodUnavailableError
        If ModelOpt is missing, or its version was not tested: then use
        :func:`resolve`, which replaces nothing.

    Examples
    --------
    >>> with plugged_in():  # doctest: +SKIP
    ...     model, state = mtq.auto_quantize(model, constraints=..., ...)
    """
    require_host("nvidia-modelopt", exactly=True)
    from modelopt.torch.opt.searcher import LPS

    before = LPS.__call__
    LPS.__call__ = _solve_lps
    try:
        yield
    finally:
        LPS.__call__ = before


def select(
    scores: Sequence[Sequence[float]],
    costs: Mapping[str, Sequence[Sequence[float]]],
    constraints: Mapping[str, BudgetLike],
    *,
    maximize: bool = False,
) -> tuple[list[int], str]:
    """Return what ModelOpt's solver class returns, proven.

    Parameters
    ----------
    scores : sequence of sequences of float
        Of each layer's candidates.
    costs : mapping of str to sequence of sequences of float
        The same shape for each constraint.
    constraints : mapping of str to number or (lower, upper)
    maximize : bool
        Whether the sum of scores is to be as large as possible.

    Returns
    -------
    selections : list of int
        The candidate of each layer; the cheapest where there is no layout.
    status : {"Optimal", "Infeasible"}

    Examples
    --------
    >>> select([[3e-9, 1e-9], [2e-9, 1e-9]], {"size": [[1, 2], [1, 2]]}, {"size": 3})
    ([1, 0], 'Optimal')
    """
    sign = -1.0 if maximize else 1.0
    names = [[str(j) for j in range(len(row))] for row in scores]
    layers = [f"layer{i}" for i in range(len(scores))]
    problem = ragged_problem(
        layers,
        names,
        [[sign * float(x) for x in row] for row in scores],
        {
            name: [list(map(float, row)) for row in table]
            for name, table in costs.items()
        },
        dict(constraints),
    )
    result = solve(problem)
    if result.reason == "OPTIMAL" and result.layout is not None:
        return result.layout.choices.tolist(), "Optimal"
    first = next(iter(costs.values()))
    return [min(range(len(row)), key=row.__getitem__) for row in first], "Infeasible"


def _solve_lps(lps: Any) -> tuple[list[int], str]:
    """Stand in for ``LPS.__call__``."""
    return select(
        lps.candidate_scores,
        lps.constraints_to_candidate_costs,
        lps.constraints,
        maximize=lps.objective_type == MAXIMIZE,
    )
