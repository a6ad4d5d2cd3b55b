"""Plots of the noise protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.paper.noise.analysis import Case, Study, geometric_mean, title_of
from benchmarks.paper.noise.arms import ARMS
from benchmarks.paper.noise.explain import predictions

__all__ = ["plot"]

COLOURS = {"inputs": "#d1495b", "parameters": "#2e6f95", "both": "#6a994e"}
MARKERS = {
    "resnet8": "o",
    "resnet20": "s",
    "resnet32": "^",
    "resnet44": "D",
    "resnet56": "v",
}
LINES = {
    "hawq": ("#2e6f95", "--"),
    "alg1_rms": ("#d1495b", "-."),
    "loss_mse": ("#b5838d", ":"),
    "verified": ("black", "-"),
}


def plot(study: Study, ranked: list[Case], folder: Path) -> list[str]:
    """Write the plots and return the Markdown that shows them."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = []
    for name, title, draw in (
        (
            "paper_noise",
            "Excess loss of all arms, relative to that of HAWQ-v2's mean trace",
            _ratios,
        ),
        ("paper_noise_random", "Random layouts, and where arms lie", _random),
        (
            "paper_noise_layers",
            "Curvature and measured divergence of single layers",
            _layers,
        ),
    ):
        figure = draw(study, ranked, plt)
        if figure is not None:
            figure.savefig(folder / f"{name}.png", dpi=130, bbox_inches="tight")
            plt.close(figure)
            shown.append(f"![{title}]({name}.png)\n")
    return shown


def _ratios(study: Study, ranked: list[Case], plt: Any) -> Any:
    arms = [
        a
        for a in [*ARMS, "verified", "in_place", "settled", "random"]
        if a != "hawq_mean" and any(a in c.excess for c in ranked)
    ]
    figure, axes = plt.subplots(figsize=(8.5, 0.42 * len(arms) + 1.6))
    shift = dict(zip(COLOURS, (-0.22, 0.0, 0.22), strict=True))
    for row, arm in enumerate(arms):
        some = [c for c in ranked if arm in c.excess]
        for case in some:
            axes.plot(
                case.ratio(arm),
                row + shift[case.split],
                MARKERS[case.network],
                color=COLOURS[case.split],
                markersize=5,
                alpha=0.75 if case.levels == "absolute" else 0.35,
            )
        middle = geometric_mean(c.ratio(arm) for c in some)
        axes.plot([middle] * 2, [row - 0.36, row + 0.36], color="black", linewidth=2)
    axes.axvline(1, color="grey", linewidth=1)
    axes.axvline(0.5, color="grey", linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_yticks(range(len(arms)), [title_of(a) for a in arms])
    axes.invert_yaxis()
    axes.set_xlabel(
        "excess loss / that of HAWQ-v2's mean trace (held-out images, log scale)"
    )
    handles = [
        plt.Line2D([], [], color=c, marker="o", linestyle="", label=f"noise on {s}")
        for s, c in COLOURS.items()
    ]
    handles += [
        plt.Line2D([], [], color="grey", marker=m, linestyle="", label=n)
        for n, m in MARKERS.items()
        if n in study.networks
    ]
    handles.append(plt.Line2D([], [], color="black", linewidth=2, label="geom. mean"))
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.4, -0.12),
        ncol=5,
        fontsize=8,
        frameon=False,
    )
    axes.set_title("Dark: absolute levels. Pale: levels relative to each tensor")
    return figure


def _random(study: Study, ranked: list[Case], plt: Any) -> Any:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    records = {r["key"][1]: r for r in study.store.select("random")}
    names = [n for n in study.networks if n in records]
    if not names:
        return None
    figure, all_axes = plt.subplots(
        1, len(names), figsize=(3.4 * len(names) + 0.4, 3.2), squeeze=False
    )
    for axes, name in zip(all_axes[0], names, strict=True):
        record = records[name]
        values = np.array(record["excess"])
        low = min(values.min(), *(record["arms"][a] for a in LINES))
        scale = "linear" if low <= 0 else "log"
        bins = (
            np.geomspace(low * 0.95, values.max() * 1.05, 31)
            if scale == "log"
            else np.linspace(low, values.max(), 31)
        )
        axes.hist(values, bins, color="#cccccc", label=f"{len(values)} random layouts")
        for arm, (colour, style) in LINES.items():
            axes.axvline(
                record["arms"][arm],
                color=colour,
                linestyle=style,
                label=title_of(arm),
                linewidth=1.8,
            )
        axes.set_xscale(scale)
        if scale == "log":
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(name.replace("resnet", "ResNet-"))
        axes.set_xlabel("excess loss, nats")
    all_axes[0][0].set_ylabel("layouts")
    handles, labels = all_axes[0][0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="lower center",
        bbox_to_anchor=(0.5, -0.12),
        ncol=5,
        fontsize=8,
        frameon=False,
    )
    return figure


def _layers(study: Study, ranked: list[Case], plt: Any) -> Any:
    found = {
        name: both
        for name in study.networks
        if (both := predictions(study, name)) is not None
    }
    if not found:
        return None
    figure, all_axes = plt.subplots(1, 2, figsize=(9.4, 4))
    for kind, (axes, title) in enumerate(
        zip(all_axes, ("noise on inputs", "noise on parameters"), strict=True)
    ):
        for name, values in found.items():
            measured = 1e3 * values.divergence[:, kind]
            axes.plot(
                1e3 * values.gauss_newton[:, kind],
                measured,
                MARKERS[name],
                label=name.replace("resnet", "ResNet-"),
                alpha=0.7,
                markersize=5,
            )
            traces = 1e3 * values.traces[:, kind]
            axes.plot(
                traces[traces > 0],
                measured[traces > 0],
                "x",
                color="grey",
                markersize=4,
                alpha=0.7,
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        ends = np.array([*axes.get_xlim(), *axes.get_ylim()])
        line = [max(ends.min(), 1e-4), ends.max()]
        axes.plot(line, line, color="grey", linewidth=1)
        axes.set_xlabel("predicted from curvature, mnat")
        axes.set_title(title)
    all_axes[0].set_ylabel("measured divergence, one layer at 0.05, mnat")
    extra = [
        plt.Line2D(
            [], [], color="grey", marker="x", linestyle="", label="Hutchinson (if > 0)"
        ),
        plt.Line2D([], [], color="grey", label="equal"),
    ]
    own = all_axes[0].get_legend_handles_labels()[0]
    all_axes[0].legend(handles=own + extra, fontsize=8)
    figure.tight_layout()
    return figure
