"""Several methods on one problem, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from mpsolve.report.console import make_table
from mpsolve.result import Result

__all__ = ["compare_table"]


def compare_table(rows: Sequence[tuple[str, Result | None, str]]) -> Table:
    """Return the table of ``mpsolve compare``.

    Parameters
    ----------
    rows : sequence of (str, Result or None, str)
        Each method's name, its result, and why there is none.

    Returns
    -------
    rich.table.Table

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays([[1, 0]], {"memory": [[1, 2]]})
    >>> compare_table([("exact", mpsolve.solve(problem), "")]).row_count
    1
    """
    numbers = ("loss", "bound", "gap", "time")
    table = make_table("method", "answer", *numbers, "verified", right=numbers)
    for name, result, refusal in rows:
        if result is None:
            table.add_row(f"[bold]{name}[/]", f"[red]{escape(refusal)}[/]")
            continue
        limit = f" ({result.limit})" if result.limit else ""
        table.add_row(
            f"[bold]{name}[/]",
            f"{result.reason}{limit}",
            "–" if result.primal is None else f"{result.primal:.12g}",
            f"{result.bound:.12g}" if math.isfinite(result.bound) else "–",
            f"{result.gap:.1e}" if math.isfinite(result.gap) else "–",
            _time(result.time),
            "–" if result.layout is None else "yes",
        )
    return table


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1.0 else f"{seconds:.3g} s"
