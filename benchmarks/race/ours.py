"""mpsolve as a user calls it: arrays in, verified layout out."""

from __future__ import annotations

import time
from typing import Any

import mpsolve
from mpsolve.model.generate import Arrays
from mpsolve.model.generate_classes import Parts

__all__ = ["NAME", "SETTINGS", "SETTINGS_OF_CLASSES", "solve", "solve_parts"]

NAME = "mpsolve"

#: No gap at all, as for the peers; only the rounding of a float64 sum is left.
SETTINGS: dict[str, Any] = {"method": "exact", "rel_gap": 0.0, "abs_gap": 0.0}


#: Problems of other classes go where `auto` sends them.
SETTINGS_OF_CLASSES: dict[str, Any] = {**SETTINGS, "method": "auto"}


def solve_parts(parts: Parts, time_limit: float) -> tuple[mpsolve.Result, float, float]:
    """Do the same for a problem with several rows, counts or couplings."""
    start = time.perf_counter()
    problem = parts.problem()
    built = time.perf_counter()
    result = mpsolve.solve(problem, time_limit=time_limit, **SETTINGS_OF_CLASSES)
    return result, built - start, time.perf_counter() - built


def solve(arrays: Arrays, time_limit: float) -> tuple[mpsolve.Result, float, float]:
    """Return the result, and the seconds of building the problem and of solving it.

    Solving includes the verification that mpsolve does before it answers.
    """
    start = time.perf_counter()
    problem = mpsolve.Problem.from_arrays(
        arrays.loss,
        usage={"memory": arrays.usage},
        budgets={"memory": arrays.budget},
    )
    built = time.perf_counter()
    result = mpsolve.solve(problem, time_limit=time_limit, **SETTINGS)
    return result, built - start, time.perf_counter() - built
