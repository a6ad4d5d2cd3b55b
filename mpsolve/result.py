"""Results: the layout found, what is proven about it, and why the search stopped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mpsolve.errors import NoLayoutError
from mpsolve.model.budget import Number
from mpsolve.model.layout import Layout

__all__ = ["Limit", "Reason", "Result", "absolute_gap", "relative_gap"]

#: Rounding of a float64 sum, relative to the sum of the absolute values: what is left
#: where a gap of zero was asked for.
ROUNDING = 1e-12


class Reason(StrEnum):
    """Why a solve stopped; the words are MathOpt's.

    Examples
    --------
    >>> Reason.OPTIMAL == "OPTIMAL"
    True
    """

    OPTIMAL = "OPTIMAL"
    """A layout, proven optimal within the gap that was asked for."""
    FEASIBLE = "FEASIBLE"
    """A layout; a limit was reached before the proof."""
    INFEASIBLE = "INFEASIBLE"
    """Proven: no layout keeps all budgets."""
    NO_SOLUTION_FOUND = "NO_SOLUTION_FOUND"
    """A limit was reached before any layout was found."""


class Limit(StrEnum):
    """Which limit stopped a solve early."""

    TIME = "TIME"
    MEMORY = "MEMORY"
    NODE = "NODE"
    INTERRUPTED = "INTERRUPTED"
    OTHER = "OTHER"
    """The method proves nothing more, as a heuristic does."""


def absolute_gap(loss: float, bound: float) -> float:
    """Return ``|loss - bound|``, the distance of primal and dual bound.

    Parameters
    ----------
    loss, bound : float
        Primal and dual bound; infinities are allowed.

    Returns
    -------
    float
        0 where both are the same, infinities included.
    """
    return 0.0 if loss == bound else abs(loss - bound)


def relative_gap(loss: float, bound: float) -> float:
    """Return ``|loss - bound| / |loss|``.

    It has no absolute part, so that a loss of 1e-9 is proven as sharply as one of 1e9.

    Parameters
    ----------
    loss, bound : float
        Primal and dual bound; infinities are allowed.

    Returns
    -------
    float
        0 where both are the same; inf where only `loss` is 0, or where either is
        infinite.
    """
    gap = absolute_gap(loss, bound)
    if gap == 0.0:
        return 0.0
    if loss == 0.0 or not math.isfinite(gap):
        return math.inf
    return gap / abs(loss)


@dataclass(frozen=True)
class Result:
    """The answer to a problem.

    Attributes
    ----------
    reason : Reason
        Why the solve stopped; equal to a string such as ``"OPTIMAL"``.
    method : str
        Name of the method that answered.
    bound : float
        Proven dual bound, in the loss's own sense: no layout has a smaller loss (a
        larger gain where the problem maximises). Infinite where nothing is proven, or
        where there is no layout at all.
    layout : Layout or None
        The best layout found.
    primal : float or None
        Its loss, evaluated exactly; None where there is no layout. `loss` is the same,
        and raises there.
    usage : mapping of str to int or float
        Total usage of each resource by the layout, in the resource's units.
    multipliers : mapping of str to float
        What one more unit of each budget is worth: the loss that the linear relaxation
        saves. Positive for an upper side that binds, negative for a lower side.
    limit : Limit or None
        Which limit stopped the solve early; None unless the reason is FEASIBLE or
        NO_SOLUTION_FOUND.
    detail : str
        One sentence for a person: why infeasible, or what a method assumed.
    time : float
        Wall time of the solve in seconds, verification included.
    counters : mapping of str to float
        What the method counted (labels, core groups, phases in seconds, …).
    rel_gap, abs_gap : float
        The tolerances that were asked for.
    total : float or None
        Sum of the layout's losses: the same as `primal` unless the objective is
        ``"max"``.
    nearest : mapping of str to (lower, upper)
        For an infeasible problem: the nearest reachable totals below and above each
        conflicting budget, None where there is none on that side.
    """

    reason: Reason
    method: str
    bound: float
    layout: Layout | None = None
    primal: float | None = None
    usage: Mapping[str, Number] = field(default_factory=dict)
    multipliers: Mapping[str, float] = field(default_factory=dict)
    limit: Limit | None = None
    detail: str = ""
    time: float = 0.0
    counters: Mapping[str, float] = field(default_factory=dict)
    rel_gap: float = 0.0
    abs_gap: float = 0.0
    nearest: Mapping[str, tuple[Number | None, Number | None]] = field(
        default_factory=dict
    )
    total: float | None = None

    def __post_init__(self) -> None:
        has_layout = self.layout is not None and self.primal is not None
        stopped_early = self.reason in (Reason.FEASIBLE, Reason.NO_SOLUTION_FOUND)
        if has_layout != (self.reason in (Reason.OPTIMAL, Reason.FEASIBLE)):
            msg = f"{self.reason} with{'' if has_layout else 'out'} a layout"
            raise ValueError(msg)
        if stopped_early != (self.limit is not None):
            msg = f"{self.reason} with the limit {self.limit}"
            raise ValueError(msg)

    @property
    def loss(self) -> float:
        """Loss (or gain) of the layout.

        Raises
        ------
        NoLayoutError
            If there is no layout.
        """
        if self.primal is None:
            msg = f"there is no layout, so no loss: {self.reason}"
            raise NoLayoutError(msg)
        return self.primal

    @property
    def gap(self) -> float:
        """Relative gap, see :func:`relative_gap`; inf where there is no layout."""
        return (
            math.inf if self.primal is None else relative_gap(self.primal, self.bound)
        )

    @property
    def absolute_gap(self) -> float:
        """Absolute gap, see :func:`absolute_gap`; inf where there is no layout."""
        return (
            math.inf if self.primal is None else absolute_gap(self.primal, self.bound)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects that JSON can hold.

        Infinities become None.
        """

        def finite(value: float) -> float | None:
            return value if math.isfinite(value) else None

        return {
            "reason": str(self.reason),
            "limit": None if self.limit is None else str(self.limit),
            "detail": self.detail,
            "method": self.method,
            "loss": self.primal,
            "total": self.total,
            "bound": finite(self.bound),
            "gap": finite(self.gap),
            "usage": dict(self.usage),
            "multipliers": dict(self.multipliers),
            "nearest": {name: list(pair) for name, pair in self.nearest.items()},
            "time": self.time,
            "counters": dict(self.counters),
            "rel_gap": self.rel_gap,
            "abs_gap": self.abs_gap,
            "layout": None if self.layout is None else dict(self.layout),
        }

    def summary(self) -> str:
        """Return the answer in a few lines of text, for people.

        Returns
        -------
        str
        """
        head = (
            str(self.reason) if self.limit is None else f"{self.reason} ({self.limit})"
        )
        lines = [f"{head} by {self.method} in {self.time * 1e3:.3g} ms"]
        if self.primal is not None:
            gap = f"gap {self.gap:.2g}" if math.isfinite(self.gap) else "no gap"
            lines.append(f"loss {self.primal:.12g}, bound {self.bound:.12g}, {gap}")
        lines += [f"{name} {value}" for name, value in self.usage.items()]
        if self.layout is not None:
            counts = self.layout.counts().items()
            lines.append(", ".join(f"{name}×{count}" for name, count in counts))
        if self.detail:
            lines.append(self.detail)
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary().splitlines()[0]
