"""What the race writes down: one record for each instance and method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.machine import Machine
from benchmarks.race.families import Cell, Instance

__all__ = ["Key", "Record", "append_record", "read_records"]

Key = tuple[str, str, int, str]


class Record(msgspec.Struct, kw_only=True):
    """One method on one instance.

    Attributes
    ----------
    family, kind, num_groups, num_options, seed
        Which instance; see `families.Cell`.
    method, version, settings
        Who, which version, and every setting that differs from the defaults.
    status : str
        ``done``; ``skipped``, for having been too slow before; ``killed``, long after
        its time limit; ``failed``, with the error in `detail`.
    reason : str
        What the method claims, in MathOpt's words.
    total_s, build_s, solve_s, verify_s : float
        Seconds from the arrays to the verified layout, and its parts.
    cpu_s : float or None
        Processor time of the same run, sub-processes included: on a busy machine it is
        less than `total_s`.
    repeats : int
        How often it was run; the times are of the run with the median total.
    loss, usage, budget
        Loss by exact summation and usage in integers, both from the arrays; None where
        there is no layout. In the families with several constraints, usage is the
        number of those that the layout breaks, and budget is 0.
    bound : float or None
        Dual bound that is claimed; None where it is infinite.
    """

    family: str
    kind: str
    num_groups: int
    num_options: int
    seed: int
    method: str
    version: str = ""
    settings: Mapping[str, Any] = {}
    time_limit: float = 0.0
    status: str = "done"
    detail: str = ""
    reason: str = ""
    total_s: float = 0.0
    build_s: float = 0.0
    solve_s: float = 0.0
    verify_s: float = 0.0
    cpu_s: float | None = None
    repeats: int = 1
    loss: float | None = None
    usage: int | None = None
    budget: int | None = None
    bound: float | None = None
    counters: Mapping[str, float] = {}
    machine: Machine | None = None

    @property
    def cell(self) -> str:
        return Cell(
            self.family, self.kind, self.num_groups, self.num_options, 0, 0
        ).name

    @property
    def key(self) -> Key:
        return self.family, self.cell, self.seed, self.method

    @staticmethod
    def key_of(instance: Instance, method: str) -> Key:
        """Return the key that the record of a run will have."""
        return instance.cell.family, instance.cell.name, instance.seed, method

    @property
    def is_over_budget(self) -> bool:
        return self.usage is not None and self.usage > (self.budget or 0)

    @property
    def claims_optimum(self) -> bool:
        return self.status == "done" and self.reason == "OPTIMAL"

    @property
    def is_too_slow(self) -> bool:
        """Whether it ran out of time, so that larger instances are not worth trying."""
        ran_out = self.status == "done" and self.reason in {
            "FEASIBLE",
            "NO_SOLUTION_FOUND",
        }
        return ran_out or self.status == "killed"


def append_record(path: Path, record: Record) -> None:
    """Write one line at the end of a file, so that a run can be taken up again."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(record) + b"\n")


def read_records(path: Path) -> list[Record]:
    """Read what earlier runs wrote; nothing where there is no file.

    Of several records of one run, which failed at first, the last one counts.
    """
    if not path.exists():
        return []
    decoder = msgspec.json.Decoder(Record)
    records = map(decoder.decode, path.read_bytes().splitlines())
    return list({record.key: record for record in records}.values())
