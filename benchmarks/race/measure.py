"""One method on one instance: run it, time it, and check its answer.

Both sides start from the same arrays and end with a layout whose loss and usage were
computed again from these arrays. mpsolve does that itself; for a peer it is done here,
and counted.
"""

from __future__ import annotations

import gc
import math
import os
import time
from typing import Any

import numpy as np
import numpy.typing as npt

import mpsolve
from benchmarks.race import ours
from benchmarks.race.families import Instance
from benchmarks.race.peers import load_peer
from benchmarks.race.peers.columns import Columns, make_columns
from benchmarks.race.peers.peer import Peer
from benchmarks.race.peers.program import make_program
from benchmarks.race.records import Record
from mpsolve.model.generate import Arrays
from mpsolve.model.generate_classes import Parts

__all__ = ["Runner", "evaluate"]

#: A run shorter than this is repeated, this many times in all.
SHORT_S = 0.2
REPEATS = 5


def evaluate(arrays: Arrays, choices: npt.ArrayLike) -> tuple[float, int]:
    """Return the loss, summed without rounding, and the usage of a layout."""
    rows = np.arange(len(arrays.loss))
    columns = np.asarray(choices)
    loss = math.fsum(arrays.loss[rows, columns].tolist())
    return loss, sum(arrays.usage[rows, columns].tolist())


class Runner:
    """A method that is ready to run.

    Parameters
    ----------
    method : str
        ``"mpsolve"`` or the name of a peer on the command line.
    """

    def __init__(self, method: str) -> None:
        self.method = method
        self.peer: Peer | None = None
        self._judge: mpsolve.Problem | None = None
        if method != ours.NAME:
            self.peer = load_peer(method)

    @property
    def about(self) -> dict[str, Any]:
        """Return what a record says about the method."""
        if self.peer is None:
            version, settings = mpsolve.__version__, ours.SETTINGS
            return {"method": self.method, "version": version, "settings": settings}
        return {
            "method": self.method,
            "version": self.peer.version(),
            "settings": self._settings(self.peer),
        }

    @staticmethod
    def _settings(peer: Peer, columns: Columns | None = None) -> dict[str, Any]:
        own = peer.settings if columns is None else peer.settings_for(columns)
        return {**own, "drop_dominated": peer.drop_dominated}

    def run(self, instance: Instance, time_limit: float) -> Record:
        """Run the method, several times where it is quick, and keep the median run."""
        arrays = instance.arrays()
        if isinstance(arrays, Parts):
            # Built before the clock starts: it only judges the answers.
            self._judge = arrays.problem()
        records = [self._run_once(instance, arrays, time_limit)]
        if records[0].total_s < SHORT_S:
            records += [
                self._run_once(instance, arrays, time_limit) for _ in range(REPEATS - 1)
            ]
        median = sorted(records, key=lambda record: record.total_s)[len(records) // 2]
        median.repeats = len(records)
        return median

    def _run_once(
        self, instance: Instance, arrays: Arrays | Parts, time_limit: float
    ) -> Record:
        cell = instance.cell
        record = Record(
            family=cell.family,
            kind=cell.kind,
            num_groups=cell.num_groups,
            num_options=cell.num_options,
            seed=instance.seed,
            time_limit=time_limit,
            budget=0 if isinstance(arrays, Parts) else arrays.budget,
            **self.about,
        )
        gc.collect()
        before = _processor_s()
        if isinstance(arrays, Parts):
            self._run_parts(record, arrays)
        elif self.peer is None:
            _run_ours(record, arrays)
        else:
            _run_peer(self.peer, record, arrays)
        record.cpu_s = _processor_s() - before
        return record

    def _run_parts(self, record: Record, parts: Parts) -> None:
        """Run a problem with several rows, counts or couplings.

        Its record's usage is the number of constraints that the layout breaks.
        """
        if self._judge is None:
            msg = "there is no problem to judge by"
            raise RuntimeError(msg)
        start = time.perf_counter()
        if self.peer is None:
            result, record.build_s, record.solve_s = ours.solve_parts(
                parts, record.time_limit
            )
            record.total_s = record.build_s + record.solve_s
            record.reason = str(result.reason)
            record.counters = dict(result.counters)
            record.settings = ours.SETTINGS_OF_CLASSES
            record.detail = result.method
            bound = result.bound
            choices = None if result.layout is None else result.layout.choices
        else:
            program = make_program(parts)
            record.settings = self._settings(self.peer, program)
            model = self.peer.build_program(program)
            built = time.perf_counter()
            claim = self.peer.solve(model, program, record.time_limit)
            solved = time.perf_counter()
            record.build_s, record.solve_s = built - start, solved - built
            record.reason, bound, choices = claim.reason, claim.bound, claim.choices
        record.bound = bound if math.isfinite(bound) else None
        if choices is not None:
            checking = time.perf_counter()
            layout = mpsolve.Layout(self._judge, choices)
            verification = mpsolve.verify(self._judge, layout)
            record.loss = verification.loss
            record.usage = len(verification.violations)
            if self.peer is not None:  # ours has verified its layout already
                record.verify_s = time.perf_counter() - checking
        if self.peer is not None:
            record.total_s = record.build_s + record.solve_s + record.verify_s


def _processor_s() -> float:
    """Return the processor time so far of this process and of those it started."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _run_ours(record: Record, arrays: Arrays) -> None:
    result, record.build_s, record.solve_s = ours.solve(arrays, record.time_limit)
    record.total_s = record.build_s + record.solve_s
    record.reason = str(result.reason)
    record.bound = result.bound if math.isfinite(result.bound) else None
    record.counters = dict(result.counters)
    if result.layout is not None:
        # Not timed: solve() has verified it already.
        record.loss, record.usage = evaluate(arrays, result.layout.choices)


def _run_peer(peer: Peer, record: Record, arrays: Arrays) -> None:
    start = time.perf_counter()
    columns = make_columns(arrays, drop_dominated=peer.drop_dominated)
    model = peer.build(columns)
    built = time.perf_counter()
    claim = peer.solve(model, columns, record.time_limit)
    solved = time.perf_counter()
    if claim.choices is not None:
        record.loss, record.usage = evaluate(arrays, claim.choices)
    end = time.perf_counter()
    record.build_s, record.solve_s = built - start, solved - built
    record.verify_s, record.total_s = end - solved, end - start
    record.reason = claim.reason
    record.bound = claim.bound if math.isfinite(claim.bound) else None
