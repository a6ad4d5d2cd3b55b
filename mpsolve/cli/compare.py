"""``mpsolve compare``: several methods on one problem, side by side."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import mpsolve
from mpsolve.cli.exit_codes import INFEASIBLE, NO_SOLUTION, NOT_PROVEN, OK
from mpsolve.cli.inputs import json_text, read_problem
from mpsolve.errors import InvalidParameterError, MPSolveError, VerificationError
from mpsolve.methods import all_methods, cannot_solve, get_method, is_available
from mpsolve.model.problem import Problem
from mpsolve.report import make_console
from mpsolve.report.compare import compare_table
from mpsolve.result import Reason, Result

__all__ = ["compare"]


def compare(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve compare``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code: that of the best answer; 4 where an answer was refused.
    """
    problem = read_problem(arguments)
    rows = [_run(problem, name, arguments) for name in _names(problem, arguments)]
    console = make_console()
    if arguments.format == "json":
        title = problem.name or arguments.problem
        record = {"problem": title, "methods": [row.record() for row in rows]}
        console.out(json_text(record))
    else:
        columns = [(row.method, row.result, row.refusal) for row in rows]
        console.print(compare_table(columns))
    return _exit_code(rows)


@dataclass(frozen=True)
class _Row:
    """What came of one method: a result that was verified, or why there is none."""

    method: str
    result: Result | None = None
    refusal: str = ""
    is_wrong: bool = False

    def record(self) -> dict[str, Any]:
        if self.result is None:
            return {"method": self.method, "verified": False, "refused": self.refusal}
        found = self.result.to_dict()
        keys = ("reason", "limit", "loss", "bound", "gap", "time", "detail")
        # A result without a layout has nothing to verify.
        verified = {"verified": self.result.layout is not None}
        return {"method": self.method} | {k: found[k] for k in keys} | verified


def _names(problem: Problem, arguments: argparse.Namespace) -> Sequence[str]:
    if arguments.methods is None:
        ready = (m for m in all_methods() if is_available(m))
        return [m.name for m in ready if not cannot_solve(m, problem)]
    names = [name for name in arguments.methods.split(",") if name]
    if not names:
        msg = f"--methods must name a method. Got {arguments.methods!r}"
        raise InvalidParameterError(msg)
    for name in names:
        if name != "auto":
            get_method(name)  # a wrong name is an error before any work starts
    return names


#: Solved first by every method, so that nobody's time has the loading of its solver.
WARM_UP = Problem.from_arrays([[1.0, 0.0]])


def _run(problem: Problem, name: str, arguments: argparse.Namespace) -> _Row:
    with suppress(MPSolveError):
        mpsolve.solve(WARM_UP, name)
    options: dict[str, Any] = {"rel_gap": arguments.rel_gap}
    try:
        can = get_method(name).capabilities if name != "auto" else None
        if can is None or "time_limit" in can.parameters:
            options["time_limit"] = arguments.time_limit
        return _Row(name, mpsolve.solve(problem, name, **options))
    except VerificationError as error:
        return _Row(name, refusal=str(error), is_wrong=True)
    except MPSolveError as error:
        return _Row(name, refusal=str(error))


def _exit_code(rows: Sequence[_Row]) -> int:
    reasons = {row.result.reason for row in rows if row.result is not None}
    if any(row.is_wrong for row in rows):
        return NO_SOLUTION
    for reason, code in (
        (Reason.OPTIMAL, OK),
        (Reason.INFEASIBLE, INFEASIBLE),
        (Reason.FEASIBLE, NOT_PROVEN),
    ):
        if reason in reasons:
            return code
    return NO_SOLUTION
