"""One process for each method: warm, killable, and with nothing to print to.

A solver that runs far over its time limit, or dies, takes only its own process with it.
The clock runs inside the process, around the solving alone.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import sys
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.race.families import Cell, Instance
from benchmarks.race.records import Record

__all__ = ["Worker"]

#: A solver may run this much longer than its limit before its process is ended.
GRACE_FACTOR = 1.5
GRACE_S = 60.0
#: Starting a process and importing a solver.
START_S = 300.0

WARM_UPS = (
    Instance(Cell("mixed", "distinct", 20, 3, 1, 1), seed=1_000_000),
    Instance(Cell("chain", "with inventory", 10, 4, 1, 1), seed=1_000_000),
)


class Worker:
    """The process of one method, started again where it had to be ended.

    Parameters
    ----------
    method : str
        As for `measure.Runner`.
    """

    def __init__(self, method: str) -> None:
        self._method = method
        self.about: dict[str, Any] = {}
        self._start()

    def _start(self) -> None:
        context = mp.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(other, self._method), daemon=True
        )
        self._process.start()
        other.close()

    def wait_until_warm(self) -> None:
        """Wait for the imports and the first solve, which no record counts."""
        if self.about:
            return
        if not self._pipe.poll(START_S):
            msg = f"{self._method} did not start within {START_S:.0f} s"
            raise RuntimeError(msg)
        self.about = self._pipe.recv()

    def run(self, instance: Instance, time_limit: float) -> Record:
        """Run the method, and return its record or one that says why there is none."""
        self.wait_until_warm()
        self._pipe.send((instance, time_limit))
        try:
            if self._pipe.poll(GRACE_FACTOR * time_limit + GRACE_S):
                answer = self._pipe.recv()
                if isinstance(answer, Record):
                    return answer
                return self.record(instance, time_limit, "failed", str(answer))
        except EOFError:
            status, detail = "failed", "its process died"
        else:
            status, detail = "killed", "far over its time limit"
        record = self.record(instance, time_limit, status, detail)
        self.stop()
        self.about = {}
        self._start()
        return record

    def record(
        self, instance: Instance, time_limit: float, status: str, detail: str
    ) -> Record:
        """Return a record without an answer."""
        self.wait_until_warm()
        cell = instance.cell
        return Record(
            family=cell.family,
            kind=cell.kind,
            num_groups=cell.num_groups,
            num_options=cell.num_options,
            seed=instance.seed,
            time_limit=time_limit,
            status=status,
            detail=detail,
            **self.about,
        )

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _serve(pipe: Connection, method: str) -> None:
    """Answer with a record, or with the text of an error, until nobody asks."""
    # HiGHS prints to the standard output of its process, whatever it is told.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    from benchmarks.race.measure import Runner

    runner = Runner(method)
    for instance in WARM_UPS:
        runner.run(instance, 10.0)
    pipe.send(runner.about)
    with contextlib.suppress(EOFError):
        while True:
            instance, time_limit = pipe.recv()
            try:
                pipe.send(runner.run(instance, time_limit))
            # Whatever a solver raises, the race goes on and the record says what.
            except Exception as error:
                pipe.send(f"{type(error).__name__}: {error}")
