"""The race itself: every method on every instance, in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from benchmarks.machine import this_machine
from benchmarks.race import ours
from benchmarks.race.families import Cell, Instance
from benchmarks.race.records import Record, append_record, read_records
from benchmarks.race.workers import Worker

__all__ = ["race", "too_slow"]

#: A peer that was too slow on this many seeds of a cell gets no more of them, and no
#: larger cells of the same kind.
TOO_SLOW = 2


def race(
    cells: Sequence[Cell], peers: Iterable[str], time_limit: float, path: Path
) -> None:
    """Run what is not in the file yet, and write each record to it at once.

    Parameters
    ----------
    cells : sequence of Cell
        Small ones before large ones of the same lane.
    peers : iterable of str
        Names on the command line.
    time_limit : float
        Seconds for each method on each instance.
    path : Path
        A file of records, made where there is none.
    """
    machine = this_machine()
    # A run that failed is tried again: a process may have died of something else.
    records = [record for record in read_records(path) if record.status != "failed"]
    done = {record.key for record in records}
    todo = [
        (instance, method)
        for instance, method in _in_turn(cells, [ours.NAME, *peers])
        if Record.key_of(instance, method) not in done
    ]
    workers = {method: Worker(method) for method in {method for _, method in todo}}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("starting", total=len(todo))
            for worker in workers.values():
                worker.wait_until_warm()
            for instance, method in todo:
                progress.update(task, description=f"{instance.name}: {method}")
                worker = workers[method]
                record = _run(worker, method, instance, time_limit, records)
                record.machine = machine
                records.append(record)
                append_record(path, record)
                progress.advance(task)
    finally:
        for worker in workers.values():
            worker.stop()


def _in_turn(
    cells: Iterable[Cell], methods: Sequence[str]
) -> Iterator[tuple[Instance, str]]:
    """Every method on every instance, not always the same one first.

    No method is always the one that finds the machine cold, or busy.
    """
    instances = (instance for cell in cells for instance in cell.instances())
    for number, instance in enumerate(instances):
        turn = number % len(methods)
        for method in (*methods[turn:], *methods[:turn]):
            yield instance, method


def _run(
    worker: Worker,
    method: str,
    instance: Instance,
    time_limit: float,
    records: Sequence[Record],
) -> Record:
    cell = instance.cell
    if method != ours.NAME:
        if instance.seed >= cell.peer_seeds:
            detail = "peers get fewer seeds of this size"
            return worker.record(instance, time_limit, "skipped", detail)
        if slow := too_slow(method, cell, records):
            detail = f"too slow on {slow}"
            return worker.record(instance, time_limit, "skipped", detail)
    return worker.run(instance, time_limit)


def too_slow(method: str, cell: Cell, records: Sequence[Record]) -> str:
    """Return the cell, this one or a smaller one, on which a method was too slow."""
    slow = Counter(
        record.cell
        for record in records
        if record.method == method
        and record.is_too_slow
        and (record.family, record.kind, record.num_options) == cell.lane
        and record.num_groups <= cell.num_groups
    )
    return next((name for name, count in slow.items() if count >= TOO_SLOW), "")
