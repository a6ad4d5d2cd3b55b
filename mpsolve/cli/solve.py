"""``mpsolve solve``: find the layout of least loss, and prove it."""

from __future__ import annotations

import argparse
from typing import Any

import mpsolve
from mpsolve.cli.exit_codes import INFEASIBLE, INTERRUPTED, NO_SOLUTION, NOT_PROVEN, OK
from mpsolve.cli.inputs import json_text, read_problem
from mpsolve.cli.progress import ProgressLine
from mpsolve.methods import Parameters, get_method
from mpsolve.model.problem import Problem
from mpsolve.report import make_console, result_report
from mpsolve.result import Limit, Reason, Result
from mpsolve.solving import choose_method

__all__ = ["solve"]


def solve(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve solve``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    problem = read_problem(arguments)
    result = _solve(problem, arguments)
    written = _write_layout(result, arguments)
    if not arguments.quiet:
        console = make_console()
        if arguments.format == "json":
            record = {"problem": problem.name or arguments.problem, **result.to_dict()}
            console.out(json_text(record))
        else:
            console.print(result_report(result, problem, show_all=arguments.all))
            if written:
                console.out(f"\nlayout written to {arguments.output}")
    if arguments.output and not written:
        message = f"mpsolve: {arguments.output} was not written, there is no layout"
        make_console(stderr=True).out(message)
    return exit_code(result)


def exit_code(result: Result) -> int:
    """Return the exit code that says how a solve ended."""
    match result.reason:
        case Reason.OPTIMAL:
            return OK
        case Reason.FEASIBLE:
            return NOT_PROVEN
        case Reason.INFEASIBLE:
            return INFEASIBLE
        case _:
            is_interrupted = result.limit is Limit.INTERRUPTED
            return INTERRUPTED if is_interrupted else NO_SOLUTION


def _solve(problem: Problem, arguments: argparse.Namespace) -> Result:
    options: dict[str, Any] = {
        "method": arguments.method,
        "time_limit": arguments.time_limit,
        "memory_limit": arguments.memory_limit,
        "rel_gap": arguments.rel_gap,
        "abs_gap": arguments.abs_gap,
        "clado_psd": arguments.clado_psd,
    }
    console = make_console(stderr=True)
    shows_progress = console.is_terminal and not arguments.quiet
    if not shows_progress or not _reports_progress(problem, arguments.method):
        return mpsolve.solve(problem, **options)
    with ProgressLine(console, maximize=problem.maximize) as line:
        return mpsolve.solve(problem, progress=line, **options)


def _reports_progress(problem: Problem, method: str) -> bool:
    """Whether the method that will be used calls back while it searches."""
    if method == "auto":
        chosen = choose_method(problem, Parameters())
    else:
        chosen = get_method(method)
    return "progress" in chosen.capabilities.parameters


def _write_layout(result: Result, arguments: argparse.Namespace) -> bool:
    if not arguments.output or result.layout is None:
        return False
    from mpsolve.io import save_layout

    save_layout(result.layout, arguments.output, result)
    return True
