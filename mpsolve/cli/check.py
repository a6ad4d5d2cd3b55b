"""``mpsolve check``: what a layout really costs, without any solver."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator

import mpsolve
from mpsolve.cli.exit_codes import INFEASIBLE, OK
from mpsolve.cli.inputs import json_text, read_problem
from mpsolve.io import load_layout, read_layout
from mpsolve.io.records import LayoutRecord
from mpsolve.model.budget import Number
from mpsolve.report import make_console
from mpsolve.report.console import make_grid
from mpsolve.report.result import usage_table
from mpsolve.verification import Verification

__all__ = ["check"]

#: How far a file's numbers may be off: other programs write fewer digits.
DIGITS = 1e-9


def check(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve check``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    problem = read_problem(arguments)
    layout = load_layout(arguments.layout, problem)
    verification = mpsolve.verify(problem, layout)
    broken = list(verification.violations)
    broken += _wrong_claims(read_layout(arguments.layout), verification)
    console = make_console()
    if arguments.format == "json":
        record = {
            "problem": problem.name or arguments.problem,
            "ok": not broken,
            "loss": verification.loss,
            "usage": dict(verification.usage),
            "violations": broken,
        }
        console.out(json_text(record))
        return INFEASIBLE if broken else OK
    grid = make_grid()
    word = (
        "[bold red]breaks the problem[/]" if broken else "[bold green]keeps it all[/]"
    )
    grid.add_row("layout", word)
    grid.add_row("gain" if problem.maximize else "loss", f"{verification.loss!r}")
    counts = layout.counts().items()
    grid.add_row("layers", ", ".join(f"{count:,} × {name}" for name, count in counts))
    console.print(grid)
    if problem.resources:
        console.print(usage_table(problem, verification.usage))
    for sentence in broken:
        console.print(sentence, style="red", markup=False, soft_wrap=True)
    return INFEASIBLE if broken else OK


def _wrong_claims(record: LayoutRecord, verification: Verification) -> Iterator[str]:
    """Yield a sentence for each number of the file that is not what was evaluated."""
    claims: dict[str, tuple[Number | None, Number | None]] = {
        "the loss": (record.loss, verification.loss)
    }
    for name, total in record.usage.items():
        claims[f"the usage of {name}"] = (total, verification.usage.get(name))
    for what, (claimed, actual) in claims.items():
        if claimed is None:
            continue
        if actual is None or not math.isclose(claimed, actual, rel_tol=DIGITS):
            yield f"claim: the file says {what} is {claimed!r}; it is {actual!r}"
