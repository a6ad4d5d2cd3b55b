"""CBC, or any other solver that PuLP sees by name."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, Literal

import numpy as np

from mpsolve.errors import InvalidParameterError, MethodUnavailableError
from mpsolve.formulate.pulp_model import pulp_model
from mpsolve.installed import are_installed
from mpsolve.methods.cbc import run_cbc
from mpsolve.methods.mip_search import MipMethod, Run, Search
from mpsolve.methods.protocol import Capabilities
from mpsolve.methods.stray_output import without_stray_output

__all__ = ["Pulp"]

#: What PuLP's solvers call a parameter of ours, where they have it.
ARGUMENTS = {
    "time_limit": "timeLimit",
    "node_limit": "maxNodes",
    "threads": "threads",
    "hint": "warmStart",
}


class Pulp(MipMethod):
    """A solver of PuLP's [1]_; CBC [2]_, which comes along, unless another is named.

    ``method="pulp"`` is CBC; ``method="pulp:GLPK_CMD"`` any other that
    ``pulp.listSolvers(onlyAvailable=True)`` names. CBC is run here, on an MPS file of
    all digits, and its own words are read: PuLP keeps 13 digits, and calls a layout
    optimal after a time limit. Another solver's bound is not known to PuLP. It proves
    what the solver says of the gap it was given; a solver that takes no gap proves
    nothing.

    Parameters
    ----------
    solver : str
        A name that PuLP knows; empty for CBC.

    Raises
    ------
    InvalidParameterError
        If PuLP knows no such solver.
    MethodUnavailableError
        If PuLP cannot find the solver's program.

    References
    ----------
    .. [1] S. Mitchell, M. O'Sullivan, I. Dunning, "PuLP: a linear programming toolkit
       for Python", 2011.
    .. [2] J. Forrest, R. Lougee-Heimer, "CBC user guide", INFORMS Tutorials in
       Operations Research (2005) 257-277. doi:10.1287/educ.1053.0020
    """

    name = "pulp"
    summary = "CBC: all of a problem as an integer program; pulp:NAME for PuLP's others"
    requires = ("pulp",)
    #: ``method="pulp:NAME"`` is another solver.
    has_variants = True
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        couplings=True,
        interrupts=True,
        parameters=frozenset({"time_limit", "node_limit", "threads", "seed", "hint"}),
    )

    def __init__(self, solver: str = "") -> None:
        self.solver = solver
        if not solver or not are_installed(self.requires):
            return
        self.name = f"pulp:{solver}"
        arguments = _arguments(solver)
        self.capabilities = Capabilities(
            proves="gapRel" in arguments,
            inventory=True,
            couplings=True,
            parameters=frozenset(k for k, v in ARGUMENTS.items() if v in arguments),
        )

    def run(self, search: Search, seconds: float) -> Run:
        """Run the solver once; see `MipMethod.run`."""
        if not self.solver:
            return run_cbc(search, seconds)
        return _run_pulp(self.solver, search, seconds)


def _arguments(solver: str) -> set[str]:
    """Return what the constructor of one of PuLP's solvers takes."""
    pulp: Any = import_module("pulp")
    if solver not in (known := pulp.listSolvers()):
        msg = f"PuLP knows no solver {solver!r}. Known are: {', '.join(known)}"
        raise InvalidParameterError(msg)
    if not pulp.getSolver(solver, msg=False).available():
        found = ", ".join(pulp.listSolvers(onlyAvailable=True))
        msg = f"PuLP cannot find the solver {solver!r}. It finds: {found}"
        raise MethodUnavailableError(msg)
    return set(inspect.signature(getattr(pulp, solver).__init__).parameters)


def _run_pulp(name: str, search: Search, seconds: float) -> Run:
    pulp: Any = import_module("pulp")
    absolute_gap, relative_gap = search.gaps()
    model = search.model
    names = [f"x{j}" for j in range(model.num_columns)]
    problem, variables = pulp_model(
        model, names, [f"r{i}" for i in range(model.num_rows)]
    )
    wanted = {
        "timeLimit": seconds if seconds < np.inf else None,
        "maxNodes": search.parameters.node_limit,
        "threads": search.parameters.threads,
        "gapRel": relative_gap,
        "gapAbs": absolute_gap,
    }
    takes = _arguments(name)
    options = {k: v for k, v in wanted.items() if v is not None and k in takes}
    if (hint := search.hint) is not None and "warmStart" in takes:
        chosen = set(hint.tolist())
        for j, variable in enumerate(variables):
            variable.setInitialValue(float(j in chosen))
        options["warmStart"] = True
    with without_stray_output():
        problem.solve(pulp.getSolver(name, msg=False, **options))
    status: Literal["optimal", "infeasible", "stopped"] = "stopped"
    if problem.status == pulp.LpStatusInfeasible:
        status = "infeasible"
    # `status` says Optimal after a time limit, too; `sol_status` does not.
    elif problem.sol_status == pulp.LpSolutionOptimal:
        status = "optimal"
    # On an infeasible problem PuLP leaves zeros, which look like a layout.
    has_layout = problem.sol_status in (
        pulp.LpSolutionOptimal,
        pulp.LpSolutionIntegerFeasible,
    )
    values, bound = None, -np.inf
    if has_layout:
        values = np.array([v.value() or 0.0 for v in variables])
        if status == "optimal" and "gapRel" in takes:
            total = float(values @ model.objective.values)
            # It may have stopped at either gap.
            slack = max(relative_gap * abs(total), absolute_gap * ("gapAbs" in takes))
            bound = total - slack
    return Run(
        status=status,
        dual_bound=bound,
        values=values,
        detail=str(pulp.LpStatus.get(problem.status, problem.status)),
    )
