"""HiGHS, through MathOpt."""

from __future__ import annotations

from typing import Any, ClassVar

from ortools.math_opt.python import mathopt

from benchmarks.race.peers.columns import Columns
from benchmarks.race.peers.math_opt import MathOptPeer

__all__ = ["Highs"]

TOLERANCE = 1e-9


class Highs(MathOptPeer):
    """HiGHS with a gap of zero and tight feasibility."""

    solver_type = mathopt.SolverType.HIGHS
    # Twice as fast as with 1e3, and no difference from there to 1e7.
    largest_usage = 1e6
    settings: ClassVar[dict[str, Any]] = {
        # Both: HiGHS has an absolute gap of 1e-6 besides the relative one.
        "mip_rel_gap": 0.0,
        "mip_abs_gap": 0.0,
        # One byte over the budget is over. mip_feasibility_tolerance stays at 1e-6:
        # at 1e-8 and 1e-9 HiGHS calls layouts optimal that are not (about one in ten
        # of the class strongly_flat), and at 1e-6 none was over the budget.
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
        # One thread; MathOpt refuses its own `threads` for HiGHS.
        "parallel": "off",
        "threads": 1,
    }

    def parameters(
        self, columns: Columns, time_limit: float
    ) -> mathopt.SolveParameters:
        parameters = super().parameters(columns, time_limit)
        for name, value in self.settings.items():
            if name.endswith("_tolerance"):
                parameters.highs.double_options[name] = value
        parameters.highs.string_options["parallel"] = self.settings["parallel"]
        parameters.highs.int_options["threads"] = self.settings["threads"]
        return parameters
