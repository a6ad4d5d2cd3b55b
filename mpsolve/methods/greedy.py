"""Greedy layouts for one budget: a yardstick, not a search."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.result import Limit, Reason

__all__ = ["Greedy"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Options looked at one by one before those that no longer fit are dropped together.
FIRST_BATCH = 1000

#: Bounds the relative rounding error of a term of the Lagrangian bound.
TERM_ROUNDING = 2.0**-50


class Greedy:
    r"""The better of two greedy layouts.

    Both begin with the option of least usage in every group, and change to options of
    less loss while the budget allows. One takes the steps that save the most loss per
    unit of usage, along every group's lower convex hull: up to the first step that does
    not fit, this solves the linear relaxation [1]_. The other takes the steps that save
    the most loss, whatever they use.

    The slope of that first step gives a Lagrangian bound, so the gap is known; but
    nothing closes it, and the reason is FEASIBLE.

    Notes
    -----
    :math:`O(N \log N)` for N options: three sorts, and passes over the options.

    References
    ----------
    .. [1] H. Kellerer, U. Pferschy, D. Pisinger, "Knapsack Problems", Springer 2004,
       section 11.2. doi:10.1007/978-3-540-24777-7
    """

    name = "greedy"
    summary = "a layout without a search: the best saving, absolute or per unit, first"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(proves=False, most_budgets=1, lower_sides=False)

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        name, (_, upper) = next(iter(merged.limits.items()), ("", (None, None)))
        offsets, loss = merged.offsets, merged.loss
        starts, sizes = offsets[:-1], np.diff(offsets)
        usage = merged.usage[name] if name else np.zeros(len(loss), dtype=np.int64)
        smallest = np.minimum.reduceat(usage, starts) if len(starts) else usage
        above = usage - np.repeat(smallest, sizes)
        base = sum(smallest.tolist())
        if upper is not None and base > upper:
            return Answer(Reason.INFEASIBLE)
        # Every step fits where the budget is open; totals stay below 2^62.
        largest = np.maximum.reduceat(above, starts) if len(starts) else above
        room = sum(largest.tolist())
        room = room if upper is None else min(room, upper - base)
        group = np.repeat(np.arange(len(starts)), sizes)
        order = _by_usage(loss, above, group, merged.width)
        hull = _lower_hull(order, group, loss, above)
        by_density, slope = _by_density(hull, group, loss, above, room)
        by_saving = _by_saving(order, group, loss, above, room)
        losses = [
            math.fsum(loss[chosen].tolist()) for chosen in (by_density, by_saving)
        ]
        least = int(np.argmin(losses))
        return Answer(
            Reason.FEASIBLE,
            choices=(by_density, by_saving)[least] - starts,
            loss=losses[least],
            bound=_lagrangian_bound(loss, above, room, slope, starts),
            limit=Limit.OTHER,
            multipliers={name: slope} if name else {},
            detail="a greedy layout: there may be better ones",
        )


def _by_usage(loss: Floats, above: Ints, group: Ints, width: int | None) -> Ints:
    """Return the options in order of group, usage and loss."""
    if not width:
        return np.lexsort((loss, above, group))
    # Rows that are sorted by themselves are much faster.
    rows = np.lexsort((loss.reshape(-1, width), above.reshape(-1, width)), axis=1)
    starts = np.arange(0, len(loss), width)
    order: Ints = (rows + starts[:, None]).reshape(-1)
    return order


def _lower_hull(order: Ints, group: Ints, loss: Floats, above: Ints) -> Ints:
    """Return the options on every group's lower convex hull, in order of usage.

    Points inside are removed until none is left. A point on or above the segment of its
    neighbours is not on the hull, whichever other points go at the same time.
    """
    kept = order
    while True:
        is_inside = np.zeros(len(kept), dtype=bool)
        is_inside[1:] = (group[kept[1:]] == group[kept[:-1]]) & (
            loss[kept[1:]] >= loss[kept[:-1]]
        )
        if not is_inside.any():
            break
        kept = kept[~is_inside]
    while True:
        slopes = _slopes(kept, loss, above)
        is_inside = np.zeros(len(kept), dtype=bool)
        is_inside[1:-1] = (
            (group[kept[:-2]] == group[kept[1:-1]])
            & (group[kept[1:-1]] == group[kept[2:]])
            & (slopes[:-1] <= slopes[1:])
        )
        if not is_inside.any():
            return kept
        kept = kept[~is_inside]


def _slopes(kept: Ints, loss: Floats, above: Ints) -> Floats:
    """Return the loss saved per unit by each step; across groups it means nothing."""
    saved, used = -np.diff(loss[kept]), np.diff(above[kept])
    slopes: Floats = saved / np.maximum(used, 1)
    return slopes


def _by_density(
    hull: Ints, group: Ints, loss: Floats, above: Ints, room: int
) -> tuple[Ints, float]:
    """Take steps by loss saved per unit; return options and the first slope left."""
    first = np.ones(len(hull), dtype=bool)
    first[1:] = group[hull[1:]] != group[hull[:-1]]
    chosen = hull[first].copy()
    is_step = ~first[1:]
    slopes = _slopes(hull, loss, above)[is_step]
    weights = np.diff(above[hull])[is_step]
    targets = hull[1:][is_step]
    order = np.argsort(-slopes, kind="stable")
    num_fit = int(np.searchsorted(np.cumsum(weights[order]), room, side="right"))
    fit, rest = order[:num_fit], order[num_fit:]
    # The steps of a group come in order of usage, and the last one assigned stays.
    chosen[group[targets[fit]]] = targets[fit]
    room -= int(weights[fit].sum())
    blocked = set()
    steps = (
        group[targets[rest]].tolist(),
        weights[rest].tolist(),
        targets[rest].tolist(),
    )
    for member, weight, target in zip(*steps, strict=True):
        if member in blocked:
            continue
        if weight > room:
            blocked.add(member)
            continue
        chosen[member] = target
        room -= weight
    return chosen, float(slopes[rest[0]]) if len(rest) else 0.0


def _by_saving(order: Ints, group: Ints, loss: Floats, above: Ints, room: int) -> Ints:
    """Take the changes that save the most loss, one a group."""
    first = np.ones(len(order), dtype=bool)
    first[1:] = group[order[1:]] != group[order[:-1]]
    chosen = order[first].copy()
    saved = loss[chosen][group] - loss
    candidates = np.flatnonzero((saved > 0) & (above <= room))
    candidates = candidates[np.argsort(-saved[candidates], kind="stable")]
    is_changed = np.zeros(len(chosen), dtype=bool)
    size = FIRST_BATCH
    while len(candidates):
        batch, candidates = candidates[:size], candidates[size:]
        columns = (batch, group[batch], above[batch])
        options = zip(*(column.tolist() for column in columns), strict=True)
        for option, member, weight in options:
            if weight <= room and not is_changed[member]:
                is_changed[member] = True
                chosen[member] = option
                room -= weight
        # What is out of the question by now need not be looked at one by one.
        is_out = (above[candidates] > room) | is_changed[group[candidates]]
        candidates = candidates[~is_out]
        size *= 2
    return chosen


def _lagrangian_bound(
    loss: Floats, above: Ints, room: int, slope: float, starts: Ints
) -> float:
    """Return a bound on every layout's loss within the budget, rounding included."""
    if not len(starts):
        return 0.0
    priced = loss + slope * above
    error = TERM_ROUNDING * (np.abs(loss) + slope * above)
    terms = np.minimum.reduceat(priced - error, starts).tolist()
    return math.fsum([*terms, -slope * room * (1.0 + TERM_ROUNDING)])
