"""Which method ``auto`` takes."""

from __future__ import annotations

from mpsolve.errors import UnsupportedProblemError
from mpsolve.methods import (
    SPECIAL_CASES,
    Method,
    Parameters,
    better_left,
    cannot_solve,
    is_available,
    load_method,
    method_names,
)
from mpsolve.model.problem import Problem

__all__ = ["choose_method"]


def choose_method(problem: Problem, parameters: Parameters) -> Method:
    """Take the first method that can prove all of the problem and is installed."""
    missing = []
    has_structure = problem.inventory is not None or bool(problem.couplings)
    for name in method_names():
        if name in SPECIAL_CASES and not has_structure:
            continue
        method = load_method(name)
        if not method.capabilities.proves:
            continue
        if (
            name in SPECIAL_CASES
            and parameters.given() - method.capabilities.parameters
        ):
            continue  # a general method may honour them
        cannot = cannot_solve(method, problem)
        if not cannot and is_available(method):
            if not (why := better_left(method, problem)):
                return method
            cannot = [f"leaves to others {why}"]
        if not cannot:
            cannot = [f"is not installed: pip install 'mpsolve[{method.extra}]'"]
        missing.append(f"\n  {name}: {'; '.join(cannot)}")
    msg = f"no method can solve all of this problem yet:{''.join(missing)}"
    raise UnsupportedProblemError(msg)
