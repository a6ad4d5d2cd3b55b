"""``mpsolve calibrate``: measure layers' sensitivities, and write the problem."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from mpsolve.cli.exit_codes import OK
from mpsolve.cli.inputs import json_text
from mpsolve.cli.objects import check_folders, load_data, load_loss, load_model
from mpsolve.report import make_console
from mpsolve.report.console import make_table

if TYPE_CHECKING:
    from rich.table import Table

    from mpsolve.integrations.fusion import Fused
    from mpsolve.torch import Calibration

__all__ = ["calibrate"]

#: Sets of fused layers that are shown.
MOST_SHOWN = 12


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

    check_folders(arguments.output, arguments.save, arguments.checkpoint)
    model = load_model(arguments.model)
    data = load_data(arguments.data)
    fused: list[Fused] = []
    if arguments.engine is not None:
        data, first = _peek(data)
        fused = _fused(model, first, arguments)
    console = make_console(stderr=True)
    calibration = adapter.calibrate(
        model,
        data,
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
    ties = [one.layers for one in fused]
    problem = adapter.problem_from_model(model, calibration, ties=ties)
    if arguments.save:
        calibration.save(arguments.save)
    if arguments.output:
        problem.save(arguments.output)
    if arguments.quiet:
        return OK
    console = make_console()
    if arguments.format == "json":
        console.out(json_text(_record(calibration) | _ties(fused, arguments)))
        return OK
    console.print(_table(calibration))
    for one in fused[:MOST_SHOWN]:
        console.out(f"tied: {one}")
    if len(fused) > MOST_SHOWN:
        console.out(f"tied: {len(fused) - MOST_SHOWN} sets more, in the problem")
    if arguments.engine is not None and not fused:
        console.out(f"{arguments.engine} fuses none of these layers")
    if arguments.output:
        console.out(f"problem written to {arguments.output}")
    return OK


def _peek(data: Iterable[Any]) -> tuple[Iterable[Any], list[Any]]:
    """Return the data again, whole, and a list of their first batch."""
    iterator: Iterator[Any] = iter(data)
    first = list(islice(iterator, 1))
    return (chain(first, iterator) if iterator is data else data), first


def _fused(model: Any, first: list[Any], arguments: argparse.Namespace) -> list[Fused]:
    """Return what an engine fuses, from the graph of the model."""
    from mpsolve.integrations import find_fused
    from mpsolve.torch import trace
    from mpsolve.torch.batches import read_batches

    (batch,) = read_batches(first, 1)
    batch = batch.to(next(model.parameters()).device)
    graph = trace(model, batch.kwargs or batch.args, patterns=arguments.layers)
    names = [layer.name for layer in graph.layers]
    return find_fused(names, arguments.engine, graph=graph)


def _ties(fused: list[Fused], arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.engine is None:
        return {}
    return {"ties": [vars(one) for one in fused]}


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
