"""The engine for several budgets, inventories and couplings of small width."""

from __future__ import annotations

import numpy as np

from mpsolve._engine import PATHS_MEMORY, paths_width, solve_paths
from mpsolve.methods.coupled import coupled_groups, solve_coupled
from mpsolve.methods.engine_options import PARAMETERS
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged

__all__ = ["Paths"]

#: Bytes of tables from which on `dense` is the better choice.
WIDE = 2**24

COUNTERS = {
    "labels": "num_labels",
    "longest_list": "max_list",
    "splits": "num_splits",
    "nodes": "num_nodes",
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
        interrupts=True,
        parameters=PARAMETERS,
    )

    def why_not(self, merged: Merged) -> str:
        """Say why couplings are too wide; see :class:`mpsolve.methods.SpecialCase`."""
        num_bytes, width = _width(merged)
        return _too_wide(num_bytes, width) if num_bytes > PATHS_MEMORY else ""

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        return solve_coupled(merged, parameters, self.name, solve_paths, COUNTERS)

    def better_left(self, merged: Merged) -> str:
        """Say why another method does better; see `mpsolve.methods.Reluctant`."""
        num_bytes, width = _width(merged)
        return _too_wide(num_bytes, width) if num_bytes > WIDE else ""


def _width(merged: Merged) -> tuple[float, int]:
    """Return the bytes that tables need, and the groups that couplings join."""
    if not merged.problem.couplings:
        return 0.0, 0
    pairs = coupled_groups(merged)
    # Along chains and rings hardly anything is joined.
    if np.bincount(pairs.ravel(), minlength=1).max() <= 2:
        return 0.0, 2
    return paths_width(merged.offsets, pairs)


def _too_wide(num_bytes: float, width: int) -> str:
    return (
        f"couplings that join {width} groups at a time, which needs "
        f"{num_bytes / 2**20:.3g} MiB"
    )
