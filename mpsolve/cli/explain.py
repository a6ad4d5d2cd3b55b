"""``mpsolve explain``: why the answer is what it is, and what would change it."""

from __future__ import annotations

import argparse
import math

import mpsolve
from mpsolve.cli.inputs import json_text, read_problem
from mpsolve.cli.solve import exit_code
from mpsolve.report import make_console
from mpsolve.report.explanation import explanation_report

__all__ = ["explain"]


def explain(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve explain``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code, as that of ``mpsolve solve``.
    """
    problem = read_problem(arguments)
    report = mpsolve.explain(problem, time_limit=arguments.time_limit)
    forced = [
        report.force(layer, precision, time_limit=arguments.time_limit)
        for layer, precision in arguments.layer
    ]
    console = make_console()
    if arguments.format == "json":
        costs = [
            {
                "layer": option.layer,
                "precision": option.precision,
                "reason": str(option.result.reason),
                "cost": option.cost if math.isfinite(option.cost) else None,
                "loss": option.result.primal,
            }
            for option in forced
        ]
        name = problem.name or arguments.problem
        record = {"problem": name, **report.to_dict(), "forced": costs}
        console.out(json_text(record))
    else:
        console.print(explanation_report(report, forced))
    return exit_code(report.result)
