"""A Pareto front for people and for other programs."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from mpsolve.pareto import Front
from mpsolve.report.console import make_grid, make_table, stacked
from mpsolve.units import format_quantity

__all__ = ["front_csv", "front_record", "front_report"]

#: Points that are shown where not all are asked for.
MOST_ROWS = 30


def front_report(
    front: Front, name: str = "", *, show_all: bool = False
) -> RenderableType:
    """Return a front, drawn: what it is, and its points.

    Parameters
    ----------
    front : Front
    name : str
        What to call its problem.
    show_all : bool
        Whether to show every point of a large front.

    Returns
    -------
    rich renderable
    """
    unit = front.problem.resources[front.resource].unit
    word = "gain" if front.problem.maximize else "loss"
    grid = make_grid()
    grid.add_row("problem", Text(name))
    grid.add_row("front", f"{word} against {front.resource}")
    grid.add_row(
        "points", f"{len(front):,}, {int(front.is_supported.sum()):,} supported"
    )
    if not len(front):
        said = "no layout keeps the constraints"
        grid.add_row("answer", said if front.is_complete else f"stopped: {front.limit}")
        return grid
    if front.epsilon:
        grid.add_row("epsilon", f"{front.epsilon:.4g} of the range of {word}")
    if not front.is_complete:
        grid.add_row("stopped by", f"{front.limit}; the points are efficient")
    table = make_table(front.resource, word, "", right=(front.resource, word))
    rows = range(len(front)) if show_all else _spread(front)
    usage, loss = front.usage.tolist(), front.loss.tolist()
    for i in rows:
        mark = "supported" if front.is_supported[i] else ""
        table.add_row(format_quantity(usage[i], unit), f"{loss[i]:.9g}", mark)
    parts: list[RenderableType] = [grid, table]
    if len(rows) < len(front):
        parts.append(
            Text(f"{len(rows)} of {len(front):,} points; --all shows them all")
        )
    return stacked(parts)


def _spread(front: Front) -> list[int]:
    """Return points at about equal distances of usage, both ends included."""
    usage = front.usage.astype(float)
    if len(usage) <= MOST_ROWS:
        return list(range(len(usage)))
    wanted = np.linspace(usage[0], usage[-1], MOST_ROWS)
    return sorted({int(i) for i in np.searchsorted(usage, wanted)})


def front_record(front: Front) -> dict[str, Any]:
    """Return a front as plain objects that JSON can hold.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays([[1, 0]], {"memory": [[1, 2]]})
    >>> front_record(mpsolve.front(problem, "memory"))["loss"]
    [1.0, 0.0]
    """
    return {
        "resource": front.resource,
        "unit": front.problem.resources[front.resource].unit,
        "maximize": front.problem.maximize,
        "epsilon": front.epsilon,
        "complete": front.is_complete,
        "limit": None if front.limit is None else str(front.limit),
        "usage": front.usage.tolist(),
        "loss": front.loss.tolist(),
        "supported": front.is_supported.tolist(),
    }


def front_csv(front: Front) -> str:
    """Return a front as a CSV table of usage, loss and whether a point is supported.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays([[1, 0]], {"memory": [[1, 2]]})
    >>> print(front_csv(mpsolve.front(problem, "memory")), end="")
    memory,loss,supported
    1,1.0,1
    2,0.0,1
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    word = "gain" if front.problem.maximize else "loss"
    writer.writerow([front.resource, word, "supported"])
    columns = (front.usage.tolist(), front.loss.tolist(), front.is_supported.tolist())
    writer.writerows((u, repr(v), int(s)) for u, v, s in zip(*columns, strict=True))
    return text.getvalue()
