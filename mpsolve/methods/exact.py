"""The engine: branch and bound over the core of one budget's knapsack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mpsolve._engine import MckpOutcome, solve_mckp
from mpsolve.methods.engine_options import (
    PARAMETERS,
    engine_options,
    within_int64,
)
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.methods.relevant import relevant_options
from mpsolve.model.lattice import quantum
from mpsolve.model.merge import Merged
from mpsolve.model.resource import Limits
from mpsolve.result import ROUNDING, Limit, Reason

__all__ = ["Exact"]

OPEN: Limits = (None, None)


class Exact:
    """The compiled engine for problems with at most one budget.

    The linear relaxation gives multiplier and break solution, reduced costs leave a
    core, and labels over the core close the gap [1]_.

    References
    ----------
    .. [1] D. Pisinger, "A minimal algorithm for the multiple-choice knapsack problem",
       European Journal of Operational Research 83 (1995) 394-410.
    """

    name = "exact"
    summary = "the engine: proves one budget, both sides, in microseconds to seconds"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        most_budgets=1,
        interrupts=True,
        parameters=PARAMETERS,
    )

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        name, limits = next(iter(merged.limits.items()), (None, OPEN))
        usage = (
            np.zeros(merged.loss.size, dtype=np.int64)
            if name is None
            else merged.usage[name]
        )
        options = engine_options(parameters)
        outcome = _run(
            merged.loss, usage, merged.offsets, merged.width, limits, **options
        )
        answer = outcome_answer(outcome, name)
        found = _Found(outcome.choices, outcome.loss, outcome.bound)
        if answer.reason is not Reason.OPTIMAL or found.is_proven(merged, parameters):
            return answer
        # What is left of the gap is the rounding of the sums: look closer.
        options.pop("hint", None)
        found = _closer(merged, usage, limits, found, options)
        answer = replace(
            answer,
            choices=found.choices,
            loss=None if found.choices is None else found.loss,
            bound=found.bound,
        )
        if found.is_proven(merged, parameters):
            return answer
        detail = "the losses span more digits than sums of floats can prove"
        return replace(answer, reason=Reason.FEASIBLE, limit=Limit.OTHER, detail=detail)


@dataclass(frozen=True)
class _Found:
    """A layout, or none, and what is proven."""

    choices: npt.NDArray[np.integer] | None
    loss: float
    bound: float

    def is_proven(self, merged: Merged, parameters: Parameters) -> bool:
        """Whether the gap is what was asked for, or the rounding of a sum."""
        gap = self.loss - self.bound
        # The absolute losses sum to no less than the absolute loss.
        rel_gap = max(parameters.rel_gap, ROUNDING)
        if gap <= max(parameters.abs_gap, rel_gap * abs(self.loss)):
            return True
        if self.choices is None:
            return False
        chosen = merged.loss[merged.offsets[:-1] + self.choices]
        return gap <= ROUNDING * float(np.abs(chosen).sum())


def _closer(
    merged: Merged,
    usage: npt.NDArray[np.int64],
    limits: Limits,
    found: _Found,
    options: dict[str, Any],
) -> _Found:
    """Solve again without the options whose losses blur those that matter."""
    loss, starts = merged.loss, merged.offsets[:-1]
    choices, least, bound = found.choices, found.loss, found.bound
    step = quantum(loss, merged.num_groups)
    if choices is not None and least - bound >= step:
        kept = relevant_options(loss, usage, merged.offsets, limits, least)
        kept[starts + choices] = True
        sizes = np.add.reduceat(kept, starts, dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        outcome = _run(loss[kept], usage[kept], offsets, None, limits, **options)
        # What was left out is no better than the layout that is known.
        bound = max(bound, min(outcome.bound, least))
        if outcome.choices is not None and outcome.loss < least:
            flat = np.flatnonzero(kept)[offsets[:-1] + outcome.choices]
            choices, least = flat - starts, outcome.loss
    # Where losses are multiples of a step, there is none between two of them.
    return _Found(choices, least, least if least - bound < step else bound)


def nearest_totals(
    merged: Merged, resource: str, limits: Limits
) -> tuple[int | None, int | None]:
    """Return the largest reachable total below a budget and the smallest above it.

    Parameters
    ----------
    merged : Merged
    resource : str
    limits : (lower, upper)
        In scaled integers.

    Returns
    -------
    below, above : int or None
        The same total twice where it lies within the limits; None where no layout has
        a total on that side.
    """
    lower, upper = limits
    smallest, largest = merged.reachable(resource)
    if upper is not None and smallest > upper:
        return None, smallest
    if lower is not None and largest < lower:
        return largest, None
    if lower is None or upper is None:
        inside = smallest if lower is None else largest
        return inside, inside
    below = _extreme_total(merged, resource, (None, upper), sign=-1)
    if below >= lower:
        return below, below
    return below, _extreme_total(merged, resource, (lower, None), sign=1)


def _extreme_total(merged: Merged, resource: str, limits: Limits, sign: int) -> int:
    """Return the smallest (largest for sign -1) total within one-sided limits.

    It is the nearest found within a second: a total may be as hard as a proof.
    """
    usage = merged.usage[resource]
    smallest = np.minimum.reduceat(usage, merged.offsets[:-1])
    above = usage - np.repeat(smallest, np.diff(merged.offsets))
    loss = sign * above.astype(np.float64)
    return _run(loss, usage, merged.offsets, merged.width, limits, time_limit=1.0).usage


def _run(
    loss: npt.NDArray[np.float64],
    usage: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    width: int | None,
    limits: Limits,
    **options: Any,
) -> MckpOutcome:
    return solve_mckp(
        loss,
        usage,
        offsets if width is None else None,
        width or 0,
        *map(within_int64, limits),
        **options,
    )


def outcome_counters(outcome: MckpOutcome) -> dict[str, float]:
    """Return what the engine counted, by the names of results."""
    return {
        "core_groups": outcome.num_core_groups,
        "core_options": outcome.num_core_options,
        "labels": outcome.num_labels,
        "longest_list": outcome.max_list,
        "splits": outcome.num_splits,
    }


def outcome_answer(outcome: MckpOutcome, resource: str | None = None) -> Answer:
    """Return an outcome of the engine as an answer, as it stands."""
    return Answer(
        reason=Reason(outcome.reason),
        choices=outcome.choices,
        loss=None if outcome.choices is None else outcome.loss,
        bound=outcome.bound,
        limit=None if outcome.limit is None else Limit(outcome.limit),
        multipliers={} if resource is None else {resource: outcome.multiplier},
        counters=outcome_counters(outcome),
    )
