"""The report on stability: tables and heat maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from benchmarks.markdown import table
from benchmarks.paper.budgets.measured import paired
from benchmarks.paper.stability.resample import METRICS, disagreement
from benchmarks.paper.statistics import Mean, mean
from benchmarks.paper.store import Store

mpl.use("Agg")

from matplotlib import pyplot as plt

__all__ = ["report"]

Floats = npt.NDArray[np.float64]

#: What a whole run has.
NETWORKS = ("resnet8", "resnet20", "stories260k")

TEXT = """
Every sample's value of a metric was kept, so that a resample (as many samples, drawn
with replacement) costs a solve and nothing else. At each budget the layout of a
resample is compared with that of the samples themselves: how many of the decisions
differ, and what its held-out loss is. *z* adds so many standard errors to every loss
before the solve (the upper confidence bound of each loss), which is the robust variant;
0 is the plain one.
Differences are resample minus all samples of that size, on the same held-out samples;
means of {measured} resamples with a 95 % interval over these.
"""


def report(store: Store, folder: Path) -> None:
    """Write ``paper_stability.md`` and the pictures."""
    abouts = [
        store["network", name]
        for name in NETWORKS
        if store.select("resampled", name, "output_kl")
    ]
    parts = [
        "# Stability of layouts",
        "",
        store.provenance(),
        "",
        "## What was found",
        "",
    ]
    parts += [_found(store, about) for about in abouts]
    if abouts:
        parts.append(TEXT.format(measured=abouts[0]["measured_draws"]))
    for about in abouts:
        name = about["key"][1]
        path = plot(store, about, folder)
        parts += [
            f"## {name}",
            "",
            f"{about['draws']} resamples (at most 12 with pairs) of each size, "
            f"{about['held_out']} held-out samples.",
            "",
            f"![disagreement]({path.name})",
            "",
            "### Decisions that change, and what that costs",
            "",
            change_table(store, about),
        ]
        if is_measured(store, about):
            parts += ["### Layouts of all samples of a size: plain and robust", ""]
            parts.append(robust_table(store, about))
        else:
            parts.append("The layouts have not been run on held-out samples yet.\n")
    missing = [n for n in NETWORKS if n not in {about["key"][1] for about in abouts}]
    if missing:
        parts += ["## Not run", "", f"These records do not hold {', '.join(missing)}."]
    (folder / "paper_stability.md").write_text(
        "\n".join(parts).rstrip() + "\n", "utf-8"
    )


def is_measured(store: Store, about: dict[str, Any]) -> bool:
    """Whether the layouts of all samples have been run on held-out data."""
    name = about["key"][1]
    records = store.select("resampled", name)
    return all(("quality", name, r["own"]) in store for r in records)


def metrics_of(store: Store, name: str) -> list[str]:
    found = {r["key"][2] for r in store.select("resampled", name)}
    about = store["network", name]
    last = (0.0, about["sizes"][-1], about["budgets"][-1])
    return [
        metric
        for metric in METRICS
        if metric in found and ("resampled", name, metric, *last) in store
    ]


def zs(store: Store, about: dict[str, Any], metric: str) -> list[float]:
    """Return the numbers of standard errors that a metric was solved with."""
    found = {r["key"][3] for r in store.select("resampled", about["key"][1], metric)}
    return sorted(found)


def changes(
    store: Store, about: dict[str, Any], metric: str, z: float, size: int
) -> Floats:
    """Return how often decisions change, shape (decisions, budgets)."""
    columns = []
    for budget in about["budgets"]:
        record = store["resampled", about["key"][1], metric, z, size, budget]
        layouts = [tuple(map(int, code)) for code in record["layouts"]]
        columns.append(disagreement(layouts, tuple(map(int, record["own"]))))
    return np.array(columns).T


def costs(
    store: Store, about: dict[str, Any], metric: str, z: float, size: int, budget: int
) -> Floats | None:
    """Return held-out losses of resamples' layouts less that of all samples' layout."""
    name = about["key"][1]
    record = store["resampled", name, metric, z, size, budget]
    codes = record["layouts"][: about["measured_draws"]]
    if any(("quality", name, code) not in store for code in [*codes, record["own"]]):
        return None
    own = store["quality", name, record["own"]]["loss"]
    return np.array([store["quality", name, code]["loss"] - own for code in codes])


def change_table(store: Store, about: dict[str, Any]) -> str:
    name = about["key"][1]
    rows = []
    for metric in metrics_of(store, name):
        for z in zs(store, about, metric):
            for size in about["sizes"]:
                share = changes(store, about, metric, z, size).mean(0)
                cells = []
                for i, budget in enumerate(about["budgets"]):
                    found = costs(store, about, metric, z, size, budget)
                    text = f"{100 * share[i]:.0f} %"
                    if found is not None:
                        m = mean(found)
                        text += f", {m.value:+.3f} ± {m.half:.3f}"
                    cells.append(text)
                rows.append([metric, f"{z:g}", f"{size}", *cells])
    head = ["metric", "z", "samples", *(f"{b / 1e3:.0f} kB" for b in about["budgets"])]
    note = (
        "Share of the decisions whose precision is another one, and the mean "
        "difference of the held-out loss, where it was measured.\n"
    )
    return table(head, rows) + "\n" + note


def robust_table(store: Store, about: dict[str, Any]) -> str:
    name = about["key"][1]
    rows = []
    for metric in metrics_of(store, name):
        for size in about["sizes"]:
            for z in zs(store, about, metric):
                cells = []
                for budget in about["budgets"]:
                    code = store["resampled", name, metric, z, size, budget]["own"]
                    text = f"{store['quality', name, code]['loss']:.4f}"
                    if z:
                        m = gain(store, about, metric, z, size, budget)
                        text += f" ({m.value:+.3f} ± {m.half:.3f})"
                    cells.append(text)
                rows.append([metric, f"{size}", f"{z:g}", *cells])
    head = ["metric", "samples", "z", *(f"{b / 1e3:.0f} kB" for b in about["budgets"])]
    note = (
        "Held-out loss; in brackets the robust layout's less the plain one's, on the "
        "same held-out samples, with a 95 % interval.\n"
    )
    return table(head, rows) + "\n" + note


def gain(
    store: Store, about: dict[str, Any], metric: str, z: float, size: int, budget: int
) -> Mean:
    """Return the robust layout's held-out loss less the plain one's."""
    name = about["key"][1]
    robust, plain = (
        store["resampled", name, metric, value, size, budget]["own"]
        for value in (z, about["z"][0])
    )
    return paired(store, name, robust, plain)


def _found(store: Store, about: dict[str, Any]) -> str:
    """Say in a sentence what changes, what it costs and whether robustness helps."""
    name, sizes = about["key"][1], about["sizes"]
    shares = {
        metric: [
            f"{100 * float(changes(store, about, metric, 0.0, size).mean()):.0f} %"
            for size in (sizes[0], sizes[-1])
        ]
        for metric in metrics_of(store, name)
    }
    few, many = shares.pop("output_kl")
    others = "; ".join(f"{m} {' and '.join(pair)}" for m, pair in shares.items())
    text = (
        f"- **{name}**: with output_kl {few} of the decisions change in a resample of "
        f"{sizes[0]} samples and {many} in one of {sizes[-1]} ({others})"
    )
    if not is_measured(store, about):
        return text + "."
    spent = []
    for size in (sizes[0], sizes[-1]):
        found = [
            costs(store, about, "output_kl", 0.0, size, b) for b in about["budgets"]
        ]
        spent.append(float(np.median([x.mean() for x in found if x is not None])))
    gains = [
        gain(store, about, metric, z, size, budget)
        for metric in metrics_of(store, name)
        for z in zs(store, about, metric)
        if z
        for size in sizes
        for budget in about["budgets"]
    ]
    better = sum(g.has_sign and g.value < 0 for g in gains)
    worse = sum(g.has_sign and g.value > 0 for g in gains)
    return (
        f"{text}; the held-out loss of such layouts is {spent[0]:+.4f} and "
        f"{spent[1]:+.4f} nats away from that of all samples (median of the budgets). "
        f"The robust variant is better beyond the interval in {better} and worse in "
        f"{worse} of {len(gains)} cases (metric, size, z and budget)."
    )


def plot(store: Store, about: dict[str, Any], folder: Path) -> Path:
    """Draw how often each decision changes: a panel for each metric and size."""
    name = about["key"][1]
    metrics = [m for m in metrics_of(store, name) if m != "measured"]
    sizes = about["sizes"]
    figure, axes = plt.subplots(
        1,
        len(metrics) * len(sizes),
        figsize=(
            2.5 + 2.1 * len(metrics) * len(sizes),
            1.8 + 0.22 * len(about["names"]),
        ),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    panels = [(metric, size) for metric in metrics for size in sizes]
    image = None
    for axis, (metric, size) in zip(axes[0], panels, strict=True):
        shares = changes(store, about, metric, 0.0, size)
        image = axis.imshow(
            100 * shares, vmin=0, vmax=100, aspect="auto", cmap="magma_r"
        )
        axis.set_title(f"{metric}\n{size} samples", fontsize=9)
        ticks = range(len(about["budgets"]))
        axis.set_xticks(ticks, [f"{b / 1e3:.0f}" for b in about["budgets"]], fontsize=8)
        axis.set_xlabel("budget [kB]", fontsize=8)
    axes[0][0].set_yticks(range(len(about["names"])), about["names"], fontsize=7)
    assert image is not None
    bar = figure.colorbar(image, ax=axes[0].tolist(), shrink=0.7)
    bar.set_label("resamples in which the precision is another one [%]", fontsize=8)
    figure.suptitle(f"{name}: which decisions the samples do not settle", fontsize=11)
    path = folder / f"paper_stability_{name}.png"
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path
