"""Plots: loss against memory, all arms."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from benchmarks.paper.budgets.arms import ARMS
from benchmarks.paper.budgets.fronts import BEST, Fronts

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

__all__ = ["plot_fronts"]

Floats = npt.NDArray[np.float64]

#: Excess losses below this are drawn on it: so few samples cannot tell them from 0.
FLOOR = 1e-3

MARKERS = "osv^D<>PX*hd"


def plot_fronts(fronts: Fronts, folder: Path) -> Path:
    """Draw others' and exact arms side by side, losses above divergences."""
    figure, axes = plt.subplots(
        2, 2, figsize=(13, 10), sharex=True, sharey="row", layout="constrained"
    )
    others = [arm for arm in fronts.arms if not arm.startswith("exact")]
    exact = [arm for arm in fronts.arms if arm.startswith("exact") and arm != BEST]
    for column, arms, title in (
        (0, others, "how others choose"),
        (1, exact, "exact, by what is minimised"),
    ):
        for arm, style in styles(arms):
            excess = fronts.losses(arm) - fronts.own_loss
            draw(axes[0, column], fronts, arm, np.maximum(excess, FLOOR), **style)
            draw(axes[1, column], fronts, arm, fronts.held_out(arm), **style)
        axes[0, column].set_title(title, fontsize=11)
        axes[1, column].set_xlabel("budget for the layers' parameters [kB]")
    for axis in axes.flat:
        dress(axis, fronts)
    axes[0, 0].set_ylabel("held-out loss above full precision's [nats]")
    axes[0, 0].set_ylim(bottom=0.8 * FLOOR)
    axes[1, 0].set_ylabel("held-out divergence from full precision [nats]")
    for axis in axes[0]:
        axis.legend(fontsize=8, loc="upper right")
    figure.suptitle(
        f"{fronts.network}: loss against memory. {fronts.about['held_out']:,} held-out "
        f"samples; full precision's loss is {fronts.own_loss:.4f} nats; above, "
        f"{FLOOR:g} stands for anything below",
        fontsize=11,
    )
    path = folder / f"paper_budgets_{fronts.network}.png"
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path


def styles(arms: list[str]) -> list[tuple[str, dict[str, object]]]:
    """Return arms with how they are drawn, the best one last and in black."""
    colors = plt.get_cmap("tab10").colors  # type: ignore[attr-defined]
    found: list[tuple[str, dict[str, object]]] = [
        (arm, {"color": colors[i % 10], "marker": MARKERS[i]})
        for i, arm in enumerate(arms)
    ]
    best = {"color": "black", "marker": "", "linewidth": 2.8, "zorder": 9}
    return [*found, (BEST, best)]


def draw(axis: Axes, fronts: Fronts, arm: str, values: Floats, **style: object) -> None:
    """Draw an arm's values over the budgets."""
    style = {"linewidth": 1.1, "markersize": 4, **style}
    kilobytes = np.array(fronts.budgets) / 1e3
    axis.plot(kilobytes, values, label=ARMS[arm][0], **style)  # type: ignore[arg-type]


def dress(axis: Axes, fronts: Fronts) -> None:
    """Set scales, and mark the sizes of uniform layouts."""
    axis.set(xscale="log", yscale="log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter("{x:g}")
    axis.tick_params(axis="x", which="both", labelsize=8)
    axis.grid(alpha=0.25)
    sizes = zip(fronts.about["precisions"], fronts.about["bytes"], strict=True)
    for name, size in sizes:
        if fronts.budgets[0] <= size <= fronts.budgets[-1]:
            axis.axvline(size / 1e3, color="grey", linewidth=0.7, linestyle=":")
            top = axis.get_xaxis_transform()
            axis.text(size / 1e3, 0.02, f" {name}", transform=top, fontsize=8)
