"""Tables and plots of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from mpsolve.torch import Calibration

mpl.use("Agg")

from matplotlib import pyplot as plt

SHOWN = ["input_gradient", "signed_first_order", "loss_mse", "hessian_trace"]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def cost_table(records: list[dict[str, Any]]) -> str:
    """Return the costs, one line for each job."""
    rows = [
        [
            r["model"],
            f"{r['samples']:,}",
            r["job"],
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
        "s",
        "ratio",
        "ratio of least",
        "peak MB",
        "ratio",
    ]
    return table(head, rows)


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
    return table(["model", "samples", "metric", "unit", *heads], rows)


def plot(name: str, calibration: Calibration, folder: Path) -> None:
    """Draw predicted and measured loss changes of each layer at each precision."""
    precisions = calibration.precisions
    figure, axes = plt.subplots(
        1 + len(SHOWN), 1, figsize=(10, 12), sharex=True, layout="constrained"
    )
    positions = np.arange(len(calibration.layers))
    for axis, metric in zip(axes, ["measured", *SHOWN], strict=True):
        scores = calibration[metric]
        for k, precision in enumerate(precisions):
            axis.errorbar(
                positions + 0.2 * (k - 1),
                scores.values[:, k],
                scores.standard_error[:, k],
                fmt="o",
                markersize=3,
                label=precision,
            )
        smallest = np.abs(scores.values[scores.values != 0]).min()
        axis.set_yscale("symlog", linthresh=max(float(smallest), 1e-7))
        axis.set_ylabel(f"{metric}\n[{scores.unit}]")
        axis.grid(alpha=0.3)
    axes[0].legend(ncols=len(precisions))
    axes[0].set_title(
        f"{name}: loss change of one rounded layer, measured and predicted; "
        f"{calibration.num_samples:,} samples; bars are standard errors"
    )
    axes[-1].set_xticks(positions, calibration.layers, rotation=90, fontsize=6)
    figure.savefig(folder / f"sensitivity_{name}.png", dpi=110)
    plt.close(figure)
