"""The Pareto front: the least loss for every amount of a resource, exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve._engine import solve_front
from mpsolve.errors import (
    InvalidParameterError,
    NoLayoutError,
    VerificationError,
)
from mpsolve.methods import Method, Parameters, get_method
from mpsolve.model.budget import Budget, Number, parse_budget
from mpsolve.model.layout import Layout
from mpsolve.model.merge import Merged
from mpsolve.model.problem import Problem
from mpsolve.model.resource import Limits
from mpsolve.pareto_solves import Points, points_by_solves, under_limits
from mpsolve.result import ROUNDING, Limit
from mpsolve.solving import choose_method
from mpsolve.verification import verify

__all__ = ["Front", "FrontPoint", "front"]


@dataclass(frozen=True)
class FrontPoint:
    """An efficient pair: no layout uses less and loses no more.

    Attributes
    ----------
    usage : int or float
        Total usage of the front's resource, in its units.
    loss : float
        The least loss within that usage (the largest gain where the problem maximises).
    is_supported : bool
        Whether some multiplier makes it optimal: it lies on the lower hull.
    """

    usage: Number
    loss: float
    is_supported: bool
    _front: Front
    _index: int

    @property
    def layout(self) -> Layout:
        """A layout with that usage and loss; solved for when it is asked."""
        return self._front.layout(self._index)


class Front(Sequence[FrontPoint]):
    """Every efficient pair of a resource's usage and the loss, usage rising.

    Made by :func:`mpsolve.front`.

    Attributes
    ----------
    problem : Problem
    resource : str
        Name of the resource.
    loss : ndarray of float64, shape (num_points,)
        Falling (rising where the problem maximises).
    is_supported : ndarray of bool, shape (num_points,)
        Points on the lower hull, those that some multiplier makes optimal.
    epsilon : float
        The tolerance that was asked for.
    limit : Limit or None
        Which limit stopped the search; the points that are there are still efficient.
    """

    def __init__(
        self,
        problem: Problem,
        resource: str,
        points: Points,
        *,
        method: Method,
        epsilon: float,
    ) -> None:
        self.problem = problem
        self.resource = resource
        self.loss = -points.loss if problem.maximize else points.loss
        self.is_supported = points.is_supported
        self.epsilon = epsilon
        self.limit = points.limit
        self._totals = points.totals
        self._method = method

    @property
    def usage(self) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
        """Total usage of each point in the resource's units, shape (num_points,)."""
        resource = self.problem.resources[self.resource]
        if resource.scale == 1:
            return self._totals
        values = [resource.value(total) for total in self._totals.tolist()]
        return np.array(values, dtype=np.float64)

    @property
    def is_complete(self) -> bool:
        """Whether all efficient points are here; False where a limit was reached."""
        return self.limit is None

    def __len__(self) -> int:
        return len(self._totals)

    def __getitem__(self, index: int | slice) -> FrontPoint | list[FrontPoint]:  # type: ignore[override]
        if isinstance(index, slice):
            return [self._point(i) for i in range(*index.indices(len(self)))]
        return self._point(range(len(self))[index])

    def __iter__(self) -> Iterator[FrontPoint]:
        return (self._point(i) for i in range(len(self)))

    def _point(self, i: int) -> FrontPoint:
        resource = self.problem.resources[self.resource]
        return FrontPoint(
            resource.value(int(self._totals[i])),
            float(self.loss[i]),
            bool(self.is_supported[i]),
            self,
            i,
        )

    def at(self, budget: Number) -> FrontPoint:
        """Return the efficient point of least loss within a budget.

        Parameters
        ----------
        budget : int or float
            Upper bound on the usage, in the resource's units.

        Returns
        -------
        FrontPoint

        Raises
        ------
        NoLayoutError
            If no point of the front fits.
        """
        parsed, message = parse_budget(budget)
        if parsed is None:
            msg = f"budget {message}"
            raise InvalidParameterError(msg)
        _, upper = self.problem.resources[self.resource].limits(parsed)
        count = (
            len(self)
            if upper is None
            else int(np.searchsorted(self._totals, upper, side="right"))
        )
        if not count:
            least = self._point(0).usage if len(self) else "nothing"
            msg = f"no layout of the front fits {budget}; the least usage is {least}"
            raise NoLayoutError(msg)
        return self._point(count - 1)

    def layout(self, index: int) -> Layout:
        """Return a layout of a point, solved for and verified.

        Parameters
        ----------
        index : int

        Returns
        -------
        Layout
        """
        i = range(len(self))[index]
        limits = (None, int(self._totals[i]))
        merged = under_limits(self.problem.merged, self.resource, limits)
        answer = self._method.solve(merged, Parameters(rel_gap=0.0))
        if answer.choices is None:
            msg = f"no layout was found for point {i} of the front: {answer.reason}"
            raise VerificationError(msg)
        layout = Layout(self.problem, merged.expand(answer.choices))
        loss = verify(self.problem.with_budgets({}), layout).loss
        # Points are reached by steps from layouts that may lose far more than they do,
        # and the rounding of those losses stays.
        starts = self.problem.offsets[:-1]
        largest = np.maximum.reduceat(np.abs(self.problem.loss), starts)
        rounding = ROUNDING * float(largest.sum())
        slack = rounding + self.epsilon * float(np.ptp(self.loss))
        if abs(loss - float(self.loss[i])) > slack:
            msg = f"point {i} of the front has the loss {self.loss[i]}; solved: {loss}"
            raise VerificationError(msg)
        return layout

    def __repr__(self) -> str:
        what = "" if self.is_complete else f", stopped by {self.limit}"
        supported = int(self.is_supported.sum())
        return (
            f"Front({self.resource}: {len(self)} points, {supported} supported{what})"
        )


def front(
    problem: Problem,
    resource: str,
    within: tuple[Number | None, Number | None] | None = None,
    *,
    epsilon: float = 0.0,
    time_limit: float | None = None,
    memory_limit: int = 2 << 30,
) -> Front:
    """Find every efficient pair of a resource's usage and the loss, exactly.

    A problem without constraints besides the resource's own budget is solved at once:
    between two neighbours on the lower hull an efficient layout has a reduced cost of
    at most one step of the hull, so that the front falls apart into label problems
    over few groups, each by the algorithm of Nemhauser and Ullmann [1]_. With other
    constraints every point is a solve of its own (the epsilon-constraint method [2]_);
    there an epsilon leaves about ``1 / epsilon`` points, each found by halving.

    Parameters
    ----------
    problem : Problem
        A budget on `resource` bounds the front; the others are constraints.
    resource : str
        Name of the resource.
    within : (lower, upper), optional
        Usages of interest, in the resource's units; None leaves a side open.
    epsilon : float
        Points may stand for others of no less usage whose loss is smaller by at most
        this share of the whole front's range of losses.
    time_limit : float, optional
        Seconds after which the points found so far are returned.
    memory_limit : int
        Bytes that the lists may take.

    Returns
    -------
    Front

    Raises
    ------
    InvalidParameterError
        If there is no such resource, or a parameter is out of range.
    UnsupportedProblemError
        If no installed method can solve the other constraints.

    References
    ----------
    .. [1] G. L. Nemhauser, Z. Ullmann, "Discrete dynamic programming and capital
       allocation", Management Science 15 (1969) 494-505.
    .. [2] Y. Y. Haimes, L. S. Lasdon, D. A. Wismer, "On a bicriterion formulation of
       the problems of integrated system identification and system optimization",
       IEEE Transactions on Systems, Man, and Cybernetics 1 (1971) 296-297.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.30, 0.10], [0.20, 0.05]], {"memory": [[2048, 4096], [512, 1024]]})
    >>> curve = mpsolve.front(problem, "memory")
    >>> curve.usage.tolist(), curve.loss.round(2).tolist()
    ([2560, 3072, 4608, 5120], [0.5, 0.35, 0.3, 0.15])
    >>> dict(curve.at(4000).layout)
    {'layer0': 'option0', 'layer1': 'option1'}
    """
    limits = _window(problem, resource, within)
    if not 0.0 <= epsilon < math.inf:
        msg = f"epsilon must be a number >= 0. Got {epsilon!r}"
        raise InvalidParameterError(msg)
    merged = problem.merged
    is_alone = set(merged.limits) <= {resource}
    if is_alone and not get_method("exact").capabilities.cannot(
        problem.with_budgets({})
    ):
        points = _by_labels(merged, resource, limits, epsilon, time_limit, memory_limit)
        method = get_method("exact")
    else:
        bounded = problem.with_budgets({**problem.budgets, resource: 0})
        method = choose_method(bounded, Parameters())
        points = points_by_solves(method, merged, resource, limits, epsilon, time_limit)
    return Front(problem, resource, points, method=method, epsilon=epsilon)


def _window(
    problem: Problem,
    resource: str,
    within: tuple[Number | None, Number | None] | None,
) -> Limits:
    """Return the usages of interest in scaled integers."""
    if resource not in problem.resources:
        known = ", ".join(problem.resources) or "none"
        msg = f"resource must be one of {known}. Got {resource!r}"
        raise InvalidParameterError(msg)
    lower, upper = problem.merged.limits.get(resource, (None, None))
    if within is None:
        return lower, upper
    budget, message = parse_budget(tuple(within))
    if not isinstance(budget, Budget):
        msg = f"within {message}"
        raise InvalidParameterError(msg)
    low, high = problem.resources[resource].limits(budget)
    lows = [side for side in (lower, low) if side is not None]
    highs = [side for side in (upper, high) if side is not None]
    return max(lows, default=None), min(highs, default=None)


def _by_labels(
    merged: Merged,
    resource: str,
    limits: Limits,
    epsilon: float,
    time_limit: float | None,
    memory_limit: int,
) -> Points:
    outcome = solve_front(
        merged.loss,
        merged.usage[resource],
        None if merged.width is not None else merged.offsets,
        merged.width or 0,
        *limits,
        epsilon=epsilon,
        time_limit=math.inf if time_limit is None else time_limit,
        memory_limit=memory_limit,
    )
    return Points(
        outcome.usage,
        outcome.loss,
        outcome.is_supported.astype(bool),
        None if outcome.limit is None else Limit(outcome.limit),
    )
