"""Records of a study: one line of JSON each, so that a run can be taken up again."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import torch

from benchmarks.machine import this_machine

__all__ = ["Store"]

Record = dict[str, Any]


class Store:
    """Records under keys, in a file that only grows.

    The first line of every run says when, where and with which versions and settings;
    each later line is ``{"key": [...], ...}``. A line that a kill cut off is dropped.

    Parameters
    ----------
    path : Path
    settings : dict
        What else the run's first line says: seeds, sizes.
    resume : bool
        Whether what is there already stays.
    """

    def __init__(self, path: Path, settings: Record, *, resume: bool = True) -> None:
        self.path = path
        self._records: dict[Hashable, Record] = {}
        self.runs: list[Record] = []
        if path.exists() and not resume:
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._read()
        self._head: Record | None = {
            "run": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": msgspec.to_builtins(this_machine()),
            "torch": torch.__version__,
            "settings": settings,
        }

    def _read(self) -> None:
        if not self.path.exists():
            return
        text = self.path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            self.path.write_bytes(whole)
        for line in whole.splitlines():
            record = json.loads(line)
            if "run" in record:
                self.runs.append(record)
            else:
                self._records[tuple(record["key"])] = record

    def __contains__(self, key: tuple[Hashable, ...]) -> bool:
        return key in self._records

    def __getitem__(self, key: tuple[Hashable, ...]) -> Record:
        return self._records[key]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    def select(self, *start: Hashable) -> list[Record]:
        """Return the records whose keys start so."""
        return [
            record
            for key, record in self._records.items()
            if isinstance(key, tuple) and key[: len(start)] == start
        ]

    def add(self, key: tuple[Hashable, ...], **values: Any) -> Record:
        """Write a record at the end of the file, in place of one of the same key."""
        record: Record = {"key": list(key), **values}
        lines = [] if self._head is None else [self._head]
        with self.path.open("a", encoding="utf-8") as file:
            for line in [*lines, record]:
                file.write(json.dumps(line) + "\n")
        if self._head is not None:
            self.runs.append(self._head)
            self._head = None
        self._records[key] = record
        return record

    def provenance(self) -> str:
        """Return the command, the dates, the versions and the machine."""
        if not self.runs:
            return "No run yet."
        last = self.runs[-1]
        machine = last["machine"]
        days = sorted({run["run"][:10] for run in self.runs})
        study = self.path.stem.removeprefix("paper_")
        return (
            f"`make bench-paper ARGS={study}`; {' and '.join(days)}; mpsolve "
            f"{machine['mpsolve']}, torch {last['torch']}, Python {machine['python']}, "
            f"{machine['cpu']}."
        )
