"""What the command line takes: commands, options, and their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

import mpsolve
from mpsolve.errors import InvalidParameterError

__all__ = ["make_parser"]

OK = 0
NOT_PROVEN = 1
USAGE = 2
INFEASIBLE = 3
NO_SOLUTION = 4
INTERRUPTED = 130
PIPE_CLOSED = 141

EXIT_CODES = """\
exit codes:
  0    optimal and proven, or all is well
  1    a layout without proof: a limit was reached, or the method proves nothing
  2    wrong usage or bad input
  3    infeasible, or (check) the layout breaks the problem
  4    no layout found before a limit
  130  interrupted without a layout
"""

BUDGET_HELP = """\
budgets:
  --budget memory=12MB          at most (bytes: B kB MB GB KiB MiB GiB)
  --budget latency=3ms:9ms      between; 3ms: is a lower side alone
  --budget bops=40G             other units take k M G T
  --budget memory=40%           40 % of the way from smallest to largest reachable
  --budget bops==5              exactly
  --budget memory=none          drops the file's budget
"""

INVENTORY_HELP = """\
inventories:
  --inventory fp64=1,fp32=2,fp16=2   exactly that many layers of each
  --at-most fp64=1,fp32=2            no more than that
  --inventory none                   drops the file's inventory
"""

PROBLEM_HELP = f"{BUDGET_HELP}\n{INVENTORY_HELP}\n"

Command = Callable[[argparse.Namespace], int]


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; ``run`` holds the command."""
    parser = argparse.ArgumentParser(
        prog="mpsolve",
        description="Decide which precision each layer of a network gets, and prove "
        "that no better choice exists.",
        epilog="example:\n  mpsolve solve problem.json --budget memory=12MB\n\n"
        + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"mpsolve {mpsolve.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_solve(commands)
    _add_check(commands)
    _add_front(commands)
    _add_explain(commands)
    _add_show(commands)
    _add_methods(commands)
    _add_formulate(commands)
    _add_compare(commands)
    _add_demo(commands)
    return parser


def _add_command(
    commands: Any,
    name: str,
    summary: str,
    example: str,
    more: str = "",
    formats: tuple[str, ...] = ("table", "json"),
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}\n\n{more}{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_lazily(name))
    if formats:
        command.add_argument(
            "--format",
            choices=formats,
            default="table",
            help="how the answer is printed (default: table)",
        )
    return command


def _lazily(name: str) -> Command:
    """Import a command when it runs: help needs neither rich nor a solver."""

    def run(arguments: argparse.Namespace) -> int:
        command: Command = getattr(import_module(f"mpsolve.cli.{name}"), name)
        return command(arguments)

    return run


def _add_problem(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "problem",
        metavar="FILE",
        help="a problem file (.json or .csv), or the name of an instance that comes "
        "with mpsolve, such as resnet50-memory-25",
    )
    command.add_argument(
        "--budget",
        metavar="RESOURCE=BUDGET",
        action="append",
        default=[],
        type=_assignment,
        help="bound a resource, in place of the file's budget for it; repeatable",
    )
    inventory = command.add_mutually_exclusive_group()
    inventory.add_argument(
        "--inventory",
        metavar="COUNTS",
        type=_counts,
        help="how many layers get each precision, in place of the file's inventory",
    )
    inventory.add_argument(
        "--at-most",
        metavar="COUNTS",
        type=_counts,
        help="the same as bounds",
    )
    command.add_argument(
        "--objective",
        choices=["sum", "max"],
        help="what is to be small, in place of the file's objective: the sum of all "
        "losses, or the worst of them",
    )
    command.add_argument(
        "--max-distinct",
        type=_count,
        metavar="N",
        help="how many different precisions a layout may use",
    )


def _add_solve(commands: Any) -> None:
    command = _add_command(
        commands,
        "solve",
        "find the layout of least loss within the budgets, and prove it",
        "mpsolve solve problem.json --budget memory=12MB --output layout.json",
        PROBLEM_HELP,
    )
    _add_problem(command)
    command.add_argument(
        "--method", default="auto", help="see mpsolve methods (default: auto)"
    )
    command.add_argument(
        "--time-limit",
        type=_with_units("s"),
        metavar="TIME",
        help="stop after this long with the best layout so far: 10s, 500ms, 2min",
    )
    command.add_argument(
        "--rel-gap",
        type=float,
        default=1e-9,
        metavar="GAP",
        help="relative gap that counts as proven (default: 1e-9)",
    )
    command.add_argument(
        "--abs-gap",
        type=float,
        default=0.0,
        metavar="GAP",
        help="absolute gap that counts as proven (default: 0)",
    )
    command.add_argument(
        "--memory-limit",
        type=_with_units("B"),
        metavar="SIZE",
        help="memory that the search may hold: 2GiB",
    )
    command.add_argument(
        "--output", metavar="LAYOUT", help="write the layout to this JSON file"
    )
    command.add_argument("--all", action="store_true", help="show every layer")
    command.add_argument(
        "--quiet", action="store_true", help="print nothing but errors"
    )


def _add_check(commands: Any) -> None:
    command = _add_command(
        commands,
        "check",
        "evaluate a layout exactly, without any solver",
        "mpsolve check problem.json layout.json",
        PROBLEM_HELP,
    )
    _add_problem(command)
    command.add_argument("layout", metavar="LAYOUT", help="a layout file (.json)")


def _add_front(commands: Any) -> None:
    command = _add_command(
        commands,
        "front",
        "find the least loss for every amount of a resource",
        "mpsolve front problem.json --resource memory --plot front.png",
        PROBLEM_HELP,
        ("table", "json", "csv"),
    )
    _add_problem(command)
    command.add_argument(
        "--resource",
        metavar="NAME",
        help="the resource; needed where a problem has several",
    )
    command.add_argument(
        "--within",
        metavar="LOW:HIGH",
        help="usages of interest, written as a budget: 3MB:9MB, 20%%:40%%",
    )
    command.add_argument(
        "--epsilon",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="let a point stand for others whose loss is smaller by at most this share "
        "of the front's range of losses (default: 0, the exact front)",
    )
    command.add_argument(
        "--time-limit",
        type=_with_units("s"),
        metavar="TIME",
        help="stop after this long with the points found so far: 10s, 500ms, 2min",
    )
    command.add_argument(
        "--plot", metavar="PICTURE", help="draw the front: .png, .pdf or .svg"
    )
    command.add_argument(
        "--output", metavar="FILE", help="write the answer there instead of printing it"
    )
    command.add_argument("--all", action="store_true", help="show every point")


def _add_explain(commands: Any) -> None:
    command = _add_command(
        commands,
        "explain",
        "say why the answer is what it is, and what would change it",
        "mpsolve explain problem.json --layer conv1=fp16",
        PROBLEM_HELP,
    )
    _add_problem(command)
    command.add_argument(
        "--layer",
        metavar="NAME=PRECISION",
        action="append",
        default=[],
        type=_layer,
        help="say what giving a layer that precision would cost; repeatable",
    )
    command.add_argument(
        "--time-limit",
        type=_with_units("s"),
        metavar="TIME",
        help="for each of the questions asked: 10s, 500ms, 2min",
    )


def _add_show(commands: Any) -> None:
    command = _add_command(
        commands,
        "show",
        "say what a problem holds, and which methods can solve it",
        "mpsolve show problem.json",
        PROBLEM_HELP,
    )
    _add_problem(command)


def _add_methods(commands: Any) -> None:
    _add_command(
        commands, "methods", "list the methods and what they can do", "mpsolve methods"
    )


def _add_formulate(commands: Any) -> None:
    command = _add_command(
        commands,
        "formulate",
        "write a problem out for other solvers",
        "mpsolve formulate problem.json --to lp --output problem.lp",
        f"{BUDGET_HELP}\n",
        formats=(),
    )
    _add_problem(command)
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


def _add_compare(commands: Any) -> None:
    command = _add_command(
        commands,
        "compare",
        "run several methods on one problem, side by side",
        "mpsolve compare problem.json --methods exact,cp_sat,highs",
        f"{BUDGET_HELP}\n",
    )
    _add_problem(command)
    command.add_argument(
        "--methods",
        metavar="NAMES",
        help="separated by commas; see mpsolve methods (default: all that can solve "
        "the problem and are installed)",
    )
    command.add_argument(
        "--time-limit",
        type=_with_units("s"),
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


def _add_demo(commands: Any) -> None:
    command = _add_command(
        commands,
        "demo",
        "solve 18 published problems, and compare with the published layouts",
        "mpsolve demo",
    )
    command.add_argument(
        "--runs",
        type=_count,
        default=5,
        metavar="N",
        help="runs of which the median time is shown (default: 5)",
    )


def _assignment(text: str) -> tuple[str, str]:
    resource, equals, budget = text.partition("=")
    if not (resource and equals and budget):
        msg = f"must be RESOURCE=BUDGET, such as memory=12MB. Got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return resource, budget


def _layer(text: str) -> tuple[str, str]:
    layer, equals, precision = text.rpartition("=")
    if not (layer and equals and precision):
        msg = f"must be NAME=PRECISION, such as conv1=fp16. Got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return layer, precision


def _counts(text: str) -> dict[str, int]:
    """Read ``fp64=1,fp32=2``; ``none`` is empty."""
    if text == "none":
        return {}
    counts: dict[str, int] = {}
    for part in text.split(","):
        name, equals, count = part.strip().rpartition("=")
        if not (name and equals and count.isdecimal()) or name in counts:
            msg = f"must be PRECISION=COUNT,…, such as fp64=1,fp32=2. Got {text!r}"
            raise argparse.ArgumentTypeError(msg)
        counts[name] = int(count)
    return counts


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        msg = f"must be an integer >= 1. Got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _with_units(unit: str) -> Callable[[str], float]:
    """Return a reader of numbers with units, for argparse."""

    def read(text: str) -> float:
        from mpsolve.units import parse_duration, parse_quantity

        try:
            if unit == "s":
                return parse_duration(text)
            quantity = parse_quantity(text, unit)
        except InvalidParameterError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return int(quantity)

    return read
