"""Parts of a problem that other methods solve: fewer options, other losses."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mpsolve.methods.choose import choose_method
from mpsolve.methods.protocol import Answer, Parameters
from mpsolve.model.merge import Merged
from mpsolve.model.problem import Problem
from mpsolve.result import Reason

__all__ = ["Inner"]


class Inner:
    """Solves parts of one merged problem within one time limit.

    Parameters
    ----------
    merged : Merged
    parameters : Parameters
        Of the whole solve.

    Attributes
    ----------
    num_solves : int
    methods : dict of str to int
        How often each method answered.
    """

    def __init__(self, merged: Merged, parameters: Parameters) -> None:
        self._merged = merged
        self._parameters = parameters
        self._start = time.perf_counter()
        self.num_solves = 0
        self.methods: dict[str, int] = {}

    def solve(
        self,
        problem: Problem,
        kept: npt.NDArray[np.bool_],
        *,
        without_loss: bool = False,
    ) -> Answer:
        """Answer the problem of some of the options.

        Parameters
        ----------
        problem : Problem
            The merged problem's own, with other couplings or another objective.
        kept : ndarray of bool, shape (num_options,)
        without_loss : bool
            Whether options cost nothing, as any feasible layout will do.

        Returns
        -------
        Answer
            Its choices are those of the merged problem that was given.
        """
        part = self._merged.restricted(kept)
        if part is None:
            return Answer(Reason.INFEASIBLE)
        if without_loss:
            part = replace(part, loss=np.zeros_like(part.loss))
        twin = problem.with_budgets(problem.budgets)
        part = replace(part, problem=twin)
        twin.__dict__["merged"] = part
        limits = replace(self._parameters, hint=None, progress=None)
        if limits.time_limit is not None:
            spent = time.perf_counter() - self._start
            limits = replace(limits, time_limit=max(0.0, limits.time_limit - spent))
        method = choose_method(twin, limits)
        answer = method.solve(part, limits)
        self.num_solves += 1
        self.methods[method.name] = self.methods.get(method.name, 0) + 1
        if answer.choices is None:
            return answer
        positions = np.flatnonzero(kept)[part.offsets[:-1] + answer.choices]
        return replace(answer, choices=positions - self._merged.offsets[:-1])

    @property
    def said(self) -> str:
        """Which methods answered, for people."""
        return ", ".join(self.methods)
