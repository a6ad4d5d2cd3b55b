"""HiGHS and SCIP through OR-tools MathOpt."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import Any, Literal

import numpy as np

from mpsolve.formulate.math_opt_model import math_opt_proto
from mpsolve.methods.call import call_interruptibly
from mpsolve.methods.mip_search import MipMethod, Run, Search
from mpsolve.methods.protocol import Capabilities
from mpsolve.methods.stray_output import without_stray_output
from mpsolve.result import Limit

__all__ = ["Highs", "MathOptMethod", "Scip"]

LIMITS = {"TIME": Limit.TIME, "NODE": Limit.NODE, "MEMORY": Limit.MEMORY}

#: How far linear programs may break rows and reduced costs. The tolerance on integers
#: stays at its default: HiGHS at 1e-9 calls layouts optimal that are not.
TOLERANCE = 1e-9


class MathOptMethod(MipMethod):
    """A solver of mixed-integer programs behind MathOpt's interface.

    What it says is checked as `mpsolve.methods.mip_search` describes. Ctrl-C asks the
    solver to stop.
    """

    @abstractmethod
    def settings(self, mathopt: Any) -> tuple[Any, dict[str, Any]]:
        """Return the solver, and its own parameters.

        Parameters
        ----------
        mathopt : module
            ``ortools.math_opt.python.mathopt``.

        Returns
        -------
        solver_type : mathopt.SolverType
        parameters : dict
            Keyword arguments of ``mathopt.SolveParameters``.
        """

    def run(self, search: Search, seconds: float) -> Run:
        """Run the solver once; see `MipMethod.run`."""
        from ortools.math_opt.python import mathopt
        from ortools.util.python.solve_interrupter import SolveInterrupter

        parameters = search.parameters
        solver_type, settings = self.settings(mathopt)
        absolute_gap, relative_gap = search.gaps()
        is_limited = seconds < np.inf
        solve_parameters = mathopt.SolveParameters(
            time_limit=timedelta(seconds=seconds) if is_limited else None,
            node_limit=parameters.node_limit,
            threads=parameters.threads,
            random_seed=None if parameters.seed is None else parameters.seed % 2**31,
            absolute_gap_tolerance=absolute_gap,
            relative_gap_tolerance=relative_gap,
            **settings,
        )
        model = mathopt.Model.from_model_proto(math_opt_proto(search.model))
        model_parameters = mathopt.ModelSolveParameters()
        if (hint := search.hint) is not None:
            chosen = np.zeros(search.program.num_columns)
            chosen[hint] = 1.0
            values = dict(zip(model.variables(), chosen.tolist(), strict=True))
            model_parameters.solution_hints.append(mathopt.SolutionHint(values))
        interrupter = SolveInterrupter()

        def solve() -> Any:
            return mathopt.solve(
                model,
                solver_type,
                params=solve_parameters,
                model_params=model_parameters,
                interrupter=interrupter,
            )

        with without_stray_output(errors=self.capabilities.interrupts):
            try:
                result, is_interrupted = call_interruptibly(
                    solve, interrupter.interrupt
                )
            except AttributeError as error:
                # MathOpt stumbles over the errors that it wants to report.
                if error.__context__ is None:
                    raise
                return Run("stopped", detail=str(error.__context__))
        return as_run(result, search.program.num_columns, is_interrupted=is_interrupted)


class Highs(MathOptMethod):
    """HiGHS [1]_, which comes with OR-tools.

    It cannot be asked to stop, and finishes first after Ctrl-C, so give it a time
    limit; a second Ctrl-C gives up waiting.

    References
    ----------
    .. [1] Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex method",
       Mathematical Programming Computation 10 (2018) 119-142.
       doi:10.1007/s12532-017-0130-5
    """

    name = "highs"
    summary = "HiGHS: all of a problem as an integer program, through OR-tools MathOpt"
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        couplings=True,
        # Its threads are one pool for the whole process, which cannot be changed.
        parameters=frozenset({"time_limit", "node_limit", "seed", "hint"}),
    )

    def settings(self, mathopt: Any) -> tuple[Any, dict[str, Any]]:
        """Return the solver and its tolerances; see `MathOptMethod.settings`."""
        from ortools.math_opt.solvers import highs_pb2

        names = ("primal_feasibility_tolerance", "dual_feasibility_tolerance")
        options = highs_pb2.HighsOptionsProto(
            double_options=dict.fromkeys(names, TOLERANCE)
        )
        return mathopt.SolverType.HIGHS, {"highs": options}


class Scip(MathOptMethod):
    """SCIP [1]_, which comes with OR-tools.

    References
    ----------
    .. [1] T. Achterberg, "SCIP: solving constraint integer programs", Mathematical
       Programming Computation 1 (2009) 1-41. doi:10.1007/s12532-008-0001-1
    """

    name = "scip"
    summary = "SCIP: all of a problem as an integer program, through OR-tools MathOpt"
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        couplings=True,
        interrupts=True,
        parameters=frozenset({"time_limit", "node_limit", "threads", "seed", "hint"}),
    )

    def settings(self, mathopt: Any) -> tuple[Any, dict[str, Any]]:
        """Return the solver and its tolerances; see `MathOptMethod.settings`."""
        from ortools.math_opt.solvers.gscip import gscip_pb2

        # At the default 1e-6 it returns layouts over the budget as optimal.
        names = ("numerics/feastol", "numerics/dualfeastol")
        options = gscip_pb2.GScipParameters(
            real_params=dict.fromkeys(names, TOLERANCE),
            # Probing while it presolves, 9.15 cuts optimal layouts off.
            int_params={"propagating/probing/maxprerounds": 0},
        )
        return mathopt.SolverType.GSCIP, {"gscip": options}


def as_run(result: Any, num_columns: int, *, is_interrupted: bool) -> Run:
    """Put MathOpt's result into the words of all solvers.

    Parameters
    ----------
    result : mathopt.SolveResult
    num_columns : int
    is_interrupted : bool
        Whether Ctrl-C came.

    Returns
    -------
    Run
    """
    reason = result.termination.reason.name
    limit = getattr(result.termination.limit, "name", "")
    values = None
    if result.has_primal_feasible_solution():
        values = np.zeros(num_columns)
        for variable, value in result.variable_values().items():
            values[variable.id] = value
    status: Literal["optimal", "infeasible", "stopped"] = "stopped"
    if reason == "OPTIMAL":
        status = "optimal"
    elif reason.startswith("INFEASIBLE"):
        status = "infeasible"
    return Run(
        status=status,
        dual_bound=result.termination.objective_bounds.dual_bound,
        values=values,
        limit=LIMITS.get(limit),
        detail=f"{reason} {limit}",
        nodes=result.solve_stats.node_count,
        iterations=result.solve_stats.simplex_iterations,
        is_interrupted=is_interrupted,
    )
