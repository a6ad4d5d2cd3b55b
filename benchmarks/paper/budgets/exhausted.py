"""What all layouts of a small network say about metrics and searches."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from benchmarks.markdown import table
from benchmarks.paper.budgets.arms import ARMS
from benchmarks.paper.store import Store

mpl.use("Agg")

from matplotlib import pyplot as plt

__all__ = ["exhausted_text"]

Floats = npt.NDArray[np.float64]

LABELS = {
    "optimum": "true optimum: least divergence",
    "least loss": "least loss on the calibration samples",
    "best held out": "best on the held-out samples (a bound)",
    "exact:measured_pairs": "exact, measured_pairs (CLADO)",
}

TEXT = """## All layouts of a small network: whose error is it?

ResNet-8, {precisions} for 8 decisions (shortcuts get the precision of the convolution
that they are added to): all {layouts:,} layouts were run on {calibration} calibration
and {held_out} held-out samples, so that the true optimum of every one of {budgets}
budgets is known. Of an arm's divergence on the calibration samples, beside the least
that any layout within the budget has:

- the **metric's error** is what the exact optimum of its objective loses; no search can
  win it back;
- the **search's error** is what is lost beyond that (greedy beside exact, on the same
  metric); it is negative where a worse solution of a wrong objective was lucky;
- what the **samples** do not tell is the held-out loss of the true optimum beside the
  least held-out loss of any layout within the budget.

![all layouts]({plot})
"""


def exhausted_text(store: Store, folder: Path) -> str:
    """Return the section on exhaustion; empty where it was not run."""
    records = store.select("exhausted layout")
    if not records:
        return ""
    about = store["exhausted", records[0]["key"][1]]
    arms = list(dict.fromkeys(r["key"][2] for r in records))
    order = [a for a in (*ARMS, *LABELS) if a in arms]
    budgets = sorted({r["key"][3] for r in records})

    def column(arm: str, field: str) -> Floats:
        start = ("exhausted layout", records[0]["key"][1], arm)
        return np.array([store[(*start, budget)][field] for budget in budgets])

    optimum, bound = (
        column("optimum", "divergence"),
        column("best held out", "held_out"),
    )
    rows = []
    for arm in order:
        divergence, held_out = column(arm, "divergence"), column(arm, "held_out")
        is_best = divergence <= optimum * (1 + 1e-6)
        ratio = np.exp(np.log(divergence / optimum).mean())
        rows.append(
            [
                name_of(arm),
                f"{int(is_best.sum())}",
                f"{ratio:.2f}",
                f"{np.median(divergence - optimum):.4f}",
                f"{np.median(held_out - column('optimum', 'held_out')):+.4f}",
                f"{np.median(held_out - bound):.4f}",
            ]
        )
    greedy = column("greedy", "divergence") / column("exact:output_kl", "divergence")
    metric = column("exact:output_kl", "divergence") / optimum
    pairs = column("exact:kl_pairs", "divergence") / optimum
    incumbent = column("exact:incumbent", "divergence") / optimum
    said = (
        f"For output_kl the metric's error is a factor of "
        f"{np.exp(np.log(metric).mean()):.2f} in divergence (geometric mean), greedy's "
        f"search adds a factor of {np.exp(np.log(greedy).mean()):.2f}. With pairs the "
        f"metric's error is {np.exp(np.log(pairs).mean()):.2f}, and after measuring "
        f"around the incumbents {np.exp(np.log(incumbent).mean()):.2f}."
    )
    path = folder / "paper_budgets_exhausted.png"
    figure, axis = plt.subplots(figsize=(9, 5.2), layout="constrained")
    drawn = [a for a in order if a in ("greedy", "exact:output_kl", "exact:measured")]
    drawn += ["exact:kl_pairs", "exact:hessian_trace", "exact:loss_mse"]
    drawn += ["exact:measured_pairs"] if "exact:measured_pairs" in arms else []
    for arm, marker in zip(drawn, "osv^D<>P", strict=False):
        axis.plot(
            np.array(budgets) / 1e3,
            column(arm, "divergence"),
            label=name_of(arm),
            marker=marker,
            linewidth=1,
            markersize=4,
        )
    for arm, style in (("exact:incumbent", "-"), ("optimum", ":")):
        axis.plot(
            np.array(budgets) / 1e3,
            column(arm, "divergence"),
            style,
            label=name_of(arm),
            color="black" if arm != "optimum" else "red",
            linewidth=2.4,
        )
    axis.set(yscale="log", xlabel="budget for the layers' parameters [kB]")
    axis.set_ylabel("divergence on the calibration samples [nats]")
    axis.set_title("ResNet-8: layouts of all arms beside the best of all layouts")
    axis.grid(alpha=0.25)
    axis.legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    head = ["arm", "optimal at", "divergence ×", "divergence above optimum, median"]
    head += ["held-out loss above optimum's, median", "above best held out, median"]
    text = TEXT.format(
        precisions=", ".join(about["precisions"]),
        layouts=about["layouts"],
        calibration=about["samples"][0],
        held_out=about["samples"][1],
        budgets=len(budgets),
        plot=path.name,
    )
    return "\n".join([text, table(head, rows), said, ""])


def name_of(arm: str) -> str:
    return LABELS.get(arm) or ARMS[arm][0]
