"""``mpsolve export``: a layout as the configuration of a quantizer."""

from __future__ import annotations

import argparse
import json
from typing import Any

from mpsolve.cli.exit_codes import OK
from mpsolve.cli.inputs import json_text
from mpsolve.errors import InvalidParameterError
from mpsolve.integrations.writers import as_text
from mpsolve.integrations.writers import export as export_layout
from mpsolve.io import read_layout
from mpsolve.io.files import read_bytes
from mpsolve.report import make_console

__all__ = ["export"]


def export(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve export``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    choices = read_layout(arguments.layout).choices
    options = dict(arguments.option)
    if arguments.meaning:
        options["formats"] = dict(arguments.meaning)
    if arguments.members:
        options["members"] = _read_members(arguments.members)
    config = export_layout(choices, arguments.to, arguments.output, **options)
    console = make_console()
    if arguments.output is None:
        console.out(as_text(config), end="", highlight=False)
    elif arguments.format == "json":
        record = {
            "host": arguments.to,
            "file": arguments.output,
            "layers": len(choices),
        }
        console.out(json_text(record))
    else:
        done = f"{len(choices):,} layers for {arguments.to} in {arguments.output}"
        console.print(done, markup=False, highlight=False, soft_wrap=True)
    return OK


def _read_members(path: str) -> dict[str, Any]:
    try:
        members = json.loads(read_bytes(path))
    except ValueError as error:
        msg = f"{path}: is not JSON: {error}"
        raise InvalidParameterError(msg) from None
    if not isinstance(members, dict):
        msg = f"{path}: must be an object of lists of modules, by layer"
        raise InvalidParameterError(msg)
    return members
