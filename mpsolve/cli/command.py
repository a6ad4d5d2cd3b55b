"""What the parsers of all commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

from mpsolve.cli.arguments import assignment, count, counts
from mpsolve.cli.exit_codes import EXIT_CODES

__all__ = ["BUDGET_HELP", "PROBLEM_HELP", "add_command", "add_problem"]

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


def add_command(
    commands: Any,
    name: str,
    summary: str,
    example: str,
    more: str = "",
    formats: tuple[str, ...] = ("table", "json"),
) -> argparse.ArgumentParser:
    """Add a command that runs `mpsolve.cli.NAME`, and how its answer is printed."""
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


def add_problem(command: argparse.ArgumentParser) -> None:
    """Add the problem file, and what replaces parts of it."""
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
        type=assignment,
        help="bound a resource, in place of the file's budget for it; repeatable",
    )
    inventory = command.add_mutually_exclusive_group()
    inventory.add_argument(
        "--inventory",
        metavar="COUNTS",
        type=counts,
        help="how many layers get each precision, in place of the file's inventory",
    )
    inventory.add_argument(
        "--at-most",
        metavar="COUNTS",
        type=counts,
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
        type=count,
        metavar="N",
        help="how many different precisions a layout may use",
    )
