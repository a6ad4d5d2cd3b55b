"""How time grows with the number of groups, beside one sort of the same numbers."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

import mpsolve
from benchmarks.machine import Machine, this_machine
from benchmarks.race import ours
from benchmarks.race.families import Cell, Instance
from benchmarks.race.measure import evaluate
from benchmarks.race.records import (
    Record,
    append_record,
    read_records,
)
from mpsolve.model.generate import Arrays

__all__ = ["SORT", "scaling"]

SORT = "numpy.sort"

#: Runs of each of the two on an instance, in turn; the median is kept.
REPEATS = 5


def scaling(cells: Sequence[Cell], time_limit: float, path: Path) -> None:
    """Run what is not in the file yet, and write each record to it at once."""
    done = {record.key for record in read_records(path)}
    machine = this_machine()
    instances = [
        instance
        for cell in cells
        for instance in cell.instances()
        if Record.key_of(instance, SORT) not in done
    ]
    console = Console(stderr=True)
    for instance in track(instances, "scaling", console=console):
        arrays = instance.arrays()
        _solve(instance, arrays, time_limit, machine)  # not counted: the first is cold
        pairs = [
            (
                _solve(instance, arrays, time_limit, machine),
                _sort(instance, arrays, machine),
            )
            for _ in range(REPEATS)
        ]
        for runs in zip(*pairs, strict=True):
            median = sorted(runs, key=lambda record: record.total_s)[REPEATS // 2]
            median.repeats = REPEATS
            append_record(path, median)


def _record(instance: Instance, method: str, version: str, machine: Machine) -> Record:
    cell = instance.cell
    return Record(
        family=cell.family,
        kind=cell.kind,
        num_groups=cell.num_groups,
        num_options=cell.num_options,
        seed=instance.seed,
        method=method,
        version=version,
        machine=machine,
    )


def _solve(
    instance: Instance, arrays: Arrays, time_limit: float, machine: Machine
) -> Record:
    record = _record(instance, ours.NAME, mpsolve.__version__, machine)
    record.settings, record.time_limit = ours.SETTINGS, time_limit
    gc.collect()
    result, record.build_s, record.solve_s = ours.solve(arrays, time_limit)
    record.total_s = record.build_s + record.solve_s
    record.reason, record.bound = str(result.reason), result.bound
    record.counters, record.budget = dict(result.counters), arrays.budget
    if result.layout is not None:
        record.loss, record.usage = evaluate(arrays, result.layout.choices)
        # A second verification, to know the share of the one inside solve().
        start = time.perf_counter()
        mpsolve.verify(result.layout.problem, result.layout)
        record.verify_s = time.perf_counter() - start
    return record


def _sort(instance: Instance, arrays: Arrays, machine: Machine) -> Record:
    record = _record(instance, SORT, np.__version__, machine)
    ratios = (arrays.loss / arrays.usage).ravel()
    gc.collect()
    start = time.perf_counter()
    np.sort(ratios)
    record.total_s = record.solve_s = time.perf_counter() - start
    record.reason = "SORTED"
    return record
