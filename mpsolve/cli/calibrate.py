"""``mpsolve calibrate``: measure layers' sensitivities, and write the problem."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mpsolve.cli.exit_codes import OK
from mpsolve.cli.inputs import json_text
from mpsolve.cli.objects import load_data, load_loss, load_model
from mpsolve.report import make_console
from mpsolve.report.console import make_table

if TYPE_CHECKING:
    from rich.table import Table

    from mpsolve.torch import Calibration

__all__ = ["calibrate"]


def calibrate(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve calibrate``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    import mpsolve.torch as adapter

    model = load_model(arguments.model)
    console = make_console(stderr=True)
    calibration = adapter.calibrate(
        model,
        load_data(arguments.data),
        load_loss(arguments.loss),
        arguments.precisions,
        arguments.metrics,
        patterns=arguments.layers,
        num_batches=arguments.batches,
        seed=arguments.seed,
        checkpoint=arguments.checkpoint,
        checkpoint_every=arguments.checkpoint_every,
        progress=console.is_terminal and not arguments.quiet,
    )
    if not _is_first():
        return OK
    problem = adapter.problem_from_model(model, calibration)
    if arguments.save:
        calibration.save(arguments.save)
    if arguments.output:
        problem.save(arguments.output)
    if arguments.quiet:
        return OK
    console = make_console()
    if arguments.format == "json":
        console.out(json_text(_record(calibration)))
        return OK
    console.print(_table(calibration))
    if arguments.output:
        console.out(f"problem written to {arguments.output}")
    return OK


def _is_first() -> bool:
    """Whether this process is the one that writes: the first of a torchrun."""
    from torch import distributed

    is_running = distributed.is_available() and distributed.is_initialized()
    return not is_running or distributed.get_rank() == 0


def _table(calibration: Calibration) -> Table:
    """Return the sums over layers: what uniform layouts would lose."""
    precisions = calibration.precisions
    table = make_table("metric", "unit", *precisions, right=precisions)
    table.title = (
        f"{calibration.model}: {len(calibration.layers)} layers, "
        f"{calibration.num_samples:,} samples, {calibration.loss_name} "
        f"{calibration.loss:.6g} ± {calibration.loss_standard_error:.2g}; "
        "sums over the layers"
    )
    table.title_justify = "left"
    for name, scores in calibration.items():
        sums = [f"{value:.4g}" for value in scores.values.sum(0)]
        table.add_row(name, scores.unit, *sums)
    return table


def _record(calibration: Calibration) -> dict[str, Any]:
    def finite(value: float) -> float | None:
        return value if value == value else None

    return {
        "model": calibration.model,
        "loss_name": calibration.loss_name,
        "loss": calibration.loss,
        "loss_standard_error": finite(calibration.loss_standard_error),
        "num_samples": calibration.num_samples,
        "layers": list(calibration.layers),
        "precisions": list(calibration.precisions),
        "metrics": {
            name: {
                "unit": scores.unit,
                "is_signed": scores.is_signed,
                "values": scores.values.tolist(),
                "standard_error": [
                    [finite(v) for v in row] for row in scores.standard_error.tolist()
                ],
            }
            for name, scores in calibration.items()
        },
    }
