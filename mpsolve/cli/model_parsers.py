"""What `calibrate` and `apply` take."""

from __future__ import annotations

import argparse
from typing import Any

from mpsolve.cli.arguments import count, names
from mpsolve.cli.command import add_command

__all__ = ["add_apply", "add_calibrate"]


def add_calibrate(commands: Any) -> None:
    """Add `calibrate`."""
    command = add_command(
        commands,
        "calibrate",
        "measure how much each layer's precision matters, and write the problem",
        "mpsolve calibrate net:build_model --data net:batches "
        "--precisions fp16,int8,int4 -o problem.json",
        "Several processes: torchrun --nproc-per-node 2 -m mpsolve calibrate …\n\n",
    )
    _add_model(command)
    command.add_argument(
        "--data",
        required=True,
        metavar="MODULE:NAME",
        help="batches (inputs, targets), or a callable that returns them",
    )
    command.add_argument(
        "--loss",
        default="cross_entropy",
        metavar="LOSS",
        help="cross_entropy, next_token, squared_error, or MODULE:NAME of a callable "
        "(default: cross_entropy)",
    )
    command.add_argument(
        "--precisions",
        type=names,
        default=["fp16", "int8", "int4"],
        metavar="NAMES",
        help="separated by commas: fp16, bf16, int8, w4a8, … (default: fp16,int8,int4)",
    )
    command.add_argument(
        "--metrics",
        type=names,
        default=["loss_mse"],
        metavar="NAMES",
        help="separated by commas; the first is the problem's loss (default: loss_mse)",
    )
    command.add_argument(
        "--layers",
        action="append",
        metavar="PATTERN",
        help="only layers whose name matches this glob or re:EXPRESSION; repeatable",
    )
    command.add_argument(
        "--engine",
        metavar="NAME",
        help="tie the layers that a serving engine fuses, found in the traced model, "
        "and show them: vllm, sglang, tensorrt-llm",
    )
    command.add_argument(
        "--batches", type=count, metavar="N", help="stop after this many batches"
    )
    command.add_argument(
        "--seed", type=int, default=0, help="of random signs (default: 0)"
    )
    command.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="keep what is done in this file, and go on from it where it exists",
    )
    command.add_argument(
        "--checkpoint-every",
        type=count,
        default=10,
        metavar="N",
        help="batches between checkpoints (default: 10)",
    )
    command.add_argument(
        "--save",
        metavar="FILE",
        help="write all metrics to FILE.safetensors and FILE.json",
    )
    command.add_argument(
        "-o", "--output", metavar="PROBLEM", help="write the problem to this file"
    )
    command.add_argument(
        "--quiet", action="store_true", help="print nothing but errors"
    )


def add_apply(commands: Any) -> None:
    """Add `apply`."""
    command = add_command(
        commands,
        "apply",
        "run a model in a layout: its bytes, and its loss on data",
        "mpsolve apply net:build_model layout.json --data net:batches -o weights.pt",
    )
    _add_model(command)
    command.add_argument("layout", metavar="LAYOUT", help="a layout file (.json)")
    command.add_argument(
        "--data",
        metavar="MODULE:NAME",
        help="measure the loss before and after on these batches",
    )
    command.add_argument(
        "--loss",
        default="cross_entropy",
        metavar="LOSS",
        help="as for calibrate (default: cross_entropy)",
    )
    command.add_argument(
        "--batches", type=count, metavar="N", help="stop after this many batches"
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="WEIGHTS",
        help="write the state dict, as stored in the layout, to this file (torch.save)",
    )
    command.add_argument(
        "--quiet", action="store_true", help="print nothing but errors"
    )


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model",
        metavar="MODULE:NAME",
        help="a torch.nn.Module, or a callable that returns one, importable from here",
    )
