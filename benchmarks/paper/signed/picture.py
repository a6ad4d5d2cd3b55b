"""The change of the loss where a layout was found, and on held-out data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.paper.signed.findings import Tried

__all__ = ["draw"]

COLOURS = {"fp16": "C0", "bf16": "C1", "int8": "C2", "w6": "C3", "w4": "C4"}
MARKERS = ("o", "s", "^", "D", "v")


def draw(every: Sequence[Tried], path: Path) -> None:
    """Draw one panel for each network; a cross marks what held after correction."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    networks = list(dict.fromkeys(own.network for own in every))
    sizes = sorted({own.size for own in every})
    figure, axes = plt.subplots(
        1,
        len(networks),
        figsize=(max(8.5, 0.8 + 3.4 * len(networks)), 4.6),
        squeeze=False,
        layout="constrained",
    )
    for axis, name in zip(axes[0], networks, strict=True):
        for own in every:
            if own.network != name or own.found[0] == own.held_out[0] == 0:
                continue
            colour = COLOURS.get(own.precision, "0.4")
            is_element = own.family == "element"
            axis.plot(
                [own.found[0]],
                [own.held_out[0]],
                MARKERS[sizes.index(own.size)],
                ms=5,
                mfc=colour if is_element else "none",
                mec=colour,
                alpha=0.8,
            )
            if own.holds:
                axis.plot([own.found[0]], [own.held_out[0]], "kx", ms=9)
        axis.axhline(0, color="0.6", lw=0.8, zorder=0)
        axis.axvline(0, color="0.6", lw=0.8, zorder=0)
        ends = np.array([-1.0, 1.0]) * 1e3
        axis.plot(ends, ends, ":", color="0.6", lw=0.8, zorder=0)
        axis.set_xscale("symlog", linthresh=1e-3, linscale=0.5)
        axis.set_yscale("symlog", linthresh=1e-3, linscale=0.5)
        points = [o for o in every if o.network == name]
        low = min(min(o.found[0], o.held_out[0]) for o in points)
        limits = (min(3 * low, -3e-3), 1.0)
        axis.set(xlim=limits, ylim=limits, title=name)
        axis.set_xlabel("change of the loss where it was found, nats", fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0, 0].set_ylabel("change of the held-out loss, nats", fontsize=8)
    used = dict.fromkeys(own.precision for own in every)
    handles = [
        Line2D([], [], ls="", marker="o", color=COLOURS.get(kind, "0.4"), label=kind)
        for kind in used
    ]
    handles += [
        Line2D([], [], ls="", marker=MARKERS[i], color="0.3", label=f"{size} images")
        for i, size in enumerate(sizes)
    ]
    handles += [
        Line2D([], [], ls="", marker="o", mfc="none", mec="0.3", label="by tensor"),
        Line2D([], [], ls="", marker="o", color="0.3", label="by element"),
        Line2D([], [], ls="", marker="x", color="k", ms=9, label="lower, Holm < 0.05"),
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles) // 2 + 1,
        fontsize=8,
    )
    figure.suptitle(
        "below 0: lower loss than full precision; above 1 nat is not shown", fontsize=10
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)
