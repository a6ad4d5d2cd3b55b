"""What every solver of integer programs goes through: run, check, cut, refine, repeat.

What the solver says is not passed on, but what was checked:

- A layout is read by rounding and checked in integers. One that breaks a budget within
  the solver's tolerance is cut off, and the program solved again.
- The bound is the solver's dual bound, less what its tolerances can hide. Of a float64
  solver it is as good a proof as its arithmetic gives; `Answer.detail` says so.
- The reason is OPTIMAL only where the layout's loss, summed exactly, is within the gap
  asked for of that bound. Where tolerances are in the way, the losses are scaled up
  around the layout found, and the program solved again.
- INFEASIBLE is proven in integers where one budget alone shows it, and is the solver's
  word where it takes several.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mpsolve.formulate.linear import LinearModel, linear_model
from mpsolve.formulate.objective import Objective, make_objective
from mpsolve.formulate.program import Program, make_program
from mpsolve.formulate.rows import Cover
from mpsolve.methods.proof import evaluate
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.result import ROUNDING, Limit, Reason

__all__ = ["MipMethod", "Run", "Search"]

#: Solves of one problem: each further one cuts off a layout or scales the losses up.
MOST_SOLVES = 50

#: The solver may use up half of the gap asked for; the rest is for its tolerances.
SHARE_OF_GAP = 0.5

#: A time limit of more seconds than this is none.
LONGEST_TIME_LIMIT = 1e8

Ints = npt.NDArray[np.int64]
MakeObjective = Callable[[Program, float | None], Objective]


@dataclass(frozen=True)
class Run:
    """What a solver says after one run, before anybody has checked it.

    Attributes
    ----------
    status : str
        ``"optimal"``, ``"infeasible"`` or ``"stopped"``.
    dual_bound : float
        Of the scaled objective; -inf where it says none.
    values : ndarray of float64 or None
        Of the columns, those of options at least; None without a layout.
    limit : Limit or None
        Which limit stopped it.
    detail : str
        Its own words, for trouble.
    nodes, iterations : float
    is_interrupted : bool
        Whether Ctrl-C came.
    """

    status: Literal["optimal", "infeasible", "stopped"]
    dual_bound: float = -math.inf
    values: npt.NDArray[np.float64] | None = None
    limit: Limit | None = None
    detail: str = ""
    nodes: float = 0.0
    iterations: float = 0.0
    is_interrupted: bool = False


class MipMethod(ABC):
    """A solver of integer programs, trusted only after a check.

    A subclass has a name, a summary and a record, and `run`.
    """

    name = ""
    summary = ""
    requires: tuple[str, ...] = ("ortools",)
    extra = "ilp"
    capabilities = Capabilities(proves=True, inventory=True, couplings=True)
    #: Whether the solver computes in integers, so that its proof has no tolerances.
    is_exact = False

    @abstractmethod
    def run(self, search: Search, seconds: float) -> Run:
        """Run the solver once.

        Parameters
        ----------
        search : Search
            The program, its objective and cuts, and what is known so far.
        seconds : float
            Time that is left; inf without a limit.

        Returns
        -------
        Run
        """

    def make_objective(self, program: Program, ceiling: float | None) -> Objective:
        """Return the objective in the solver's numbers."""
        return make_objective(program, ceiling)

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        limit_s = math.inf if parameters.time_limit is None else parameters.time_limit
        deadline = time.perf_counter() + limit_s
        program = make_program(merged)
        if program.is_infeasible:
            return Answer(Reason.INFEASIBLE)
        if not merged.num_groups:
            return Answer(Reason.OPTIMAL, np.zeros(0, dtype=np.int64), bound=0.0)
        search = Search(program, parameters, self.make_objective)
        while True:
            left = deadline - time.perf_counter()
            if left <= 0.0:
                return search.answer(Limit.TIME)
            run = self.run(search, left if left < LONGEST_TIME_LIMIT else math.inf)
            if run.status == "infeasible" and search.choices is None:
                return search.infeasible(self._infeasible())
            is_cut = search.learn(run)
            if search.is_proven():
                return search.answer(None, self._proven())
            if run.is_interrupted:
                return search.answer(Limit.INTERRUPTED)
            if run.status != "optimal":
                if time.perf_counter() >= deadline:
                    return search.answer(Limit.TIME)
                detail = f"{self.name} stopped: {run.detail}".rstrip()
                return search.answer(run.limit or Limit.OTHER, detail)
            is_last = search.counters["solves"] >= MOST_SOLVES
            if is_last or (search.is_refined and not is_cut):
                detail = f"{self.name} needs more digits than its arithmetic has"
                return search.answer(Limit.OTHER, detail)
            if not is_cut:
                search.refine()

    def _proven(self) -> str:
        how = "in integers" if self.is_exact else "to the tolerances of its arithmetic"
        return f"proven by {self.name}, {how}"

    def _infeasible(self) -> str:
        how = "" if self.is_exact else ", as far as the arithmetic"
        return "together, budgets, inventory and couplings leave no layout" + (
            f"{how} of {self.name} can tell" if how else f": proven by {self.name}"
        )


class Search:
    """What is known about a problem between two runs of the solver.

    Attributes
    ----------
    program : Program
    parameters : Parameters
    objective : Objective
        Scaled around the layout found, once it is refined.
    covers : list of Cover
        Cuts.
    choices : ndarray of int64 or None
        The best layout that was checked.
    loss, bound : float
        Its loss, and the best bound.
    """

    def __init__(
        self, program: Program, parameters: Parameters, make: MakeObjective
    ) -> None:
        self.program, self.parameters, self._make = program, parameters, make
        self.objective = make(program, None)
        self.bound = self.objective.least
        self.covers: list[Cover] = []
        self.choices: Ints | None = None
        self.loss, self._size = math.inf, 0.0
        self.is_refined = False
        self.counters = dict.fromkeys(("solves", "nodes", "simplex_iterations"), 0.0)
        # A hint that breaks something is dropped: HiGHS fails on one of closed columns.
        if parameters.hint is not None and not any(program.covers(parameters.hint)):
            self._take(parameters.hint)

    @property
    def model(self) -> LinearModel:
        """The linear model of the next run."""
        return linear_model(self.program, self.objective, self.covers)

    @property
    def hint(self) -> Ints | None:
        """Columns of the best layout known; the caller's hint is the first."""
        return None if self.choices is None else self.program.columns_of(self.choices)

    def learn(self, run: Run) -> bool:
        """Take over bound and layout; return whether a layout had to be cut off."""
        self.counters["solves"] += 1
        self.counters["nodes"] += run.nodes
        self.counters["simplex_iterations"] += run.iterations
        bound = self.objective.bound(run.dual_bound)
        # A refined objective says nothing beyond the incumbent's loss.
        self.bound = max(self.bound, min(bound, self.loss))
        if run.values is None:
            return False
        choices = self.program.choices_of(run.values)
        covers = list(self.program.covers(choices))
        self.covers += covers
        if covers:
            return True
        self._take(choices)
        return False

    def _take(self, choices: Ints) -> None:
        """Keep a layout that no row forbids, where it is the best so far."""
        merged = self.program.merged
        if not np.isfinite(merged.pairs.loss[merged.offsets[:-1] + choices]).all():
            return
        if self.program.columns_of(choices) is None:
            return
        loss, size = evaluate(merged, merged.pairs, choices)
        if loss < self.loss:
            self.choices, self.loss, self._size = choices, loss, size

    def is_proven(self) -> bool:
        """Whether the bound is within the gap asked for of the incumbent's loss."""
        if self.choices is None:
            return False
        asked = self.parameters
        gaps = (asked.abs_gap, asked.rel_gap * abs(self.loss), ROUNDING * self._size)
        return self.loss - self.bound <= max(gaps)

    def refine(self) -> None:
        """Scale the losses up around the incumbent."""
        self.is_refined = True
        ceiling = self.loss if math.isfinite(self.loss) else None
        self.objective = self._make(self.program, ceiling)

    def gaps(self) -> tuple[float, float]:
        """Return the absolute and relative gap at which the scaled program may stop."""
        absolute, relative = self.parameters.abs_gap, 0.0
        # The scaled losses start at zero: a share of them is a share of the true losses
        # only where these are positive.
        if self.objective.least >= 0.0:
            relative = self.parameters.rel_gap
            absolute = max(absolute, relative * self.objective.least)
        with np.errstate(over="ignore"):
            scaled = float(np.ldexp(SHARE_OF_GAP * absolute, self.objective.exponent))
        return min(scaled, 1e15), SHARE_OF_GAP * relative

    def infeasible(self, detail: str) -> Answer:
        """Return that there is no layout."""
        return Answer(Reason.INFEASIBLE, detail=detail, counters=self.counters)

    def answer(self, limit: Limit | None, detail: str = "") -> Answer:
        """Return what is known: without a limit, that it is proven."""
        is_found = self.choices is not None
        early = Reason.FEASIBLE if is_found else Reason.NO_SOLUTION_FOUND
        return Answer(
            reason=Reason.OPTIMAL if limit is None else early,
            choices=self.choices,
            loss=self.loss if is_found else None,
            bound=self.bound,
            limit=limit,
            detail=detail,
            counters=self.counters,
        )
