"""The race's result as a Markdown page and two plots."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.markdown import table
from benchmarks.race import ours
from benchmarks.race.judge import CellVerdict, MethodVerdict, Ratio, judge
from benchmarks.race.plots import plot_race, plot_scaling
from benchmarks.race.records import Record, read_records
from benchmarks.race.scaling import SORT

__all__ = ["write_report"]

TITLES = {
    "mixed": "Mixed precision",
    "hard": "Hard classes of the literature",
    "budgets": "Several budgets that bind",
    "chain": "Chains with conversion losses and an inventory",
    "networks": "Networks with conversion losses and a memory budget",
    "inventory": "An inventory alone",
    "dense": "Losses on all pairs of layers, and a memory budget",
}

MMKP_TITLE = "The literature's knapsacks of many rows"

MMKP_ABOUT = """\
Profit of the best layout within the time limit, **bold** where no method found more,
and the gap to the method's own bound, in units of profit; a gap of 0 is a proof. SCIP
keeps its heuristics and cuts here: with the settings of the other families it proves
I04 in 33 s, and finds 0.58 to 0.73 of mpsolve's profit on nine of the large ones.
"""

ABOUT = """\
Times are medians over the seeds, from arrays to a verified layout; in brackets, how
many runs ended with a proof that stood. "Faster" is the geometric mean, over the seeds,
of the time of the fastest peer with a proof divided by the time of mpsolve; `≥` says
that on some seed no peer had one, and the time limit stands for it.
"""


def write_report(path: Path) -> Path:
    """Write the page and the plots beside a file of records.

    Parameters
    ----------
    path : Path
        What the race wrote.

    Returns
    -------
    Path
        The page.
    """
    records = read_records(path)
    page = path.with_suffix(".md")
    lines = ["# The race", "", ABOUT, *_machine_lines(records)]
    verdicts = judge(record for record in records if record.family != "scaling")
    for family, title in TITLES.items():
        cells = [cell for cell in verdicts if cell.family == family]
        if cells:
            lines += [f"## {title}", "", *_table(cells), ""]
    knapsacks = [record for record in records if record.family == "mmkp"]
    if knapsacks:
        lines += [f"## {MMKP_TITLE}", "", MMKP_ABOUT, *_profit_table(knapsacks), ""]
    lines += _faults(verdicts)
    raced = [cell for cell in verdicts if cell.family in TITLES]
    if raced:
        plot = path.with_suffix(".png")
        plot_race(raced, plot)
        lines += [f"![median times]({plot.name})", ""]
    scaling, partial = _both_measured(records)
    if scaling:
        plot = path.with_name(f"{path.stem}_scaling.png")
        plot_scaling(scaling, plot)
        lines += ["## Growth with the number of groups", "", *_scaling_table(scaling)]
        lines += ["", f"![time against groups]({plot.name})", ""]
    if partial:
        sizes = ", ".join(f"{size:,}" for size in partial)
        lines += [f"Growth with {sizes} groups: measured in part, and not shown.", ""]
    page.write_text("\n".join(lines), encoding="utf-8")
    return page


def _machine_lines(records: Sequence[Record]) -> list[str]:
    machines = {record.machine for record in records if record.machine is not None}
    versions = {
        f"{record.method} {record.version}" for record in records if record.version
    }
    limits = {f"{record.time_limit:g} s" for record in records if record.time_limit}
    lines = [
        f"Machine: {machine.cpu}, {machine.cores} cores, {machine.system}, "
        f"Python {machine.python}, numpy {machine.numpy}."
        for machine in sorted(machines, key=str)
    ]
    lines.append(f"Versions: {', '.join(sorted(versions))}.")
    lines.append(
        f"Time limit: {', '.join(sorted(limits))}. One thread each; relative and "
        "absolute gap 0."
    )
    return [*lines, ""]


def _table(cells: Sequence[CellVerdict]) -> list[str]:
    peers = sorted(
        {name for cell in cells for name in cell.methods if name != ours.NAME}
    )
    names = [ours.NAME, *peers]
    head = ["groups × options", *names, "fastest peer", "faster"]
    rows = []
    for cell in cells:
        results = [_result(cell.methods.get(name)) for name in names]
        rows.append([cell.name, *results, *_ratio(cell.ratio)])
    return table(head, rows).splitlines()


def _result(method: MethodVerdict | None) -> str:
    if method is None:
        return "–"
    if not method.num_runs:
        return "skipped"
    proved = method.counts.get("proved", 0)
    median = seconds(method.median_s) if method.times else "–"
    text = f"{median} ({proved}/{method.num_runs})"
    for verdict in ("wrong", "over budget", "failed", "skipped"):
        if count := method.counts.get(verdict, 0):
            text += f", {count} {verdict}"
    return text


def _ratio(ratio: Ratio | None) -> tuple[str, str]:
    if ratio is None:
        return "–", "–"
    fastest = sorted(ratio.fastest, key=lambda name: -ratio.fastest[name])
    text = f"{'≥ ' if ratio.is_lower_bound else ''}{_digits(ratio.value)}×"
    if ratio.value < 1.0:
        text = f"**{text}, mpsolve loses**"
    return ", ".join(fastest) or "none proved", text


def _digits(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _profit_table(records: Sequence[Record]) -> list[str]:
    methods = sorted(
        {r.method for r in records}, key=lambda name: (name != ours.NAME, name)
    )
    names = list(dict.fromkeys(record.kind for record in records))
    rows, as_good, proved = [], dict.fromkeys(methods, 0), dict.fromkeys(methods, 0)
    for name in names:
        found = {r.method: r for r in records if r.kind == name}
        kept = [r.loss for r in found.values() if r.loss is not None and not r.usage]
        best = min(kept, default=0.0)
        shape = next(iter(found.values()))
        row = [f"{name}, {shape.num_groups} × {shape.num_options}"]
        for method in methods:
            record = found.get(method)
            if record is None or record.loss is None or record.usage:
                row.append("–")
                continue
            is_best = record.loss <= best + 1e-9 * abs(best)
            as_good[method] += is_best
            proved[method] += record.claims_optimum
            profit = f"{-record.loss:,.10g}"
            bound = record.loss if record.claims_optimum else record.bound
            gap = "" if bound is None else f" ({record.loss - bound:.3g})"
            row.append(f"**{profit}**{gap}" if is_best else f"{profit}{gap}")
        rows.append(row)
    total = [f"{as_good[m]} of {len(names)}; {proved[m]} proved" for m in methods]
    rows.append(["best or equal", *total])
    return table(["instance", *methods], rows).splitlines()


def _faults(verdicts: Sequence[CellVerdict]) -> list[str]:
    """Say how often each method proved its answer, and how often it was wrong."""
    kinds = ("proved", "not proved", "wrong", "over budget", "failed", "skipped")
    totals: dict[str, dict[str, int]] = {}
    for cell in verdicts:
        for name, method in cell.methods.items():
            for verdict, count in method.counts.items():
                total = totals.setdefault(name, {})
                total[verdict] = total.get(verdict, 0) + count
    if not totals:
        return []
    names = sorted(totals, key=lambda name: (name != ours.NAME, name))
    rows = [
        [name, *(str(totals[name].get(kind, 0)) for kind in kinds)] for name in names
    ]
    return ["## Answers", "", table(["method", *kinds], rows)]


def _both_measured(records: Sequence[Record]) -> tuple[list[Record], list[int]]:
    """Return the records of growth, and the sizes of which one side is missing."""
    methods: dict[int, set[str]] = {}
    for record in records:
        if record.family == "scaling":
            methods.setdefault(record.num_groups, set()).add(record.method)
    whole = {size for size, own in methods.items() if {ours.NAME, SORT} <= own}
    kept = [r for r in records if r.family == "scaling" and r.num_groups in whole]
    return kept, sorted(set(methods) - whole)


def _scaling_table(records: Sequence[Record]) -> list[str]:
    head = ["groups", "mpsolve", "construct", "search", "verify", SORT, "× sort"]
    rows = []
    for num_groups in sorted({record.num_groups for record in records}):
        cell = [record for record in records if record.num_groups == num_groups]
        own = [record for record in cell if record.method == ours.NAME]
        sort_s = statistics.median(r.total_s for r in cell if r.method == SORT)
        total_s = statistics.median(r.total_s for r in own)
        proved = sum(r.claims_optimum for r in own)
        parts = (
            statistics.median(r.build_s for r in own),
            statistics.median(max(0.0, r.solve_s - r.verify_s) for r in own),
            statistics.median(r.verify_s for r in own),
        )
        rows.append(
            [
                f"{num_groups:,}",
                f"{seconds(total_s)} ({proved}/{len(own)})",
                *map(seconds, parts),
                seconds(sort_s),
                f"{total_s / sort_s:.3g}×",
            ]
        )
    return table(head, rows).splitlines()


def seconds(value: float) -> str:
    """Write a time with three digits and its unit.

    >>> seconds(0.0001234), seconds(0.5), seconds(61.0)
    ('123 µs', '500 ms', '61 s')
    """
    if value < 1e-3:
        return f"{value * 1e6:.3g} µs"
    if value < 1.0:
        return f"{value * 1e3:.3g} ms"
    return f"{value:.3g} s"
