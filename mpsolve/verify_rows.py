"""Many layouts of one problem, each evaluated as :func:`mpsolve.verify` does.

It shares no code with the solvers. Usages are sums of integers, losses are summed by
:func:`math.fsum`; only the gathering of what is summed is done for all at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.errors import InvalidParameterError
from mpsolve.model.problem import Problem
from mpsolve.model.resource import Limits

__all__ = ["RowTotals", "verify_rows"]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RowTotals:
    """What layouts cost.

    Attributes
    ----------
    choices : ndarray of int32, shape (num_layouts, num_groups)
        The layouts.
    loss : ndarray of float64, shape (num_layouts,)
        Total losses (or gains): exact sums, rounded once.
    usage : mapping of str to ndarray of int64, shape (num_layouts,)
        Exact totals of every resource, in scaled integers.
    is_feasible : ndarray of bool, shape (num_layouts,)
        Whether a layout keeps its limits, the ties and the fixed options.
    """

    choices: npt.NDArray[np.int32]
    loss: npt.NDArray[np.float64]
    usage: Mapping[str, npt.NDArray[np.int64]]
    is_feasible: Bools


def verify_rows(
    problem: Problem,
    choices: npt.NDArray[np.int32],
    limits: Mapping[str, Sequence[Limits]],
) -> RowTotals:
    """Evaluate many layouts of a problem whose groups only budgets and ties join.

    Parameters
    ----------
    problem : Problem
        Its own budgets are not looked at.
    choices : ndarray of int32, shape (num_layouts, num_groups)
        An option of each group.
    limits : mapping of str to sequence of (lower, upper), length num_layouts
        Sides that each layout must keep, by resource, in scaled integers.

    Returns
    -------
    RowTotals

    Raises
    ------
    InvalidParameterError
        If the problem has anything else, which needs :func:`mpsolve.verify`.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays([[0.3, 0.1]], {"memory": [[1, 2]]})
    >>> rows = np.array([[0], [1]], dtype=np.int32)
    >>> totals = verify_rows(problem, rows, {"memory": [(None, 1), (None, 1)]})
    >>> totals.loss.tolist(), totals.is_feasible.tolist()
    ([0.3, 0.1], [True, False])
    """
    is_joined = problem.inventory is not None or problem.couplings
    if is_joined or problem.objective != "sum" or problem.max_distinct is not None:
        msg = (
            "only budgets, ties and fixed options are verified for many layouts at once"
        )
        raise InvalidParameterError(msg)
    is_known = (choices >= 0) & (choices < np.diff(problem.offsets))
    is_feasible = np.logical_and.reduce(is_known, axis=1)
    if not is_feasible.all():
        choices = np.where(is_feasible[:, None], choices, 0)
    flat = problem.offsets[:-1] + choices
    loss = np.array([math.fsum(row) for row in problem.loss[flat].tolist()], float)
    # Exact: not even the absolute usages of a layout reach 2^62.
    usage = {
        name: resource.usage[flat].sum(axis=1)
        for name, resource in problem.resources.items()
    }
    for name, sides in limits.items():
        for row, (total, (lower, upper)) in enumerate(
            zip(usage[name].tolist(), sides, strict=True)
        ):
            if (lower is not None and total < lower) or (
                upper is not None and total > upper
            ):
                is_feasible[row] = False
    for tie in problem.ties:
        codes = problem.codes[flat[:, list(tie)]]
        is_feasible &= (codes == codes[:, :1]).all(axis=1)
    for group, option in problem.fixed.items():
        is_feasible &= choices[:, group] == option
    return RowTotals(choices, loss, usage, is_feasible)
