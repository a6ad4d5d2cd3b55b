"""Progress of a calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mpsolve.torch.batches import Batch
from mpsolve.torch.metrics.protocol import State

__all__ = ["Progress", "make_progress"]


class Progress:
    """Tells nobody anything; what shows progress overrides it."""

    def start(self, done: int) -> None:
        """Say how many batches a checkpoint held."""

    def passes(self, count: int) -> None:
        """Say how many forward passes a batch takes besides the first."""

    def tick(self) -> None:
        """Say that one of them is done."""

    def batch(self, batch: Batch, loss: State) -> None:
        """Say that a batch is done, with the sums of the loss."""


class _Calls(Progress):
    def __init__(self, function: Callable[[int, int, float], None]) -> None:
        self._function = function

    def batch(self, batch: Batch, loss: State) -> None:
        samples = float(loss["value.weights"][0])
        mean = float(loss["value.sum"]) / samples
        self._function(batch.index + 1, int(samples), mean)


class _Bar(Progress):
    def __init__(self, bar: Any, total: int | None) -> None:
        self._bar = bar
        self._batches = bar.add_task("calibrating", total=total, note="")
        self._passes: Any = None

    def start(self, done: int) -> None:
        self._bar.update(self._batches, completed=done)

    def passes(self, count: int) -> None:
        if self._passes is None:
            self._passes = self._bar.add_task("rounded passes", total=count, note="")
        self._bar.update(self._passes, completed=0, total=count)

    def tick(self) -> None:
        self._bar.advance(self._passes)

    def batch(self, batch: Batch, loss: State) -> None:
        samples = float(loss["value.weights"][0])
        note = f"{samples:,.0f} samples, loss {float(loss['value.sum']) / samples:.4f}"
        self._bar.update(self._batches, completed=batch.index + 1, note=note)


@contextmanager
def make_progress(
    progress: bool | Callable[[int, int, float], None], total: int | None, rank: int
) -> Iterator[Progress]:
    """Yield what shows progress, in the first process alone.

    Parameters
    ----------
    progress : bool or callable
        As for :func:`mpsolve.torch.calibrate`.
    total : int, optional
        Batches, where it is known.
    rank : int
    """
    if callable(progress):
        yield _Calls(progress)
    elif not progress or rank:
        yield Progress()
    else:
        from rich import progress as rich_progress
        from rich.console import Console

        columns = (
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TimeRemainingColumn(),
            rich_progress.TextColumn("{task.fields[note]}"),
        )
        with rich_progress.Progress(*columns, console=Console(stderr=True)) as bar:
            yield _Bar(bar, total)
