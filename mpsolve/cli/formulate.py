"""``mpsolve formulate``: a problem written out for other solvers."""

from __future__ import annotations

import argparse

from mpsolve.cli.exit_codes import OK
from mpsolve.cli.inputs import read_problem
from mpsolve.errors import InvalidParameterError
from mpsolve.formulate import to_cp_sat, to_lp, to_mps
from mpsolve.io.files import write_bytes
from mpsolve.model.problem import Problem
from mpsolve.report import make_console

__all__ = ["formulate"]


def formulate(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve formulate``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    problem, is_scaled = read_problem(arguments), not arguments.unscaled
    text = _text(problem, arguments.to, is_scaled=is_scaled)
    if arguments.output:
        write_bytes(arguments.output, text.encode("ascii"))
    else:
        make_console().out(text, end="")
    return OK


def _text(problem: Problem, target: str, *, is_scaled: bool) -> str:
    if target == "cp-sat":
        if not is_scaled:
            msg = "--unscaled is for lp and mps: CP-SAT takes integers only"
            raise InvalidParameterError(msg)
        return f"{to_cp_sat(problem).model.proto}"
    write = to_lp if target == "lp" else to_mps
    return write(problem, scaled=is_scaled).model
