"""Plots: loss against memory, all arms."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from benchmarks.paper.budgets.arms import ARMS
from benchmarks.paper.budgets.fronts import BEST, Fronts

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

__all__ = ["plot_fronts"]

#: Excess losses below this are drawn on it: so few samples cannot tell them from 0.
FLOOR = 1e-3

MARKERS = "osv^D<>PX*hd"


def plot_fronts(fronts: Fronts, folder: Path) -> Path:
    """Draw the others' arms and the exact ones side by side, the best one in both."""
    figure, axes = plt.subplots(
        1, 2, figsize=(13, 5.6), sharey=True, layout="constrained"
    )
    others = [arm for arm in fronts.arms if not arm.startswith("exact")]
    exact = [arm for arm in fronts.arms if arm.startswith("exact") and arm != BEST]
    for axis, arms, title in (
        (axes[0], others, "how others choose"),
        (axes[1], exact, "exact, by what is minimised"),
    ):
        colors = plt.get_cmap("tab10").colors  # type: ignore[attr-defined]
        for i, arm in enumerate(arms):
            draw(axis, fronts, arm, color=colors[i % 10], marker=MARKERS[i])
        draw(axis, fronts, BEST, color="black", marker="", linewidth=2.6, zorder=9)
        axis.set_title(title, fontsize=11)
        axis.set_xlabel("budget for the layers' parameters [kB]")
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="x", which="minor", labelsize=7)
        for name, size in zip(
            fronts.about["precisions"], fronts.about["bytes"], strict=True
        ):
            if fronts.budgets[0] <= size <= fronts.budgets[-1]:
                axis.axvline(size / 1e3, color="grey", linewidth=0.7, linestyle=":")
                top = axis.get_xaxis_transform()
                axis.text(
                    size / 1e3, 0.98, f" {name}", transform=top, fontsize=8, va="top"
                )
        axis.grid(alpha=0.25)
        axis.legend(fontsize=7.5)
    axes[0].set_yscale("log")
    axes[0].set_ylabel("held-out loss above full precision's [nats]")
    axes[0].set_ylim(bottom=0.8 * FLOOR)
    name = fronts.network
    figure.suptitle(
        f"{name}: loss against memory; {fronts.about['held_out']:,} held-out samples, "
        f"full precision {fronts.own_loss:.4f} nats; "
        f"{FLOOR:g} stands for anything below",
        fontsize=11,
    )
    path = folder / f"paper_budgets_{name}.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def draw(axis: Axes, fronts: Fronts, arm: str, **style: object) -> None:
    """Draw an arm's excess loss."""
    excess = np.maximum(fronts.losses(arm) - fronts.own_loss, FLOOR)
    style = {"linewidth": 1.1, "markersize": 4, **style}
    axis.plot(
        np.array(fronts.budgets) / 1e3,
        excess,
        label=ARMS[arm][0],
        **style,  # type: ignore[arg-type]
    )
