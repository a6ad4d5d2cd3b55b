"""The picture of a Pareto front; needs matplotlib."""

from __future__ import annotations

import io
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

import numpy as np

from mpsolve.errors import InvalidParameterError, MethodUnavailableError
from mpsolve.io.files import write_bytes
from mpsolve.pareto import Front
from mpsolve.units import quantity_scale

__all__ = ["plot_front", "require_plot"]

SUFFIXES = (".png", ".pdf", ".svg")

#: A range of losses wider than this is drawn on a logarithmic axis.
WIDE = 100.0


def require_plot(path: str | PathLike[str]) -> None:
    """Raise where a picture cannot be drawn, before any work is done.

    Raises
    ------
    InvalidParameterError
        If the name ends in another suffix than .png, .pdf or .svg.
    MethodUnavailableError
        If matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        allowed = ", ".join(SUFFIXES)
        msg = f"the name of a picture must end in {allowed}. Got {str(path)!r}"
        raise InvalidParameterError(msg)
    if find_spec("matplotlib") is None:
        msg = "a picture needs matplotlib: pip install 'mpsolve[plot]'"
        raise MethodUnavailableError(msg)


def plot_front(front: Front, path: str | PathLike[str], name: str = "") -> None:
    """Draw a front: every efficient point, the lower hull, and the problem's budget.

    Parameters
    ----------
    front : Front
    path : str or PathLike
        Ends in .png, .pdf or .svg; complete or not there.
    name : str
        What to call its problem.
    """
    require_plot(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    problem = front.problem
    word = "gain" if problem.maximize else "loss"
    unit = problem.resources[front.resource].unit
    usage = front.usage.astype(float)
    size, short = quantity_scale(float(np.abs(usage).max(initial=0.0)), unit)
    usage, loss = usage / size, front.loss
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    # Between two points the left one is the best that fits.
    axes.step(usage, loss, where="post", color="C0", linewidth=0.8, alpha=0.5)
    axes.plot(usage, loss, ".", color="C0", markersize=3, label="efficient")
    hull = front.is_supported
    axes.plot(
        usage[hull],
        loss[hull],
        "o-",
        color="C1",
        markersize=4,
        linewidth=0.8,
        label="supported (lower hull)" if not problem.maximize else "supported (hull)",
    )
    budget = problem.budgets.get(front.resource)
    for side in () if budget is None else (budget.lower, budget.upper):
        if side is not None:
            axes.axvline(float(side) / size, color="0.5", linestyle="--", linewidth=1)
    smallest, largest = float(loss.min(initial=np.inf)), float(loss.max(initial=0.0))
    if smallest > 0 and largest > WIDE * smallest:
        axes.set_yscale("log")
    axes.set_xlabel(f"{front.resource} [{short}]" if short else front.resource)
    axes.set_ylabel(word)
    axes.set_title(f"{name}: {len(front):,} efficient layouts" if name else "")
    axes.grid(alpha=0.3)
    axes.legend()
    data = io.BytesIO()
    figure.savefig(data, format=Path(path).suffix.lower().lstrip("."), dpi=150)
    write_bytes(path, data.getvalue())
