"""Mixed-integer programming through OR-tools MathOpt, trusted only after a check."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from mpsolve.methods.mip_model import Cover, Mip, Objective, make_mip, make_objective
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.methods.stray_output import without_stray_output
from mpsolve.model.merge import Merged
from mpsolve.result import ROUNDING, Limit, Reason

__all__ = ["Highs", "MathOptMethod"]

#: Solves of one problem: each further one cuts off a layout or scales the losses up.
MOST_SOLVES = 50

#: The solver may use up half of the gap asked for; the rest is for its tolerances.
SHARE_OF_GAP = 0.5

#: A time limit of more seconds than this is none.
LONGEST_TIME_LIMIT = 1e8

LIMITS = {"TIME": Limit.TIME, "NODE": Limit.NODE, "MEMORY": Limit.MEMORY}

Ints = npt.NDArray[np.int64]


class MathOptMethod:
    """A solver of mixed-integer programs behind MathOpt's interface.

    What the solver says is not passed on, but what was checked:

    - A layout is read by rounding and checked in integers. One that breaks a budget
      within the solver's tolerance is cut off, and the program solved again.
    - The bound is the solver's dual bound, less what its tolerances can hide. It is as
      good a proof as float64 arithmetic gives; `Answer.detail` says so.
    - The reason is OPTIMAL only where the layout's loss, summed exactly, is within the
      gap asked for of that bound. Where tolerances are in the way, the losses are
      scaled up around the layout found, and the program solved again.
    - INFEASIBLE is proven in integers where one budget alone shows it, and is the
      solver's word where it takes several.

    Ctrl-C asks the solver to stop. HiGHS cannot be asked and finishes first, so give it
    a time limit; a second Ctrl-C gives up waiting.
    """

    name = ""
    summary = ""
    requires: tuple[str, ...] = ("ortools",)
    extra = "ilp"
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        parameters=frozenset({"time_limit", "node_limit", "seed", "hint"}),
    )

    def options(self, mathopt: Any) -> dict[str, Any]:
        """Return the solver, and its own parameters that make its tolerances small.

        Parameters
        ----------
        mathopt : module
            ``ortools.math_opt.python.mathopt``.

        Returns
        -------
        dict
            ``solver_type``, and keyword arguments of ``mathopt.SolveParameters``.
        """
        raise NotImplementedError

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        limit_s = math.inf if parameters.time_limit is None else parameters.time_limit
        deadline = time.perf_counter() + limit_s
        mip = make_mip(merged)
        if mip is None:
            return Answer(Reason.INFEASIBLE)
        if not merged.num_groups:
            return Answer(Reason.OPTIMAL, np.zeros(0, dtype=np.int64), bound=0.0)
        search = _Search(merged, mip, parameters)
        while True:
            result, is_interrupted = self._run(search, deadline)
            reason = result.termination.reason.name
            if reason.startswith("INFEASIBLE") and search.choices is None:
                detail = (
                    "together, budgets and inventory leave no layout, as far as the "
                    f"arithmetic of {self.name} can tell"
                )
                return Answer(
                    Reason.INFEASIBLE, detail=detail, counters=search.counters
                )
            is_cut = search.learn(result)
            if search.is_proven():
                detail = f"proven by {self.name}, to the tolerances of its arithmetic"
                return search.answer(None, detail)
            if is_interrupted:
                return search.answer(Limit.INTERRUPTED)
            if time.perf_counter() >= deadline:
                return search.answer(Limit.TIME)
            if reason != "OPTIMAL":
                limit = getattr(result.termination.limit, "name", "")
                detail = f"{self.name} stopped: {reason} {limit}".rstrip()
                return search.answer(LIMITS.get(limit, Limit.OTHER), detail)
            is_last = search.counters["solves"] >= MOST_SOLVES
            if is_last or (search.is_refined and not is_cut):
                detail = f"{self.name} needs more digits than its arithmetic has"
                return search.answer(Limit.OTHER, detail)
            if not is_cut:
                search.refine()

    def _run(self, search: _Search, deadline: float) -> tuple[Any, bool]:
        """Solve the program; return MathOpt's result and whether Ctrl-C came."""
        from ortools.math_opt.python import mathopt
        from ortools.util.python.solve_interrupter import SolveInterrupter

        parameters, options = search.parameters, self.options(mathopt)
        solver_type = options.pop("solver_type")
        absolute_gap, relative_gap = search.gaps()
        remaining = max(deadline - time.perf_counter(), 0.0)
        is_limited = remaining < LONGEST_TIME_LIMIT
        solve_parameters = mathopt.SolveParameters(
            time_limit=timedelta(seconds=remaining) if is_limited else None,
            node_limit=parameters.node_limit,
            random_seed=None if parameters.seed is None else parameters.seed % 2**31,
            absolute_gap_tolerance=absolute_gap,
            relative_gap_tolerance=relative_gap,
            **options,
        )
        model = mathopt.Model.from_model_proto(_model_proto(search))
        hints = []
        hint = parameters.hint if search.choices is None else search.choices
        if hint is not None:
            chosen = np.zeros(search.mip.offsets[-1])
            chosen[search.mip.offsets[:-1] + hint] = 1.0
            values = dict(zip(model.variables(), chosen.tolist(), strict=True))
            hints = [mathopt.SolutionHint(variable_values=values)]
        interrupter = SolveInterrupter()
        with without_stray_output():
            return _call(
                lambda: mathopt.solve(
                    model,
                    solver_type,
                    params=solve_parameters,
                    model_params=mathopt.ModelSolveParameters(solution_hints=hints),
                    interrupter=interrupter,
                ),
                interrupter.interrupt,
            )


class Highs(MathOptMethod):
    """HiGHS [1]_, which comes with OR-tools.

    References
    ----------
    .. [1] Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex method",
       Mathematical Programming Computation 10 (2018) 119-142.
       doi:10.1007/s12532-017-0130-5
    """

    name = "highs"
    summary = "HiGHS: any number of budgets and an inventory, as an integer program"

    def options(self, mathopt: Any) -> dict[str, Any]:
        """Return the solver and its tolerances; see `MathOptMethod.options`."""
        from ortools.math_opt.solvers import highs_pb2

        names = ("mip_feasibility", "primal_feasibility", "dual_feasibility")
        tolerances = {f"{name}_tolerance": 1e-9 for name in names}
        return {
            "solver_type": mathopt.SolverType.HIGHS,
            "highs": highs_pb2.HighsOptionsProto(double_options=tolerances),
        }


class _Search:
    """What is known about a problem between two runs of the solver."""

    def __init__(self, merged: Merged, mip: Mip, parameters: Parameters) -> None:
        self.merged, self.mip, self.parameters = merged, mip, parameters
        self.objective: Objective = make_objective(mip, merged.loss)
        self.bound = self.objective.least
        self.covers: list[Cover] = []
        self.choices: Ints | None = None
        self.loss = math.inf
        self.is_refined = False
        self.counters = dict.fromkeys(("solves", "nodes", "simplex_iterations"), 0.0)

    def learn(self, result: Any) -> bool:
        """Take over bound and layout; return whether a layout had to be cut off."""
        self.counters["solves"] += 1
        self.counters["nodes"] += result.solve_stats.node_count
        self.counters["simplex_iterations"] += result.solve_stats.simplex_iterations
        bound = self.objective.bound(result.termination.objective_bounds.dual_bound)
        # A refined objective says nothing beyond the incumbent's loss.
        self.bound = max(self.bound, min(bound, self.loss))
        if not result.has_primal_feasible_solution():
            return False
        offsets = self.mip.offsets
        values = np.zeros(offsets[-1])
        for variable, value in result.variable_values().items():
            values[variable.id] = value
        choices = _largest(values, offsets)
        covers = [c for row in self.mip.rows for c in row.covers(offsets, choices)]
        self.covers += covers
        if covers:
            return True
        loss = math.fsum(self.merged.loss[offsets[:-1] + choices].tolist())
        if loss < self.loss:
            self.choices, self.loss = choices, loss
        return False

    def is_proven(self) -> bool:
        """Whether the bound is within the gap asked for of the incumbent's loss."""
        if self.choices is None:
            return False
        chosen = self.merged.loss[self.mip.offsets[:-1] + self.choices]
        allowed = max(
            self.parameters.abs_gap,
            self.parameters.rel_gap * abs(self.loss),
            ROUNDING * float(np.abs(chosen).sum()),
        )
        return self.loss - self.bound <= allowed

    def refine(self) -> None:
        """Scale the losses up around the incumbent."""
        self.is_refined = True
        self.objective = make_objective(self.mip, self.merged.loss, self.loss)

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


def _largest(values: npt.NDArray[np.float64], offsets: Ints) -> Ints:
    """Return the position of the largest value in each group."""
    starts, sizes = offsets[:-1], np.diff(offsets)
    largest = np.repeat(np.maximum.reduceat(values, starts), sizes)
    positions = np.flatnonzero(values == largest)
    first: Ints = positions[np.searchsorted(positions, starts)] - starts
    return first


def _model_proto(search: _Search) -> Any:
    """Fill MathOpt's arrays, which is 15 times faster than adding variables."""
    from ortools.math_opt import model_pb2

    offsets = search.mip.offsets
    num_groups, num_options = len(offsets) - 1, int(offsets[-1])
    positions = np.arange(num_options)
    loss = search.objective.values
    rows = [row.scaled(offsets) for row in search.mip.rows]
    entries = [(positions, np.ones(num_options))]
    entries += [(np.flatnonzero(values), values[values != 0]) for values, _, _ in rows]
    entries += [(c.options, np.ones(len(c.options))) for c in search.covers]
    row_sizes = [*np.diff(offsets).tolist(), *(len(used) for used, _ in entries[1:])]
    lower = [1.0] * num_groups + [lower for _, lower, _ in rows]
    upper = [1.0] * num_groups + [upper for _, _, upper in rows]

    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(positions)
    proto.variables.lower_bounds.extend(np.zeros(num_options))
    proto.variables.upper_bounds.extend(search.mip.is_open.astype(np.float64))
    proto.variables.integers.extend([True] * num_options)
    proto.objective.linear_coefficients.ids.extend(np.flatnonzero(loss))
    proto.objective.linear_coefficients.values.extend(loss[loss != 0])
    constraints = proto.linear_constraints
    constraints.ids.extend(range(len(row_sizes)))
    constraints.lower_bounds.extend(lower + [-math.inf] * len(search.covers))
    constraints.upper_bounds.extend(upper + [float(c.most) for c in search.covers])
    matrix = proto.linear_constraint_matrix
    matrix.row_ids.extend(np.repeat(np.arange(len(row_sizes)), row_sizes))
    matrix.column_ids.extend(np.concatenate([used for used, _ in entries]))
    matrix.coefficients.extend(np.concatenate([values for _, values in entries]))
    return proto


def _call(function: Callable[[], Any], stop: Callable[[], None]) -> tuple[Any, bool]:
    """Call a solver so that Ctrl-C arrives; return its result and whether it did."""
    outcome: list[Any] = []
    errors: list[BaseException] = []
    is_done = threading.Event()

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:
            errors.append(error)
        finally:
            is_done.set()

    # Python delivers Ctrl-C to the main thread, and only outside of compiled code.
    is_interrupted = False
    try:
        threading.Thread(target=run, daemon=True).start()
        is_done.wait()
    except KeyboardInterrupt:
        is_interrupted = True
        stop()
        is_done.wait()
    if errors:
        raise errors[0]
    return outcome[0], is_interrupted
