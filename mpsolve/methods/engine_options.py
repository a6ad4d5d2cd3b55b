"""What the compiled engines are told, in their own words."""

import math
from typing import Any

import numpy as np

from mpsolve.methods.protocol import Parameters

__all__ = ["PARAMETERS", "engine_options", "within_int64"]

#: Parameters that the engines honour.
PARAMETERS = frozenset({"time_limit", "memory_limit", "node_limit", "hint", "progress"})

#: Beyond every total, and within int64; a budget may be any integer.
FAR = 2**62


def engine_options(parameters: Parameters) -> dict[str, Any]:
    """Return the keyword arguments that parameters stand for.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    dict
        What was not asked for is left to the engine.
    """
    options: dict[str, Any] = {
        "abs_gap": parameters.abs_gap,
        "rel_gap": parameters.rel_gap,
    }
    if parameters.time_limit is not None:
        options["time_limit"] = parameters.time_limit
    if parameters.memory_limit is not None:
        options["memory_limit"] = parameters.memory_limit
    if parameters.node_limit is not None:
        options["label_limit"] = parameters.node_limit
    if parameters.hint is not None:
        options["hint"] = parameters.hint.astype(np.int32)
    if parameters.progress is not None:
        progress = parameters.progress
        options["progress"] = lambda loss, bound, labels: progress(
            None if math.isnan(loss) else loss, bound, labels
        )
    return options


def within_int64(side: int | None) -> int | None:
    """Clip a side of a budget to what totals can reach."""
    return None if side is None else max(-FAR, min(side, FAR))
