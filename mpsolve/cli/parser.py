"""What the command line takes: commands, options, and their help."""

from __future__ import annotations

import argparse
from typing import Any

import mpsolve
from mpsolve.cli.arguments import count, layer_precision, with_units
from mpsolve.cli.command import PROBLEM_HELP, add_command, add_problem
from mpsolve.cli.exit_codes import EXIT_CODES
from mpsolve.cli.host_parsers import add_export, add_instances
from mpsolve.cli.model_parsers import add_apply, add_calibrate
from mpsolve.cli.solver_parsers import add_compare, add_formulate, add_methods

__all__ = ["make_parser"]


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
    add_export(commands)
    add_instances(commands)
    add_methods(commands)
    add_calibrate(commands)
    add_apply(commands)
    add_formulate(commands)
    add_compare(commands)
    _add_demo(commands)
    return parser


def _add_solve(commands: Any) -> None:
    command = add_command(
        commands,
        "solve",
        "find the layout of least loss within the budgets, and prove it",
        "mpsolve solve problem.json --budget memory=12MB --output layout.json",
        PROBLEM_HELP,
    )
    add_problem(command)
    command.add_argument(
        "--method", default="auto", help="see mpsolve methods (default: auto)"
    )
    command.add_argument(
        "--time-limit",
        type=with_units("s"),
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
        type=with_units("B"),
        metavar="SIZE",
        help="memory that the search may hold: 2GiB",
    )
    command.add_argument(
        "--clado-psd",
        action="store_true",
        help="solve what CLADO's clipping makes of the objective, and say what "
        "that changes",
    )
    command.add_argument(
        "--output", metavar="LAYOUT", help="write the layout to this JSON file"
    )
    command.add_argument("--all", action="store_true", help="show every layer")
    command.add_argument(
        "--quiet", action="store_true", help="print nothing but errors"
    )


def _add_check(commands: Any) -> None:
    command = add_command(
        commands,
        "check",
        "evaluate a layout exactly, without any solver",
        "mpsolve check problem.json layout.json",
        PROBLEM_HELP,
    )
    add_problem(command)
    command.add_argument("layout", metavar="LAYOUT", help="a layout file (.json)")


def _add_front(commands: Any) -> None:
    command = add_command(
        commands,
        "front",
        "find the least loss for every amount of a resource",
        "mpsolve front problem.json --resource memory --plot front.png",
        PROBLEM_HELP,
        ("table", "json", "csv"),
    )
    add_problem(command)
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
        type=with_units("s"),
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
    command = add_command(
        commands,
        "explain",
        "say why the answer is what it is, and what would change it",
        "mpsolve explain problem.json --layer conv1=fp16",
        PROBLEM_HELP,
    )
    add_problem(command)
    command.add_argument(
        "--layer",
        metavar="NAME=PRECISION",
        action="append",
        default=[],
        type=layer_precision,
        help="say what giving a layer that precision would cost; repeatable",
    )
    command.add_argument(
        "--time-limit",
        type=with_units("s"),
        metavar="TIME",
        help="for each of the questions asked: 10s, 500ms, 2min",
    )


def _add_show(commands: Any) -> None:
    command = add_command(
        commands,
        "show",
        "say what a problem holds, and which methods can solve it",
        "mpsolve show problem.json",
        PROBLEM_HELP,
    )
    add_problem(command)


def _add_demo(commands: Any) -> None:
    command = add_command(
        commands,
        "demo",
        "solve 18 published problems, and compare with the published layouts",
        "mpsolve demo",
    )
    command.add_argument(
        "--runs",
        type=count,
        default=5,
        metavar="N",
        help="runs of which the median time is shown (default: 5)",
    )
