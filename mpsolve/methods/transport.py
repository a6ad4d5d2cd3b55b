"""An inventory with any losses: the transportation problem, by shortest paths."""

from __future__ import annotations

import math
import time
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mpsolve.methods._flow import Flow, Stuck
from mpsolve.methods.potentials import ascend
from mpsolve.methods.proof import answer, as_integers, inventory_bounds, to_float
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.result import Limit, Reason

__all__ = ["Transport"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Layers that the flow is about at first; it grows where they do not suffice.
FIRST_CORE = 256


class Transport:
    r"""The inventory problem with losses of any kind, solved as a flow.

    Layers are supplies of one unit, precisions are demands [1]_. Its linear program has
    integral vertices, so multipliers v of the counts prove a layout optimal:

    .. math:: \sum_i \min_k (c_{ik} - v_k) + \sum_k \min(v_k \underline n_k,
        v_k \overline n_k)

    is a lower bound for any v, and equals the loss for the right ones. Ascent over one
    multiplier at a time gives a layout whose counts are almost right; shortest paths
    over the few precisions mend them [2]_. They move layers that hardly prefer their
    precision; for the others it is enough that they still prefer it in the end. Losses
    are integers of one common unit there, however large, so nothing is rounded.

    References
    ----------
    .. [1] F. Hitchcock, "The distribution of a product from several sources to numerous
       localities", Journal of Mathematics and Physics 20 (1941) 224-230.
    .. [2] R. Ahuja, T. Magnanti, J. Orlin, Network Flows, 1993, section 9.7.

    Examples
    --------
    Losses that no product gives: the largest is not where a sort by layer puts it.

    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[5, 4, 0], [4, 1, 0], [6, 5, 3]], precisions=["int4", "int8", "fp16"],
    ...     inventory={"int4": 1, "int8": 1, "fp16": 1})
    >>> result = mpsolve.solve(problem)
    >>> result.method, result.loss, list(result.layout.values())
    ('transport', 7.0, ['fp16', 'int8', 'int4'])
    """

    name = "transport"
    summary = "a flow, for an inventory and any losses"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        most_budgets=0,
        inventory=True,
        parameters=frozenset({"time_limit", "memory_limit", "hint"}),
    )

    def why_not(self, merged: Merged) -> str:
        """Say why it is no flow; see :class:`mpsolve.methods.SpecialCase`."""
        if merged.problem.inventory is None:
            return "a problem without inventory"
        if (merged.sizes != 1).any():
            return "ties, whose layers count together"
        return ""

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        limit_s = math.inf if parameters.time_limit is None else parameters.time_limit
        deadline = time.perf_counter() + limit_s
        lower, upper = inventory_bounds(merged)
        table = _table(merged)
        start = ascend(table, lower, upper)
        reduced = table - start
        assigned = reduced.argmin(axis=1)
        # Layers that hardly prefer their precision come first: the others stay.
        order = np.argsort(_margins(reduced, assigned), kind="stable")
        size = FIRST_CORE
        while True:
            size = min(size, merged.num_groups)
            core, rest = order[:size], order[size:]
            taken = np.bincount(assigned[rest], minlength=len(lower)).tolist()
            integers, exponent = as_integers(
                np.where(np.isfinite(table[core]), table[core], 0.0)
            )
            flow = Flow(
                _rows(integers, table[core]),
                [low - count for low, count in zip(lower, taken, strict=True)],
                [high - count for high, count in zip(upper, taken, strict=True)],
                [to_unit(v, exponent) for v in start.tolist()],
            )
            try:
                is_done = flow.mend(deadline)
            except Stuck as stuck:
                if size == merged.num_groups:
                    detail = _conflict(merged, stuck.reached, lower, upper)
                    return Answer(Reason.INFEASIBLE, detail=detail)
            else:
                v = np.array([to_float(x, exponent) for x in flow.multipliers()])
                stays = _surely_prefer(table[rest], v, assigned[rest])
                if stays or not is_done:
                    break
            size *= 8
        counters = {"paths": float(flow.num_paths), "core_groups": float(size)}
        # The other layers' multipliers cancel against the counts that they take.
        bound = -math.inf
        if stays:
            losses = table[rest, assigned[rest]].tolist()
            bound = math.fsum([to_float(flow.dual_bound(), exponent), *losses])
        if not is_done:
            return Answer(
                Reason.NO_SOLUTION_FOUND,
                bound=bound,
                limit=Limit.TIME,
                counters=counters,
            )
        assigned[core] = flow.assigned
        return answer(
            merged,
            None,
            _positions(merged, assigned.tolist()),
            bound,
            parameters,
            detail=(
                "the inventory is the only constraint, so the layout is a flow, and "
                "multipliers of the counts prove it"
            ),
            counters=counters,
        )


def _margins(reduced: Floats, assigned: Ints) -> Floats:
    """Return by how much every layer prefers its precision to any other."""
    layers = np.arange(len(assigned))
    others = reduced.copy()
    others[layers, assigned] = np.inf
    margins: Floats = others.min(axis=1, initial=np.inf) - reduced[layers, assigned]
    return margins


def _surely_prefer(losses: Floats, multipliers: Floats, assigned: Ints) -> bool:
    """Whether layers prefer their precisions by more than rounding."""
    reduced = losses - multipliers
    sizes = np.where(np.isfinite(losses), np.abs(losses), 0.0) + np.abs(multipliers)
    rounding = 4 * np.finfo(np.float64).eps * sizes.max(axis=1, initial=0.0)
    return bool((_margins(reduced, assigned) > rounding).all())


def to_unit(value: float, exponent: int) -> int:
    """Return a float in units of ``2**exponent``, to the nearest integer."""
    mantissa, own = math.frexp(value)
    shift = own - 53 - exponent
    integer = int(mantissa * 2**53)
    return integer << shift if shift >= 0 else integer >> min(-shift, 4096)


def _table(merged: Merged) -> Floats:
    """Return losses by group and precision, infinite where a group lacks it."""
    num_precisions = len(merged.problem.precisions)
    table = np.full((merged.num_groups, num_precisions), math.inf)
    group_of = np.repeat(np.arange(merged.num_groups), np.diff(merged.offsets))
    table[group_of, merged.codes] = merged.loss
    return table


def _rows(integers: npt.NDArray[np.object_], losses: Floats) -> list[dict[int, int]]:
    """Return the exact losses of layers by the precisions that they have."""
    return [
        {k: row[k] for k in np.flatnonzero(has).tolist()}
        for row, has in zip(integers.tolist(), np.isfinite(losses), strict=True)
    ]


def _positions(merged: Merged, assigned: list[int]) -> list[int]:
    """Return the options of every group for its precision."""
    if (
        merged.width == len(merged.problem.precisions)
        and merged.problem.width is not None
    ):
        return assigned
    codes, offsets = merged.codes.tolist(), merged.offsets.tolist()
    return [
        codes.index(code, first) - first
        for code, first in zip(assigned, offsets[:-1], strict=True)
    ]


def _conflict(
    merged: Merged, reached: set[int], lower: list[int], upper: list[int]
) -> str:
    """Say which counts conflict, by the precisions that surplus layers can reach."""
    problem = merged.problem
    codes, offsets = merged.codes.tolist(), merged.offsets.tolist()
    allowed = [set(codes[first:last]) for first, last in pairwise(offsets)]
    num_precisions = len(problem.precisions)
    inside = {k for k in reached if k < num_precisions}
    if num_precisions not in reached:
        names = ", ".join(problem.precisions[k] for k in sorted(inside))
        stuck = sum(options <= inside for options in allowed)
        room = sum(upper[k] for k in inside)
        return f"{stuck} layers can only be {names}; the inventory has {room} of those"
    outside = set(range(num_precisions)) - inside
    names = ", ".join(problem.precisions[k] for k in sorted(outside))
    able = sum(bool(options & outside) for options in allowed)
    asked = sum(lower[k] for k in outside)
    return f"the inventory asks for {asked} layers of {names}; {able} can be that"
