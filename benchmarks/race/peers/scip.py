"""SCIP, through MathOpt."""

from __future__ import annotations

from typing import Any, ClassVar

from ortools.math_opt.python import mathopt

from benchmarks.race.peers.columns import Columns, is_integral
from benchmarks.race.peers.math_opt import MathOptPeer
from benchmarks.race.peers.program import Program

__all__ = ["Scip"]

#: Heuristics that dive or solve sub-problems: they find nothing here that rounding does
#: not, and cost more than the rest of the search.
HEURISTICS = (
    "adaptivediving",
    "alns",
    "clique",
    "conflictdiving",
    "crossover",
    "distributiondiving",
    "farkasdiving",
    "feaspump",
    "fracdiving",
    "gins",
    "guideddiving",
    "linesearchdiving",
    "locks",
    "objpscostdiving",
    "pscostdiving",
    "rens",
    "rins",
    "rootsoldiving",
    "vbounds",
    "veclendiving",
)

#: Budgets that networks have at most, in the race.
MANY_ROWS = 3


class Scip(MathOptPeer):
    """SCIP with a gap of zero, tight feasibility, and little else than branching.

    Every setting was kept because it made SCIP faster on mixed precision: cuts off 2x,
    restarts off 2x, heuristics off 2x, pseudo-cost branching 3x. Only on integer losses
    the root keeps its cuts: without them the class strongly is not proved. Knapsacks of
    many rows, which are hardly ever proved, get SCIP's defaults: with these settings it
    finds as little as 0.58 of the profit.
    """

    solver_type = mathopt.SolverType.GSCIP
    # With 1e6 some instances take ten times as long.
    largest_usage = 1e3
    settings: ClassVar[dict[str, Any]] = {
        "limits/gap": 0.0,
        "limits/absgap": 0.0,
        # With the default 1e-6 SCIP returns layouts over the budget as optimal.
        "numerics/feastol": 1e-9,
        "numerics/dualfeastol": 1e-9,
        "separating/maxrounds": 0,
        # 0 where the losses are not integers; see below.
        "separating/maxroundsroot": "auto",
        "presolving/maxrestarts": 0,
        "branching/pscost/priority": 1_000_000,
        **{f"heuristics/{name}/freq": -1 for name in HEURISTICS},
    }

    def settings_for(self, columns: Columns) -> dict[str, Any]:
        if has_many_rows(columns):
            needed = ("limits", "numerics")
            return {k: v for k, v in self.settings.items() if k.startswith(needed)}
        if is_integral(columns):
            return dict(self.settings)
        return {**self.settings, "separating/maxroundsroot": 0}

    def parameters(
        self, columns: Columns, time_limit: float
    ) -> mathopt.SolveParameters:
        parameters = super().parameters(columns, time_limit)
        parameters.threads = 1
        for name, value in self.settings_for(columns).items():
            if value == "auto":
                continue
            if isinstance(value, float):
                parameters.gscip.real_params[name] = value
            else:
                parameters.gscip.int_params[name] = value
        return parameters


def has_many_rows(columns: Columns) -> bool:
    """Whether more budgets bind than networks have."""
    rows = columns.rows if isinstance(columns, Program) else ()
    return sum(int(row.values.max(initial=0)) > 1 for row in rows) > MANY_ROWS
