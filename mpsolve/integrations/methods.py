"""The hosts' own solvers as methods on mpsolve's problems, for comparison.

They follow the protocol of :mod:`mpsolve.methods`, so that `solve` checks what they
answer like any other method's; neither reports a bound.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mpsolve.integrations.auto_round_state import choose_merged
from mpsolve.integrations.versions import require_host
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.result import Limit, Reason

__all__ = ["AutoRoundDp", "ModelOptCbc"]


class AutoRoundDp:
    """AutoRound's dynamic program over the sum of bits.

    It keeps every efficient total after every layer in a Python dict: exact in
    floating point, and slow on problems of many sizes.
    """

    name = "auto_round_dp"
    summary = "AutoRound's dynamic program over totals, in Python"
    requires: tuple[str, ...] = ("auto_round",)
    extra = ""
    capabilities = Capabilities(proves=False, most_budgets=1, lower_sides=False)

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        found = choose_merged(merged)
        if found is None:
            return Answer(Reason.INFEASIBLE, bound=np.inf)
        return _feasible(found[1])


class ModelOptCbc:
    """ModelOpt's class `LPS`: PuLP and CBC, with losses as they are.

    What it calls Optimal is optimal within CBC's absolute tolerances, so that losses
    far below 1e-6 are hardly looked at.
    """

    name = "modelopt_cbc"
    summary = "ModelOpt's call of CBC through PuLP, in absolute tolerances"
    requires: tuple[str, ...] = ("modelopt",)
    extra = ""
    capabilities = Capabilities(proves=False)

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        require_host("nvidia-modelopt")
        from modelopt.torch.opt.searcher import LPS

        spans = list(pairwise(merged.offsets.tolist()))

        def rows(column: npt.NDArray[np.generic]) -> list[list[float]]:
            values = column.astype(float).tolist()
            return [values[start:stop] for start, stop in spans]

        solver = LPS(
            name="mpsolve",
            constraints=dict(merged.limits),
            constraints_to_candidate_costs={
                resource: rows(merged.usage[resource]) for resource in merged.limits
            },
            candidate_scores=rows(merged.loss),
        )
        choices, status = solver()
        if status != "Optimal":
            return Answer(Reason.NO_SOLUTION_FOUND, limit=Limit.OTHER, detail=status)
        return _feasible([int(choice) for choice in choices])


def _feasible(choices: list[int]) -> Answer:
    found = np.asarray(choices, dtype=np.int64)
    detail = "the host proves nothing to others"
    return Answer(Reason.FEASIBLE, found, limit=Limit.OTHER, detail=detail)
