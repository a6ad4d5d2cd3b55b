"""Tables and plots of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from mpsolve.torch import Calibration

mpl.use("Agg")

from matplotlib import pyplot as plt

from benchmarks.markdown import table

#: Metrics that are drawn against these measurements.
SHOWN = ["signed_first_order", "loss_mse", "input_gradient", "hessian_trace"]
MEASURED = ["measured", "output_kl"]


def cost_table(records: list[dict[str, Any]]) -> str:
    """Return the costs, one line for each job."""
    rows = [
        [
            r["model"],
            f"{r['samples']:,}",
            r["job"],
            f"{r['rounds']}",
            f"{r['seconds']:.2f}",
            f"{r['time_ratio']:.2f}",
            f"{r['least_ratio']:.2f}",
            f"{r['memory']:.0f}",
            f"{r['memory_ratio']:.2f}",
        ]
        for r in records
    ]
    head = [
        "model",
        "samples",
        "job",
        "turns",
        "s",
        "ratio",
        "ratio of least",
        "peak MB",
        "ratio",
    ]
    return table(head, rows, words=len(head))


def quality_table(records: list[dict[str, Any]], precisions: list[str]) -> str:
    """Return the rank correlations, one line for each model and metric."""
    columns = [
        f"{reference}/{precision}"
        for reference in ("measured", "output_kl")
        for precision in (*precisions, "all")
    ]
    rows = [
        [r["model"], f"{r['samples']:,}", r["metric"], r["unit"]]
        + [f"{r[c]:.2f}" if c in r else "" for c in columns]
        for r in records
    ]
    heads = [
        c.replace("measured/", "loss ").replace("output_kl/", "KL ") for c in columns
    ]
    head = ["model", "samples", "metric", "unit", *heads]
    return table(head, rows, words=len(head))


def plot(name: str, calibration: Calibration, folder: Path) -> None:
    """Draw what is predicted of each layer at each precision, and what is measured."""
    precisions = calibration.precisions
    wide = [[precision] * len(SHOWN) for precision in precisions]
    narrow = [[f"{metric} {of}" for metric in SHOWN] for of in MEASURED]
    figure, axes = plt.subplot_mosaic(
        [*wide, *narrow], figsize=(13, 17), layout="constrained"
    )
    for k, precision in enumerate(precisions):
        _plot_layers(axes[precision], calibration, k)
    axes[precisions[0]].set_title(
        f"{name}: loss change of one rounded layer; "
        f"{calibration.num_samples:,} samples, bars are standard errors"
    )
    for metric in SHOWN:
        for of in MEASURED:
            _plot_metric(axes[f"{metric} {of}"], calibration, metric, of)
    axes[f"{SHOWN[0]} {MEASURED[0]}"].legend(fontsize=8)
    figure.savefig(folder / f"sensitivity_{name}.png", dpi=80)
    plt.close(figure)


def _plot_layers(axis: Any, calibration: Calibration, k: int) -> None:
    """Draw measured and predicted loss changes at a precision, layer by layer."""
    positions = np.arange(len(calibration.layers))
    drawn = {"measured": ("o", -0.12), "signed_first_order": ("x", 0.12)}
    for metric, (marker, shift) in drawn.items():
        scores = calibration[metric]
        axis.errorbar(
            positions + shift,
            scores.values[:, k],
            scores.standard_error[:, k],
            fmt=marker,
            markersize=4,
            linewidth=0.8,
            label=metric,
        )
    axis.axhline(0, color="black", linewidth=0.5)
    axis.set_ylabel(f"{calibration.precisions[k]} [nats]")
    axis.ticklabel_format(axis="y", scilimits=(0, 0))
    axis.set_xlim(-1, len(positions))
    axis.set_xticks(positions, calibration.layers, rotation=90, fontsize=6)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)


def _plot_metric(axis: Any, calibration: Calibration, metric: str, of: str) -> None:
    """Draw a metric against a measurement, magnitudes of both; a point for a layer."""
    predicted, measured = calibration[metric], calibration[of]
    for k, precision in enumerate(calibration.precisions):
        axis.plot(
            np.abs(measured.values[:, k]),
            np.abs(predicted.values[:, k]),
            "o",
            markersize=3,
            label=precision,
        )
    axis.set(xscale="log", yscale="log")
    axis.set_xlabel(f"|{of}| [{measured.unit}]", fontsize=8)
    axis.set_ylabel(f"|{metric}| [{predicted.unit}]", fontsize=8)
    axis.grid(alpha=0.3)
