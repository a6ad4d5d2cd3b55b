"""``mpsolve methods``: the methods and what they can do."""

from __future__ import annotations

import argparse

from mpsolve.cli.exit_codes import OK
from mpsolve.cli.inputs import json_text
from mpsolve.report import make_console, method_table
from mpsolve.report.method import method_records

__all__ = ["methods"]


def methods(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve methods``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    console = make_console()
    if arguments.format == "json":
        console.out(json_text({"methods": method_records()}))
    else:
        console.print(method_table())
    return OK
