"""``python -m benchmarks.instances``: the leaderboard, as a Markdown table.

Files of other collections may be named after it: see `mpsolve.instances.read`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator

import mpsolve
from benchmarks.markdown import line, table
from mpsolve import instances
from mpsolve.methods import get_method, is_available

METHODS = ("exact", "highs", "greedy")
COLUMNS = ("instance", "groups × options", "optimum", "the tool's own")


def time_of(problem: mpsolve.Problem, method: str, runs: int) -> tuple[float, float]:
    """Return the loss of a method's layout and the median seconds of a whole call."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        result = mpsolve.solve(problem, method)
        seconds.append(time.perf_counter() - start)
    return result.loss, statistics.median(seconds)


def above(loss: float, optimum: float) -> str:
    if loss <= optimum * (1 + 1e-9):
        return "optimal"
    return f"+{(loss / optimum - 1) * 100:.2f} %"


def rows(methods: list[str], runs: int, files: list[str]) -> Iterator[list[str]]:
    problems = {name: instances.load(name) for name in instances.names()}
    problems |= {path: instances.read(path) for path in files}
    for name, problem in problems.items():
        result = mpsolve.solve(problem, rel_gap=0)
        assert result.reason == "OPTIMAL", name
        theirs = None
        if name in instances.names():
            entry = instances.describe(name)
            theirs = entry.theirs
            assert abs(result.loss - entry.optimum) <= 1e-12 * abs(entry.optimum), name
        size = f"{problem.num_groups} × {problem.num_options / problem.num_groups:.1f}"
        own = "" if theirs is None else above(theirs, result.loss)
        cells = [name, size, f"{result.loss:.9g}", own]
        for method in methods:
            loss, seconds = time_of(problem, method, runs)
            cells.append(f"{above(loss, result.loss)}, {seconds * 1e3:.2f} ms")
        yield cells


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instances")
    parser.add_argument("files", nargs="*", help="instances of other collections")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    methods = [name for name in METHODS if is_available(get_method(name))]
    head = [*COLUMNS, *methods]
    print(table(head, [], words=len(head)), end="", flush=True)
    for cells in rows(methods, arguments.runs, arguments.files):
        print(line(cells), flush=True)


if __name__ == "__main__":
    main()
