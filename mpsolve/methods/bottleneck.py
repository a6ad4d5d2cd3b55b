"""The worst loss as small as possible: thresholds."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mpsolve.methods.inner import Inner
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.coupling import Coupling
from mpsolve.model.merge import Merged
from mpsolve.result import Limit, Reason

__all__ = ["Bottleneck"]

Floats = npt.NDArray[np.float64]


class Bottleneck:
    """Finds the least threshold that leaves a layout, then the best sum under it.

    A layout's worst loss is at most a threshold where it uses no option, and no pair of
    options, of a larger one. The least worst loss is therefore found among the losses
    themselves by halving, each time asking whether the options that are left have a
    layout [1]_. Those left at the last threshold are solved for the least sum.

    References
    ----------
    .. [1] J. Edmonds, D. R. Fulkerson, "Bottleneck extrema", Journal of Combinatorial
       Theory 8 (1970) 299-306.
    """

    name = "bottleneck"
    summary = "the least worst loss by thresholds, each step solved by another method"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        couplings=True,
        max_distinct=True,
        bottleneck=True,
        parameters=frozenset({"time_limit", "memory_limit"}),
    )

    def why_not(self, merged: Merged) -> str:
        """Say why not; see :class:`mpsolve.methods.SpecialCase`."""
        return "" if merged.problem.objective == "max" else "the objective 'sum'"

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        return _Thresholds(merged, parameters).answer()


def worst_losses(merged: Merged) -> Floats:
    """Return the largest loss of any layer that a merged option stands for.

    Parameters
    ----------
    merged : Merged

    Returns
    -------
    ndarray of float64, shape (num_options,)
        To be made small: gains have the opposite sign.
    """
    problem = merged.problem
    loss = -problem.loss if problem.maximize else problem.loss
    if merged.roots is None or merged.origin is None:
        return loss
    worst: Floats = loss[merged.origin]
    for tie in problem.ties:
        group = int(np.searchsorted(merged.roots, tie[0]))
        options = slice(merged.offsets[group], merged.offsets[group + 1])
        names = [problem.precisions[code] for code in merged.codes[options].tolist()]
        for member in tie[1:]:
            own = problem.precisions_of(member)
            flat = problem.offsets[member] + [own.index(name) for name in names]
            worst[options] = np.maximum(worst[options], loss[flat])
    return worst


class _Thresholds:
    """The search for the least threshold that leaves a layout."""

    def __init__(self, merged: Merged, parameters: Parameters) -> None:
        self._merged = merged
        self._inner = Inner(merged, parameters)
        self._worst = worst_losses(merged)
        tables = [c.table.ravel() for c in merged.problem.couplings]
        values = np.unique(np.concatenate([self._worst, *tables]))
        self._values = values[np.isfinite(values)]

    def answer(self) -> Answer:
        if not self._merged.num_groups:
            return Answer(Reason.OPTIMAL, np.zeros(0, np.int64), bound=0.0)
        # Every group needs an option: below the largest of their least there is none.
        least = np.minimum.reduceat(self._worst, self._merged.offsets[:-1]).max()
        low, last = int(np.searchsorted(self._values, least)), len(self._values) - 1
        high, found = last + 1, None
        # Most often the first will do; else the last says whether any does.
        for probe in self._probes(low, last):
            found = self._solve(probe, is_probe=True)
            if found.choices is not None:
                high = self._position(found)
                break
            if found.reason is not Reason.INFEASIBLE:
                return self._stopped(low, found, found)
            low = probe + 1
        if found is None or found.choices is None:
            return Answer(Reason.INFEASIBLE, counters=self._counters)
        while low < high:
            middle = (low + high) // 2
            step = self._solve(middle, is_probe=True)
            if step.choices is not None:
                found, high = step, self._position(step)
            elif step.reason is Reason.INFEASIBLE:
                low = middle + 1
            else:
                return self._stopped(low, found, step)
        return self._finish(high, found)

    @staticmethod
    def _probes(low: int, last: int) -> list[int]:
        return [low, last] if low < last else [low]

    def _solve(self, position: int, *, is_probe: bool) -> Answer:
        """Answer the problem of the options and pairs up to a threshold."""
        limit = float(self._values[position])
        problem = self._merged.problem
        couplings = [
            Coupling(
                c.first,
                c.second,
                np.where(c.table <= limit, 0.0 if is_probe else c.table, math.inf),
            )
            for c in problem.couplings
        ]
        problem = problem.with_constraints(couplings=couplings, objective="sum")
        kept = self._worst <= limit
        return self._inner.solve(problem, kept, without_loss=is_probe)

    def _position(self, answer: Answer) -> int:
        """Return the position of a layout's own worst loss among the values."""
        if answer.choices is None:
            msg = f"there is no layout: {answer.reason}"
            raise ValueError(msg)
        merged, problem = self._merged, self._merged.problem
        worst = float(self._worst[merged.offsets[:-1] + answer.choices].max())
        layout = merged.expand(answer.choices)
        find = problem.layers.index
        for c in problem.couplings:
            worst = max(
                worst, float(c.table[layout[find(c.first)], layout[find(c.second)]])
            )
        return int(np.searchsorted(self._values, worst))

    def _stopped(self, low: int, found: Answer, stopped: Answer) -> Answer:
        """Answer where a limit was reached before the least threshold was found."""
        has_layout = found.choices is not None
        return Answer(
            Reason.FEASIBLE if has_layout else Reason.NO_SOLUTION_FOUND,
            choices=found.choices,
            bound=float(self._values[low]),
            limit=stopped.limit or Limit.OTHER,
            counters=self._counters,
        )

    def _finish(self, position: int, found: Answer) -> Answer:
        """Find the least sum among the layouts of the least worst loss."""
        last = self._solve(position, is_probe=False)
        is_proven = last.reason is Reason.OPTIMAL
        choices = found.choices if last.choices is None else last.choices
        detail = f"the sum among the least worst losses by {self._inner.said}"
        if not is_proven:
            detail = "the worst loss is proven, the sum among those is not"
        return Answer(
            Reason.OPTIMAL if is_proven else Reason.FEASIBLE,
            choices=choices,
            bound=float(self._values[position]),
            limit=None if is_proven else last.limit or Limit.OTHER,
            multipliers=last.multipliers,
            detail=detail,
            counters=self._counters,
        )

    @property
    def _counters(self) -> dict[str, float]:
        return {"solves": self._inner.num_solves, "thresholds": len(self._values)}
