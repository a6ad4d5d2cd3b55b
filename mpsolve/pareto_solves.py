"""A front point by point: what other constraints leave of it, each point a solve."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mpsolve.methods import Method, Parameters
from mpsolve.model.layout import Layout
from mpsolve.model.merge import Merged
from mpsolve.model.resource import Limits
from mpsolve.result import Limit, Reason
from mpsolve.verification import verify

__all__ = ["Points", "points_by_solves", "under_limits"]


@dataclass(frozen=True)
class Points:
    """Efficient totals and losses of a merged problem.

    Attributes
    ----------
    totals : ndarray of int64, shape (num_points,)
        Rising.
    loss : ndarray of float64, shape (num_points,)
        Falling.
    is_supported : ndarray of bool, shape (num_points,)
    limit : Limit or None
        What stopped the search early.
    """

    totals: npt.NDArray[np.int64]
    loss: npt.NDArray[np.float64]
    is_supported: npt.NDArray[np.bool_]
    limit: Limit | None


def points_by_solves(
    method: Method,
    merged: Merged,
    resource: str,
    limits: Limits,
    epsilon: float = 0.0,
    time_limit: float | None = None,
) -> Points:
    """Find the front from its heavy end, by the epsilon-constraint method.

    Exactly, every solve is one unit below the last point's usage, and finds the next
    point. With a tolerance, a point is the lightest layout whose loss is within it of
    the first loss that is not covered yet: about ``1 / epsilon`` points, each found by
    halving the range of usages.

    Parameters
    ----------
    method : Method
        That can solve the problem with a budget on `resource`.
    merged : Merged
    resource : str
    limits : (lower, upper)
        Usages of interest, in scaled integers.
    epsilon : float
        As for :func:`mpsolve.front`.
    time_limit : float, optional
        Seconds.

    Returns
    -------
    Points
    """
    search = _Search(method, merged, resource, limits, time_limit)
    points = search.exact() if epsilon == 0 else search.rough(epsilon)
    usage = np.array([p.total for p in reversed(points)], dtype=np.int64)
    loss = np.array([p.loss for p in reversed(points)], dtype=np.float64)
    return Points(usage, loss, _on_hull(usage, loss), search.limit)


@dataclass(frozen=True)
class _Point:
    total: int
    loss: float


class _Search:
    def __init__(
        self,
        method: Method,
        merged: Merged,
        resource: str,
        limits: Limits,
        time_limit: float | None,
    ) -> None:
        self._method = method
        self._merged = merged
        self._resource = resource
        self._lower, self._upper = limits
        self._takes_limit = "time_limit" in method.capabilities.parameters
        self._deadline = math.inf
        if time_limit is not None:
            self._deadline = time.perf_counter() + time_limit
        self.limit: Limit | None = None

    def exact(self) -> list[_Point]:
        """Return every efficient point, heavy ones first."""
        points: list[_Point] = []
        upper = self._upper
        while (found := self._best(upper)) is not None:
            # The last point was not efficient: the same loss takes less.
            if points and not found.loss > points[-1].loss:
                points.pop()
            points.append(found)
            upper = found.total - 1
        return points

    def rough(self, epsilon: float) -> list[_Point]:
        """Return points that cover the front within a share of its range of losses."""
        first = self._best(self._upper)
        if first is None:
            return []
        lightest = self._least(first, math.inf)
        slack = epsilon * max(lightest.loss - first.loss, 0.0)
        points: list[_Point] = []
        uncovered: _Point | None = first
        while uncovered is not None and self.limit is None:
            found = self._least(uncovered, uncovered.loss + slack)
            if self.limit is None:
                points.append(found)
            if found.total <= lightest.total:
                break
            uncovered = self._best(found.total - 1)
        return points

    def _least(self, known: _Point, most: float) -> _Point:
        """Return the lightest point of at most some loss, which a known one has."""
        smallest, _ = self._merged.reachable(self._resource)
        refused = max(smallest, smallest if self._lower is None else self._lower) - 1
        while known.total - refused > 1 and self.limit is None:
            middle = (known.total + refused) // 2
            found = self._best(middle)
            if found is not None and found.loss <= most:
                known = found
            else:
                refused = middle
        return known

    def _best(self, upper: int | None) -> _Point | None:
        """Return the point of least loss up to a usage; None where there is none."""
        left = self._deadline - time.perf_counter()
        if left < 0:
            self.limit = Limit.TIME
            return None
        parameters = Parameters(rel_gap=0.0)
        if self._takes_limit and left < math.inf:
            parameters = replace(parameters, time_limit=left)
        merged = self._merged
        bounded = under_limits(merged, self._resource, (self._lower, upper))
        answer = self._method.solve(bounded, parameters)
        if answer.reason is not Reason.OPTIMAL or answer.choices is None:
            if answer.reason is not Reason.INFEASIBLE:
                self.limit = answer.limit or Limit.OTHER
            return None
        layout = Layout(merged.problem, merged.expand(answer.choices))
        verified = verify(merged.problem.with_budgets({}), layout)
        flat = merged.offsets[:-1] + answer.choices
        total = int(merged.usage[self._resource][flat].sum())
        loss = -verified.loss if merged.problem.maximize else verified.loss
        return _Point(total, loss)


def _on_hull(
    usage: npt.NDArray[np.int64], loss: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Return which points lie on the lower hull of a front."""
    hull: list[int] = []
    for i in range(len(usage)):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            left = (loss[a] - loss[b]) * float(usage[i] - usage[b])
            right = (loss[b] - loss[i]) * float(usage[b] - usage[a])
            if left > right:
                break
            hull.pop()
        hull.append(i)
    is_supported = np.zeros(len(usage), dtype=bool)
    is_supported[hull] = True
    return is_supported


def under_limits(merged: Merged, resource: str, limits: Limits) -> Merged:
    """Return a merged problem under limits of a resource, in place of its own."""
    return replace(merged, limits={**merged.limits, resource: limits})
