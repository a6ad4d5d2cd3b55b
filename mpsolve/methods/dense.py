"""The engine for couplings of any width: all pairs of layers, as in CLADO."""

from __future__ import annotations

from mpsolve._engine import solve_dense
from mpsolve.methods.coupled import solve_coupled
from mpsolve.methods.engine_options import PARAMETERS
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged

__all__ = ["Dense"]

COUNTERS = {
    "nodes": "num_nodes",
    "newton_steps": "num_steps",
    "local_searches": "num_starts",
    "root_bound": "root_bound",
    "core_groups": "num_core_groups",
    "core_options": "num_core_options",
    "seconds_local_search": "seconds_local",
}


class Dense:
    """The compiled engine for couplings between any pairs of groups.

    Exchanges of one and two groups from many starts find a good layout. Branch and
    bound proves it, with two bounds: losses are moved between options and pairs until a
    bound can be read off (soft arc consistency [1]_, sweeps as in [2]_); and the loss
    is written as a convex quadratic form, whose free terms a semidefinite program
    chooses (as in [3]_). Budgets enter both by multipliers, and options that cost too
    much under either are fixed.

    References
    ----------
    .. [1] M. Cooper, S. de Givry, M. Sanchez, T. Schiex, M. Zytnicki, T. Werner, "Soft
       arc consistency revisited", Artificial Intelligence 174 (2010) 449-478.
    .. [2] V. Kolmogorov, "A new look at reweighted message passing", IEEE Transactions
       on Pattern Analysis and Machine Intelligence 37 (2015) 919-930.
    .. [3] A. Billionnet, S. Elloumi, M.-C. Plateau, "Improving the performance of
       standard solvers for quadratic 0-1 programs by a tight convex reformulation: the
       QCR method", Discrete Applied Mathematics 157 (2009) 1185-1197.
    """

    name = "dense"
    summary = "the engine for couplings of any width, such as losses on all pairs"
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
        return solve_coupled(merged, parameters, self.name, solve_dense, COUNTERS)
