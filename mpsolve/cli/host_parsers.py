"""What `export` and `instances` take."""

from __future__ import annotations

from typing import Any

from mpsolve.cli.arguments import json_option, meaning
from mpsolve.cli.command import add_command

__all__ = ["add_export", "add_instances"]


def add_export(commands: Any) -> None:
    """Add `export`."""
    command = add_command(
        commands,
        "export",
        "write a layout as the configuration of a quantizer",
        "mpsolve export layout.json --to torchao -o config.json --meaning int4=int4g64",
    )
    command.add_argument("layout", metavar="LAYOUT", help="a layout file (.json)")
    command.add_argument(
        "--to", required=True, metavar="HOST", help="torchao, modelopt, llama.cpp, …"
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="where to write it (default: standard output)",
    )
    command.add_argument(
        "--meaning",
        metavar="PRECISION=FORMAT",
        action="append",
        default=[],
        type=meaning,
        help="what a precision means there: int4=w4a16g128, or JSON in the host's "
        "words; repeatable",
    )
    command.add_argument(
        "--members",
        metavar="FILE",
        help="JSON of the modules of layers that stand for several",
    )
    command.add_argument(
        "--option",
        metavar="NAME=JSON",
        action="append",
        default=[],
        type=json_option,
        help="an option of the host's writer, such as engine='\"vllm\"'; repeatable",
    )


def add_instances(commands: Any) -> None:
    """Add `instances`."""
    command = add_command(
        commands,
        "instances",
        "list real instances with their proven optima, or write one to a file",
        "mpsolve instances get modelopt-gradient-7.0 -o problem.json",
    )
    command.add_argument("action", choices=["list", "get"])
    command.add_argument("name", nargs="?", metavar="NAME")
    command.add_argument(
        "-o", "--output", metavar="FILE", help="where to write it (default: NAME.json)"
    )
