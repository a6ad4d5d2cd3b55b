"""``mpsolve instances``: the library of real instances."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from mpsolve.cli.exit_codes import OK
from mpsolve.cli.inputs import json_text
from mpsolve.errors import InvalidParameterError
from mpsolve.instances import describe, load, names
from mpsolve.report import make_console

__all__ = ["instances"]


def instances(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve instances``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    if arguments.action == "list":
        return _list(arguments)
    if arguments.name is None:
        msg = "instances get: which one? See mpsolve instances list"
        raise InvalidParameterError(msg)
    problem = load(arguments.name)
    path = arguments.output or f"{arguments.name}.json"
    problem.save(path)
    if arguments.format == "json":
        record = {**asdict(describe(arguments.name)), "file": path}
        make_console().out(json_text(record))
    else:
        make_console().print(path, markup=False, highlight=False, soft_wrap=True)
    return OK


def _list(arguments: argparse.Namespace) -> int:
    entries = [describe(name) for name in names()]
    console = make_console()
    if arguments.format == "json":
        console.out(json_text({"instances": [asdict(entry) for entry in entries]}))
        return OK
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("name", "network", "optimum", "proven", "the tool's own", "above"):
        right = column in ("optimum", "the tool's own", "above")
        table.add_column(column, justify="right" if right else "left")
    for entry in entries:
        theirs, above = "", ""
        if entry.theirs is not None:
            theirs = f"{entry.theirs:.6g}"
            above = f"{(entry.theirs / entry.optimum - 1) * 100:.1f} %"
        optimum = f"{entry.optimum:.6g}"
        cells = [entry.name, entry.network, optimum, entry.proven, theirs, above]
        table.add_row(*cells)
    console.print(table)
    return OK
