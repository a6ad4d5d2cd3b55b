"""An inventory with couplings along paths: dynamic programming over counts."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mpsolve.methods.chains import (
    Step,
    in_integers,
    nonnegative,
    path_order,
    steps_along,
)
from mpsolve.methods.proof import (
    allowed_gap,
    answer,
    evaluate,
    inventory_bounds,
    to_float,
)
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.model.pairs import Pairs
from mpsolve.result import Limit, Reason

__all__ = ["CountDp"]

#: Largest number of (layer, counts, precision) states; a byte or two each.
MOST_STATES = 200_000_000

#: Largest number of them that Python's integers are tried on.
MOST_EXACT_STATES = 1_000_000


class CountDp:
    r"""Dynamic programming over counts of precisions, for couplings along paths.

    State: how many layers have each precision so far, and the last layer's option.

    .. math:: V(u + w_g e_{p(k)}, k) = \min_a \; V(u, a) + T_g(a, k) + c_{g,k}

    for a group of :math:`w_g` tied layers; without an inventory this is Viterbi's
    algorithm. It takes :math:`O(L P^2 \prod_k (n_k + 1))` steps, one precision's count
    being what is left, so polynomial time for a given number of precisions. (With the
    number of precisions free, the problem is strongly NP-hard.)

    Losses are shifted to be nonnegative first, so that a computed sum is off by at most
    a factor of :math:`1 + 4 n \epsilon`; the bound subtracts that.

    Examples
    --------
    Data of fp32, two layers: the monotone layout would cost 1e-2.

    >>> import mpsolve
    >>> names = ["fp16", "fp32"]
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0, 0], [0, 0]], layers=["a", "b"], precisions=names,
    ...     inventory={"fp16": 1, "fp32": 1},
    ...     couplings=mpsolve.conversion_loss(
    ...         [("a", "b")], {"a": 10, "b": 1}, [1e-3, 1e-7], names, source="fp32"))
    >>> result = mpsolve.solve(problem, "count_dp")
    >>> result.method, dict(result.layout), result.loss
    ('count_dp', {'a': 'fp32', 'b': 'fp16'}, 0.001)
    """

    name = "count_dp"
    summary = "dynamic programming over counts, for couplings along chains"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        most_budgets=0,
        inventory=True,
        couplings=True,
        parameters=frozenset({"time_limit", "memory_limit", "hint"}),
    )

    def why_not(self, merged: Merged) -> str:
        """Say why it cannot be done; see :class:`mpsolve.methods.SpecialCase`."""
        if merged.problem.inventory is None and not merged.problem.couplings:
            return "a problem without inventory and couplings"
        pairs = merged.pairs
        if path_order(merged.num_groups, pairs) is None:
            return "couplings that do not form chains"
        num_states = _Counts.of(merged).num_states(merged)
        if num_states > MOST_STATES:
            return f"{num_states:,} states; it takes at most {MOST_STATES:,}"
        return ""

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        limit_s = math.inf if parameters.time_limit is None else parameters.time_limit
        deadline = time.perf_counter() + limit_s
        pairs = merged.pairs
        order = path_order(merged.num_groups, pairs) or []
        counts = _Counts.of(merged)
        num_states = counts.num_states(merged)
        memory_limit = parameters.memory_limit
        if memory_limit is not None and num_states * 2 > memory_limit:
            return Answer(Reason.NO_SOLUTION_FOUND, limit=Limit.MEMORY)
        steps = steps_along(merged, pairs, order)
        shift, shifted = nonnegative(steps)
        if math.isinf(shift):
            return Answer(Reason.INFEASIBLE, detail="couplings forbid every layout")
        found = counts.best_walk(shifted, deadline, math.inf)
        if found is None:
            return Answer(Reason.NO_SOLUTION_FOUND, limit=Limit.TIME)
        best, walk = found
        if math.isinf(best):
            return Answer(Reason.INFEASIBLE, detail=_why(merged, pairs))
        slack = (4 * len(steps) + 8) * float(np.finfo(np.float64).eps)
        bound = shift + best * (1.0 - slack)
        loss, size = evaluate(merged, pairs, _in_place(walk, order))
        if (
            loss - bound > allowed_gap(loss, size, parameters)
            and num_states <= MOST_EXACT_STATES
        ):
            # Losses of both signs cancel, so that rounding matters: once more, exactly.
            exact, exponent, forbidden = in_integers(steps)
            found = counts.best_walk(exact, deadline, forbidden)
            if found is not None:
                bound, walk = to_float(found[0], exponent), found[1]
        return answer(
            merged,
            pairs,
            _in_place(walk, order),
            bound,
            parameters,
            detail=(
                "couplings join layers along chains only, so dynamic programming over "
                "counts and the last precision is exact"
            ),
            counters={"states": float(num_states)},
        )


def _in_place(walk: list[int], order: list[int]) -> npt.NDArray[np.int64]:
    """Return the options of a walk by group."""
    choices = np.empty(len(order), dtype=np.int64)
    choices[order] = walk
    return choices


@dataclass(frozen=True)
class _Counts:
    """Which precisions are counted, and up to where.

    Attributes
    ----------
    axis : dict of int to int
        Axis of the table by precision; those without one are not bounded, or are what
        is left.
    rest : int or None
        The precision that takes what is left, whose count follows from the others.
    lower, upper : list of int
        By precision.
    total : int
        Number of layers.
    """

    axis: dict[int, int]
    rest: int | None
    lower: list[int]
    upper: list[int]
    total: int

    @classmethod
    def of(cls, merged: Merged) -> _Counts:
        """Return what to count in a merged problem."""
        problem = merged.problem
        lower, upper = inventory_bounds(merged)
        upper = [min(count, problem.num_groups) for count in upper]
        named = problem.inventory.counts if problem.inventory is not None else {}
        codes = [k for k, name in enumerate(problem.precisions) if name in named]
        rest = None
        if codes and len(codes) == len(problem.precisions):
            rest = max(codes, key=lambda k: upper[k])
            codes.remove(rest)
        axis = {k: axis for axis, k in enumerate(codes)}
        return cls(axis, rest, lower, upper, problem.num_groups)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a table of counts."""
        return tuple(self.upper[k] + 1 for k in self.axis)

    def num_states(self, merged: Merged) -> int:
        """Return the number of states over all groups."""
        return math.prod(self.shape) * len(merged.loss)

    def best_walk(
        self, steps: list[Step], deadline: float, forbidden: Any
    ) -> tuple[Any, list[int]] | None:
        """Return the least value at permitted counts, and the options that reach it.

        Parameters
        ----------
        steps : list of Step
        deadline : float
            On the clock of :func:`time.perf_counter`.
        forbidden : float or int
            What no permitted walk reaches: infinity, or an integer where the steps are
            integers.

        Returns
        -------
        (value, options) or None
            None where the time ran out.
        """
        kind = np.float64 if isinstance(forbidden, float) else object
        values = np.full((1, *self.shape), forbidden, dtype=kind)
        values[(0,) * values.ndim] = 0
        parents: list[npt.NDArray[np.integer]] = []
        for step in steps:
            if time.perf_counter() > deadline:
                return None
            small = np.uint8 if len(values) <= 256 else np.int32
            before = np.empty((len(step.loss), *self.shape), dtype=small)
            after = np.empty((len(step.loss), *self.shape), dtype=kind)
            # Axes: option before, option, counts.
            ones = (1,) * len(self.shape)
            reached = values[:, None] + step.table.reshape(*step.table.shape, *ones)
            before[:] = reached.argmin(axis=0)
            least = reached.min(axis=0) + step.loss.reshape(-1, *ones)
            for k in range(len(step.loss)):
                after[k] = self._shifted(least[k], step, k, forbidden)
            parents.append(before)
            values = np.minimum(after, forbidden)
        values[:, ~self._is_allowed()] = forbidden
        end = np.unravel_index(int(values.argmin()), values.shape)
        option, *rest = (int(place) for place in end)
        state, options = tuple(rest), []
        for step, before in zip(reversed(steps), reversed(parents), strict=True):
            options.append(option)
            previous = self.before(state, step, option)
            if min(previous, default=0) < 0:
                break  # nothing is permitted, and there is no walk
            option, state = int(before[(option, *previous)]), previous
        return values[end], options[::-1]

    def _is_allowed(self) -> npt.NDArray[np.bool_]:
        """Return which final counts keep the inventory."""
        is_allowed = np.ones(self.shape, dtype=bool)
        counted = np.ogrid[tuple(slice(size) for size in self.shape)]
        for k, axis in self.axis.items():
            is_allowed &= counted[axis] >= self.lower[k]
        if self.rest is not None:
            left = self.total - sum(counted, np.zeros((), dtype=int))
            is_allowed &= (left >= self.lower[self.rest]) & (
                left <= self.upper[self.rest]
            )
        return is_allowed

    def before(
        self, state: tuple[int, ...], step: Step, option: int
    ) -> tuple[int, ...]:
        """Return the counts before a group took an option."""
        axis = self.axis.get(step.codes[option])
        if axis is None:
            return state
        return (*state[:axis], state[axis] - step.size, *state[axis + 1 :])

    def _shifted(
        self, values: npt.NDArray[Any], step: Step, option: int, forbidden: Any
    ) -> npt.NDArray[Any]:
        """Return values at the counts that they lead to."""
        axis = self.axis.get(step.codes[option])
        if axis is None:
            return values
        shifted = np.full_like(values, forbidden)
        length = values.shape[axis]
        if step.size < length:
            target = [slice(None)] * values.ndim
            origin = list(target)
            target[axis], origin[axis] = (
                slice(step.size, None),
                slice(length - step.size),
            )
            shifted[tuple(target)] = values[tuple(origin)]
        return shifted


def _why(merged: Merged, pairs: Pairs) -> str:
    """Say what may conflict where no layout is left."""
    is_hard = any(np.isinf(table).any() for table in pairs.tables.values())
    inventory = merged.problem.inventory
    if inventory is None:
        return "the forbidden pairs of the couplings leave no layout"
    also = " and the forbidden pairs of the couplings" if is_hard else ""
    return f"no layout has the counts of {inventory!r}{also}"
