"""``mpsolve show``: what a problem holds."""

from __future__ import annotations

import argparse

from mpsolve.cli.exit_codes import OK
from mpsolve.cli.inputs import json_text, read_problem
from mpsolve.report import make_console, problem_report
from mpsolve.report.problem import problem_record

__all__ = ["show"]


def show(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve show``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    problem = read_problem(arguments)
    console = make_console()
    if arguments.format == "json":
        console.out(json_text(problem_record(problem)))
    else:
        console.print(problem_report(problem, arguments.problem))
    return OK
