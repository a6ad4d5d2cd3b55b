"""The plots of the race."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.race import ours
from benchmarks.race.judge import CellVerdict
from benchmarks.race.records import Record
from benchmarks.race.scaling import SORT

__all__ = ["plot_race", "plot_scaling"]

MARKERS = "osD^vP*X"


def plot_race(verdicts: Sequence[CellVerdict], path: Path) -> None:
    """Draw the median time of each method on each cell.

    A hollow mark says that not every run ended with a proof that stood.
    """
    names = sorted(
        {name for cell in verdicts for name in cell.methods},
        key=lambda name: (name != ours.NAME, name),
    )
    figure = Figure(figsize=(8.0, 1.2 + 0.26 * len(verdicts)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for number, name in enumerate(names):
        color, is_labelled = f"C{number}", False
        for row, cell in enumerate(verdicts):
            method = cell.methods.get(name)
            if method is None or not method.times:
                continue
            all_proved = method.counts.get("proved", 0) == method.num_runs
            axes.plot(
                method.median_s,
                row,
                MARKERS[number % len(MARKERS)],
                color=color,
                markerfacecolor=color if all_proved else "none",
                label=None if is_labelled else name,
            )
            is_labelled = True
    axes.set_xscale("log")
    axes.set_yticks(range(len(verdicts)), [f"{c.family} {c.name}" for c in verdicts])
    axes.invert_yaxis()
    axes.set_xlabel(
        "median time from arrays to a verified layout [s]; hollow: no proof"
    )
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=len(names))
    figure.savefig(path, dpi=150)


def plot_scaling(records: Sequence[Record], path: Path) -> None:
    """Draw mpsolve's time and its parts, and that of a sort, against the groups."""
    sizes = sorted({record.num_groups for record in records})

    def medians(method: str, part: str) -> list[float]:
        return [
            statistics.median(
                getattr(record, part)
                for record in records
                if record.num_groups == size and record.method == method
            )
            for size in sizes
        ]

    total, construct = medians(ours.NAME, "total_s"), medians(ours.NAME, "build_s")
    solve, verify = medians(ours.NAME, "solve_s"), medians(ours.NAME, "verify_s")
    search = [max(a - b, 1e-9) for a, b in zip(solve, verify, strict=True)]
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.loglog(
        sizes, total, "o-", color="C0", label="mpsolve, arrays to proven layout"
    )
    for values, style, label in (
        (construct, "--", "construct"),
        (search, "-.", "search"),
        (verify, ":", "verify"),
    ):
        axes.loglog(sizes, values, style, color="C0", alpha=0.7, label=label)
    axes.loglog(sizes, medians(SORT, "total_s"), "s-", color="C1", label=SORT)
    axes.set_xlabel("groups, 4 options each")
    axes.set_ylabel("median time [s]")
    axes.grid(which="both", alpha=0.2)
    axes.legend()
    figure.savefig(path, dpi=150)
