"""CP-SAT, on integers."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from mpsolve.formulate.cp_sat_model import cp_sat_model
from mpsolve.formulate.objective import Objective, make_integer_objective
from mpsolve.formulate.program import Program
from mpsolve.methods.call import call_interruptibly
from mpsolve.methods.mip_search import MipMethod, Run, Search
from mpsolve.methods.protocol import Capabilities

__all__ = ["CpSat"]

STATUSES: dict[str, Literal["optimal", "infeasible"]] = {
    "OPTIMAL": "optimal",
    "INFEASIBLE": "infeasible",
}


class CpSat(MipMethod):
    """OR-tools' CP-SAT [1]_: lazy clause generation over a linear relaxation.

    It computes in integers, so its proof has no tolerances. Losses are rounded down to
    integers first, which the bound allows for; where that rounding is too coarse for
    the gap asked for, the losses are scaled again around the layout found.

    One thread, unless `threads` asks for more: only then the same seed gives the same
    layout.

    References
    ----------
    .. [1] L. Perron, F. Didier, S. Gay, "The CP-SAT-LP solver", 29th International
       Conference on Principles and Practice of Constraint Programming (2023) 3:1-3:2.
       doi:10.4230/LIPIcs.CP.2023.3
    """

    name = "cp_sat"
    summary = "CP-SAT: all of a problem in exact integers, by OR-tools"
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        couplings=True,
        interrupts=True,
        parameters=frozenset({"time_limit", "threads", "seed", "hint"}),
    )
    is_exact = True

    def make_objective(self, program: Program, ceiling: float | None) -> Objective:
        """Return the losses as integers."""
        return make_integer_objective(program, ceiling)

    def run(self, search: Search, seconds: float) -> Run:
        """Run the solver once; see `MipMethod.run`."""
        from ortools.sat.python import cp_model

        model = cp_sat_model(search.program, search.objective, search.covers)
        if (hint := search.hint) is not None:
            chosen = np.zeros(search.program.num_columns, dtype=np.int64)
            chosen[hint] = 1
            model.proto.solution_hint.vars.extend(range(len(chosen)))
            model.proto.solution_hint.values.extend(chosen.tolist())
        solver = cp_model.CpSolver()
        self._set(solver.parameters, search, seconds)
        status, is_interrupted = call_interruptibly(
            lambda: solver.solve(model), solver.stop_search
        )
        # Without a layout, values and bounds read 0: ask the status first.
        values = None
        if status.name in ("OPTIMAL", "FEASIBLE"):
            values = np.array(solver.response_proto.solution, dtype=np.float64)
        is_bound = status.name in ("OPTIMAL", "FEASIBLE", "UNKNOWN")
        bound = solver.best_objective_bound if is_bound else -math.inf
        return Run(
            status=STATUSES.get(status.name, "stopped"),
            dual_bound=bound,
            values=values,
            detail=f"{status.name} {solver.solution_info()}".rstrip(),
            nodes=solver.num_branches,
            is_interrupted=is_interrupted,
        )

    def _set(self, parameters: Any, search: Search, seconds: float) -> None:
        asked = search.parameters
        absolute_gap, relative_gap = search.gaps()
        parameters.absolute_gap_limit = absolute_gap
        parameters.relative_gap_limit = relative_gap
        if seconds < math.inf:
            parameters.max_time_in_seconds = seconds
        if asked.seed is not None:
            parameters.random_seed = asked.seed % 2**31
        parameters.num_workers = asked.threads or 1
        # At the default, 1, a single worker leaves rows out of its linear relaxation,
        # and does not prove 50 groups in 20 s.
        parameters.linearization_level = 2
        # Presolving finds little here, and takes a third of the time.
        parameters.cp_model_probing_level = 0
        parameters.max_presolve_iterations = 1
        # Looking for rows within rows, the presolving of 9.15 cuts optimal layouts off.
        parameters.presolve_inclusion_work_limit = 0
        # Its own handler would stay, and Ctrl-C never reach Python again.
        parameters.catch_sigint_signal = False
