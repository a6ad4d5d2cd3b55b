"""A method for mpsolve in a package of its own: one change at a time."""

import math
import time

import numpy as np

from mpsolve.methods import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.result import Limit, Reason


class SwapSearch:
    """Starts with the least usage, and takes the best single change until none helps.

    It proves nothing, and says so: its bound is the sum of each group's least loss.
    """

    name = "swap_search"
    summary = "an example: the best single change, until none helps"
    requires = ()
    extra = ""
    capabilities = Capabilities(
        proves=False,
        most_budgets=1,
        lower_sides=False,
        parameters=frozenset({"time_limit", "hint"}),
    )

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        seconds = math.inf if parameters.time_limit is None else parameters.time_limit
        deadline = time.perf_counter() + seconds
        starts, sizes = merged.offsets[:-1], np.diff(merged.offsets)
        group = np.repeat(np.arange(len(sizes)), sizes)
        # Without a budget, every usage is nothing and the room endless.
        usage, room = np.zeros(len(merged.loss), dtype=np.int64), math.inf
        for name, (_, upper) in merged.limits.items():
            usage, room = merged.usage[name], upper
        least = np.minimum.reduceat(usage, starts) if len(starts) else usage
        if sum(least.tolist()) > room:
            return Answer(Reason.INFEASIBLE, detail="the least usage is too much")
        ends = merged.offsets[1:]
        smallest = [usage[s:e].argmin() for s, e in zip(starts, ends, strict=True)]
        chosen = starts + np.array(smallest, dtype=np.int64)
        hint = parameters.hint
        if hint is not None and sum(usage[starts + hint].tolist()) <= room:
            chosen = starts + hint
        limit = Limit.OTHER
        while True:
            if time.perf_counter() >= deadline:
                limit = Limit.TIME
                break
            left = room - sum(usage[chosen].tolist())
            gain = merged.loss[chosen][group] - merged.loss
            gain[usage - usage[chosen][group] > left] = -math.inf
            best = int(gain.argmax()) if len(gain) else 0
            if not len(gain) or gain[best] <= 0.0:
                break
            chosen[group[best]] = best
        lowest = np.minimum.reduceat(merged.loss, starts) if len(starts) else []
        return Answer(
            Reason.FEASIBLE,
            choices=chosen - starts,
            bound=math.fsum(lowest),
            limit=limit,
        )
