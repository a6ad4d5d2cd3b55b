"""Pictures: layouts along the graph, and what was predicted beside what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mpsolve import lossless_matrix
from mpsolve.torch import parse

__all__ = ["draw_layouts", "draw_predictions"]

COLOURS = {
    "fp64": "#1b3a5c",
    "fp32": "#5b9bd5",
    "fp16": "#f4b183",
    "bf16": "#ffd966",
    "e4m3": "#c55a11",
    "e5m2": "#8e5ea2",
    "source": "white",
}

Record = dict[str, Any]


def culprit(
    layer: str, record: Record, layers: Sequence[str], edges: Sequence[Sequence[str]]
) -> str:
    """Return the nearest layer whose tensor a layer cannot hold; its own for data."""
    types = dict(zip(layers, record["layout"], strict=True))
    widest = record["base"]
    found = [
        producer
        for producer, consumer in edges
        if consumer == layer
        for kind in [types[producer]]
        for returned in [kind if parse(kind).weight.dtype is not None else widest]
        if not lossless_matrix([returned, types[layer]])[0, 1]
    ]
    return max(found, key=layers.index, default=layer)


def draw_layouts(
    name: str,
    layers: Sequence[str],
    edges: Sequence[Sequence[str]],
    panels: Mapping[str, Mapping[str, Record]],
    path: Path,
) -> None:
    """Draw every arm's layout, layers in the order of execution.

    Parameters
    ----------
    name : str
        Of the network.
    layers : sequence of str
    edges : sequence of (producer, consumer)
    panels : mapping of inventory to mapping of arm to record
    path : Path
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyArrowPatch, Patch, Rectangle

    num_arms = len(next(iter(panels.values())))
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(4 + 0.3 * len(layers), 1.6 + len(panels) * (0.5 + 0.42 * num_arms)),
        sharex=True,
        layout="constrained",
    )
    used: dict[str, None] = {}
    for axis, (inventory, arms) in zip(
        np.atleast_1d(axes), panels.items(), strict=True
    ):
        for row, record in enumerate(arms.values()):
            for i, kind in enumerate(record["layout"]):
                used[kind] = None
                axis.add_patch(
                    Rectangle((i, row + 0.12), 1, 0.56, facecolor=COLOURS[kind], ec="w")
                )
            for layer in record["lossy"]:
                end = layers.index(layer)
                start = layers.index(culprit(layer, record, layers, edges))
                at = row + 0.14
                if start == end:
                    axis.plot([end + 0.2], [at - 0.05], "v", color="#c00000", ms=4)
                    continue
                bend = -min(0.5, 0.7 / (end - start))
                axis.add_patch(
                    FancyArrowPatch(
                        (start + 0.5, at),
                        (end + 0.4, at),
                        connectionstyle=f"arc3,rad={bend}",
                        arrowstyle="-|>",
                        mutation_scale=6,
                        color="#c00000",
                        lw=0.9,
                    )
                )
            text = f"{record['conversion']:.1e}  |  {record['divergence']:.1e}"
            axis.text(len(layers) + 0.2, row + 0.4, text, va="center", fontsize=7)
        axis.set(xlim=(0, len(layers)), ylim=(num_arms, -0.2))
        axis.set_yticks(np.arange(num_arms) + 0.4, list(arms), fontsize=8)
        axis.set_title(f"{inventory} of five layers", fontsize=9, loc="left")
        axis.text(
            len(layers) + 0.2,
            -0.25,
            "Problem 3 | held-out KL, nats",
            fontsize=7,
            va="bottom",
        )
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    short = [layer.replace("layers.", "").replace("layer", "") for layer in layers]
    np.atleast_1d(axes)[-1].set_xticks(
        np.arange(len(layers)) + 0.5, short, rotation=90, fontsize=7
    )
    handles = [
        Patch(color=COLOURS[kind], label=kind) for kind in COLOURS if kind in used
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8
    )
    figure.suptitle(f"{name}: red, a conversion that loses something", fontsize=10)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_predictions(
    networks: Mapping[str, Mapping[str, Sequence[Record]]], path: Path
) -> None:
    """Draw losses that were predicted against the divergence of the cast networks."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2,
        len(networks),
        figsize=(3.1 * len(networks), 5.8),
        squeeze=False,
        layout="constrained",
    )
    for column, (name, inventories) in enumerate(networks.items()):
        for row, what in enumerate(("Problem 3: conversions alone", "with own losses")):
            axis = axes[row, column]
            every = []
            for number, (inventory, records) in enumerate(inventories.items()):
                for is_random in (True, False):
                    chosen = [r for r in records if r["random"] == is_random]
                    x = np.array([r["conversion"] + row * r["own"] for r in chosen])
                    y = np.array([r["divergence"] for r in chosen])
                    every += [*x[x > 0], *y]
                    # What loses nothing stands at the left edge.
                    axis.scatter(
                        np.where(x > 0, x, np.nan),
                        y,
                        s=9 if is_random else 26,
                        marker="o" if is_random else "D",
                        color=f"C{number}",
                        edgecolor="none" if is_random else "k",
                        linewidth=0.6,
                        alpha=0.6 if is_random else 1,
                        label=None if is_random else inventory,
                    )
                    zero = y[x <= 0]
                    axis.scatter(
                        np.zeros(len(zero)),
                        zero,
                        marker="<",
                        s=40,
                        color=f"C{number}",
                        edgecolor="k",
                        linewidth=0.6,
                        transform=axis.get_yaxis_transform(),
                        clip_on=False,
                        zorder=5,
                    )
            ends = [min(every), max(every)]
            axis.plot(ends, ends, color="0.6", lw=0.8, zorder=0)
            axis.set(xscale="log", yscale="log")
            axis.set_xlabel(f"{what}, nats", fontsize=8)
            if row == 0:
                axis.set_title(name, fontsize=10)
            if column == 0:
                axis.set_ylabel("held-out KL of the cast network, nats", fontsize=8)
            axis.tick_params(labelsize=7)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=2,
        fontsize=8,
        title="diamonds: arms; dots: random layouts; triangles: no conversion loses",
        title_fontsize=8,
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)
