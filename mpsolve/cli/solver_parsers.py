"""What `methods`, `formulate` and `compare` take."""

from __future__ import annotations

from typing import Any

from mpsolve.cli.arguments import with_units
from mpsolve.cli.command import BUDGET_HELP, add_command, add_problem

__all__ = ["add_compare", "add_formulate", "add_methods"]


def add_formulate(commands: Any) -> None:
    """Add `formulate`."""
    command = add_command(
        commands,
        "formulate",
        "write a problem out for other solvers",
        "mpsolve formulate problem.json --to lp --output problem.lp",
        f"{BUDGET_HELP}\n",
        formats=(),
    )
    add_problem(command)
    command.add_argument(
        "--to",
        choices=["lp", "mps", "cp-sat"],
        required=True,
        help="CPLEX's LP format, free MPS, or CP-SAT's model as protocol buffer text",
    )
    command.add_argument(
        "--unscaled",
        action="store_true",
        help="the problem's own numbers, for people, where float64 solvers may go "
        "wrong by their tolerances (lp and mps)",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="MODEL",
        help="write to this file; compressed where it ends in .gz (default: print it)",
    )


def add_compare(commands: Any) -> None:
    """Add `compare`."""
    command = add_command(
        commands,
        "compare",
        "run several methods on one problem, side by side",
        "mpsolve compare problem.json --methods exact,cp_sat,highs",
        f"{BUDGET_HELP}\n",
    )
    add_problem(command)
    command.add_argument(
        "--methods",
        metavar="NAMES",
        help="separated by commas; see mpsolve methods (default: all that can solve "
        "the problem and are installed)",
    )
    command.add_argument(
        "--time-limit",
        type=with_units("s"),
        default=60.0,
        metavar="TIME",
        help="for each method that takes one: 10s, 500ms, 2min (default: 60s)",
    )
    command.add_argument(
        "--rel-gap",
        type=float,
        default=1e-9,
        metavar="GAP",
        help="relative gap that counts as proven (default: 1e-9)",
    )


def add_methods(commands: Any) -> None:
    """Add `methods`."""
    add_command(
        commands, "methods", "list the methods and what they can do", "mpsolve methods"
    )
