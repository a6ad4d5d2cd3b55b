"""The engine for several budgets, inventories and couplings of small width."""

from __future__ import annotations

from mpsolve._engine import solve_paths, sweep_entries
from mpsolve.methods.coupled import coupled_groups, solve_coupled
from mpsolve.methods.engine_options import PARAMETERS
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged

__all__ = ["Paths"]

#: Beyond so many entries of the sweep's tables, `dense` is the better choice.
WIDE = 2e5

COUNTERS = {
    "labels": "num_labels",
    "longest_list": "max_list",
    "splits": "num_splits",
    "dual_evaluations": "num_evaluations",
    "rounds": "num_rounds",
    "width": "width",
    "core_groups": "num_core_groups",
    "core_options": "num_core_options",
    "seconds_dual": "seconds_dual",
}


class Paths:
    """The compiled engine for any number of budgets, inventories and couplings.

    Groups are decided one after the other, in an order that keeps few decided groups
    coupled with undecided ones. Multipliers of the budgets give a Lagrangian bound by
    dynamic programming over that order; labels along it, pruned by such bounds and by
    dominance, close the gap [1]_.

    References
    ----------
    .. [1] S. Irnich, G. Desaulniers, "Shortest path problems with resource
       constraints", in: Column Generation, Springer (2005) 33-65.
    """

    name = "paths"
    summary = "the engine for several budgets, inventories and couplings of small width"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        couplings=True,
        parameters=PARAMETERS,
    )

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        return solve_coupled(merged, parameters, self.name, solve_paths, COUNTERS)

    def better_left(self, merged: Merged) -> str:
        """Say why another method may do better; see `protocol.Reluctant`."""
        if not merged.problem.couplings:
            return ""
        entries = sweep_entries(merged.offsets, coupled_groups(merged))
        if entries <= WIDE:
            return ""
        return f"couplings so wide that its tables have {entries:.2g} entries"
