"""``mpsolve apply``: run a model in a layout."""

from __future__ import annotations

import argparse
import io
from collections import Counter
from typing import Any

from mpsolve.cli.exit_codes import OK
from mpsolve.cli.inputs import json_text
from mpsolve.cli.objects import check_folders, load_data, load_loss, load_model
from mpsolve.io.files import write_bytes
from mpsolve.report import make_console
from mpsolve.report.console import make_grid
from mpsolve.units import format_quantity

__all__ = ["apply"]


def apply(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve apply``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    from mpsolve.io import read_layout
    from mpsolve.torch import apply_, measured_bytes

    check_folders(arguments.output)
    choices = read_layout(arguments.layout).choices
    model = load_model(arguments.model).eval()
    record: dict[str, Any] = {"layers": dict(Counter(choices.values()))}
    record["bytes_before"] = measured_bytes(model)
    if arguments.data:
        record["loss_before"] = _loss(model, arguments)
    apply_(model, choices)
    record["bytes_after"] = measured_bytes(model)
    if arguments.data:
        record["loss_after"] = _loss(model, arguments)
    if arguments.output:
        _write(model, arguments.output)
    if not arguments.quiet:
        _show(record, arguments)
    return OK


def _loss(model: Any, arguments: argparse.Namespace) -> float:
    """Return the mean loss over the samples."""
    from mpsolve.torch.evaluate import mean_loss

    data = load_data(arguments.data)
    return mean_loss(model, data, load_loss(arguments.loss), arguments.batches)


def _write(model: Any, path: str) -> None:
    import torch

    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    write_bytes(path, buffer.getvalue())


def _show(record: dict[str, Any], arguments: argparse.Namespace) -> None:
    console = make_console()
    if arguments.format == "json":
        console.out(json_text(record))
        return
    grid = make_grid()
    counts = ", ".join(f"{n} × {name}" for name, n in record["layers"].items())
    grid.add_row("layers", counts)
    before, after = record["bytes_before"], record["bytes_after"]
    grid.add_row(
        "parameters and buffers", f"{format_quantity(after, 'B')}, before {before:,} B"
    )
    if "loss_after" in record:
        change = record["loss_after"] - record["loss_before"]
        grid.add_row(
            "loss",
            f"{record['loss_after']:.6g}, before {record['loss_before']:.6g} "
            f"({change:+.2g})",
        )
    console.print(grid)
    if arguments.output:
        console.out(f"\nstate dict written to {arguments.output}")
