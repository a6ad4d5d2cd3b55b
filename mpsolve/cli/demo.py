"""``mpsolve demo``: 18 published problems and their published layouts."""

from __future__ import annotations

import argparse

from mpsolve.cli.exit_codes import OK
from mpsolve.cli.inputs import json_text
from mpsolve.demo import demo_record, demo_report, run_demo
from mpsolve.report import make_console

__all__ = ["demo"]


def demo(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve demo``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    console = make_console()
    outcomes = run_demo(arguments.runs)
    if arguments.format == "json":
        console.out(json_text(demo_record(outcomes)))
    else:
        console.print(demo_report(outcomes))
    return OK
