"""What the records of one instance, and of one cell, amount to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.race import ours
from benchmarks.race.records import Record

__all__ = ["CellVerdict", "MethodVerdict", "Ratio", "judge", "verdict_of"]

#: A layout that is worse than another by more than this was not optimal.
REL_TOLERANCE = 1e-9


@dataclass
class MethodVerdict:
    """How one method did on a cell's instances.

    Attributes
    ----------
    times : list of float
        Seconds of every run that was not skipped, proved or not.
    counts : dict of str to int
        How often each verdict of `verdict_of` was given.
    """

    times: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def median_s(self) -> float:
        return statistics.median(self.times) if self.times else math.nan

    @property
    def num_runs(self) -> int:
        return sum(self.counts.values()) - self.counts.get("skipped", 0)


@dataclass(frozen=True)
class Ratio:
    """Geometric mean of the fastest peer's time over mpsolve's.

    Attributes
    ----------
    value : float
        Above 1 where mpsolve is faster.
    is_lower_bound : bool
        Whether on some instance no peer had a proof, so that the time limit counts.
    fastest : dict of str to int
        How often each peer was the fastest.
    """

    value: float
    is_lower_bound: bool
    fastest: dict[str, int]


@dataclass
class CellVerdict:
    """How all methods did on a cell."""

    family: str
    name: str
    methods: dict[str, MethodVerdict]
    ratio: Ratio | None


def judge(records: Iterable[Record]) -> list[CellVerdict]:
    """Compare the methods, cell by cell, in the records' order."""
    cells: dict[tuple[str, str], dict[int, list[Record]]] = {}
    for record in records:
        seeds = cells.setdefault((record.family, record.cell), {})
        seeds.setdefault(record.seed, []).append(record)
    return [
        CellVerdict(family, name, _methods(seeds.values()), _ratio(seeds.values()))
        for (family, name), seeds in cells.items()
    ]


def best_loss(instance: Sequence[Record]) -> float:
    """Return the least loss of a layout within the budget; inf where there is none."""
    losses = (
        record.loss
        for record in instance
        if record.loss is not None and not record.is_over_budget
    )
    return min(losses, default=math.inf)


def verdict_of(record: Record, best: float) -> str:
    """Judge one answer: what is claimed is believed only where nothing speaks against.

    Returns
    -------
    str
        ``proved``; ``wrong``, where optimality is claimed for a layout that is not
        optimal, or without a layout; ``over budget``; ``not proved``, where the time
        ran out; ``skipped``; ``failed``.
    """
    if record.status != "done":
        return "not proved" if record.status == "killed" else record.status
    if record.is_over_budget:
        return "over budget"
    if record.reason == "INFEASIBLE":
        return "wrong" if math.isfinite(best) else "proved"
    if not record.claims_optimum:
        return "not proved"
    if record.loss is None or record.loss > best + REL_TOLERANCE * abs(best):
        return "wrong"
    return "proved"


def _methods(instances: Iterable[Sequence[Record]]) -> dict[str, MethodVerdict]:
    methods: dict[str, MethodVerdict] = {}
    for instance in instances:
        best = best_loss(instance)
        for record in instance:
            method = methods.setdefault(record.method, MethodVerdict())
            verdict = verdict_of(record, best)
            method.counts[verdict] = method.counts.get(verdict, 0) + 1
            if verdict not in {"skipped", "failed"}:
                method.times.append(record.total_s or record.time_limit)
    return methods


def _ratio(instances: Iterable[Sequence[Record]]) -> Ratio | None:
    logs, is_lower_bound, fastest = [], False, dict[str, int]()
    for instance in instances:
        best = best_loss(instance)
        verdicts = {record.method: verdict_of(record, best) for record in instance}
        own = next((r for r in instance if r.method == ours.NAME), None)
        tried = [
            record
            for record in instance
            if record.method != ours.NAME and record.status in {"done", "killed"}
        ]
        if own is None or not tried:
            continue
        proved = [record for record in tried if verdicts[record.method] == "proved"]
        # A method without a proof would have needed longer than its time limit.
        own_s = own.total_s if verdicts[ours.NAME] == "proved" else own.time_limit
        if proved:
            winner = min(proved, key=lambda record: record.total_s)
            fastest[winner.method] = fastest.get(winner.method, 0) + 1
            peer_s = winner.total_s
        else:
            is_lower_bound, peer_s = True, tried[0].time_limit
        logs.append(math.log(peer_s / own_s))
    if not logs:
        return None
    return Ratio(math.exp(statistics.fmean(logs)), is_lower_bound, fastest)
