"""The report: what was found, tables, plots."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.markdown import table
from benchmarks.paper.budgets.arms import ADDITIVE, ARMS
from benchmarks.paper.budgets.exhausted import exhausted_text
from benchmarks.paper.budgets.fronts import BEST, Fronts, counted
from benchmarks.paper.budgets.measured import code_of
from benchmarks.paper.budgets.operations_report import operations_text
from benchmarks.paper.budgets.plots import plot_fronts
from benchmarks.paper.statistics import Mean
from benchmarks.paper.store import Store
from benchmarks.paper.tables import signed

__all__ = ["report"]

#: What a whole run has.
NETWORKS = ("resnet8", "resnet20", "resnet56", "stories260k")
OPERATIONS = {
    "bops": "budgets of bit operations",
    "time": "budgets of measured time",
    "together": "memory, bit operations and time together",
}

#: The best exact arm that measures around full precision alone.
PAIRS = "exact:kl_pairs"

#: Excess losses in nats that the held-out samples can tell from 0.
RESOLVED = 5e-3

#: Arms whose own objective an exact arm minimises too.
SAME_OBJECTIVE = {
    "greedy": "output_kl",
    "hawq_v2_ordered": "hessian_trace",
    "hawq_v3": "hessian_trace",
    "hawq_v3_published": "hessian_trace",
    "gaudi": "loss_mse",
}

INTRODUCTION = """
Every arm chooses one of w2, w4, w8 and w16 (integers with a scale for each channel,
and fp16; inputs stay as they are) for every layer, within the same budgets for the
bytes of the layers' parameters, scales included, from the same calibration samples.
Losses are measured on samples that no arm has seen; layouts run in float32 with rounded
parameters.

*Exact, around the incumbent* is the arm that is to win: layouts of all exact arms,
greedy and uniform ones are measured on the calibration samples (their divergence from
full precision); around the best of a budget every single change is measured, pairs of
changes come along with the same passes, mpsolve solves for the best layout within a
number of changes, exactly, and so on. *Second-order pairs* is half the Gauss-Newton
form of the divergence, all pairs of layers included, from one pass for each layer and
precision. *Best metric on calibration* is the first step of the incumbent alone,
without the greedy ones.
"""

FOUND = """How often the exact arm that is measured around its incumbents is on or below
the best of all other arms, at the same budgets; which is best is chosen by the held-out
samples themselves, in favour of the others."""

VERDICT_NOTE = """Held-out losses, their difference, and the divergences from full
precision on the calibration samples. Where the exact arm is above, *samples* says that
it is better on the calibration samples, so that neither its metric nor its search is to
blame; *search* that the other layout is better there too, and was not found. On the
right: the other arm whose outputs are closest to full precision's on held-out data, and
the exact arm's divergence less that arm's.
"""

ARM_NOTE = f"""Calibration: seconds of the processor, one thread, and passes over
the calibration samples where that is what was done (cut where a pass begins in the
middle); gradient metrics need forward and backward passes. *Excess loss ×*: held-out
loss above full precision over that of the exact arm, geometric mean over the budgets;
what is below {RESOLVED:g} nats counts as that much, as so few samples do not tell it
from 0. *Divergence ×*: the same on the calibration samples, where the arms' choices
were made, without any floor: what is lost by the metric and the search together, and
not by what the samples do not know. *Search's error*: by how much the arm's own
objective is above its minimum, mean over budgets; 0 where the arm is exact. *Exact
below, above*: at how many budgets *exact, around the incumbent* is below this arm on
held-out data, and above it, each beyond the 95 % interval; by loss, and by divergence.
"""


def report(store: Store, folder: Path) -> None:
    """Write ``paper_budgets.md`` and the plots."""
    names = [record["key"][1] for record in store.select("network")]
    done = [name for name in names if is_complete(store, name)]
    fronts = [Fronts(store, name) for name in done]
    parts = ["# Loss against memory, bit operations and time", "", store.provenance()]
    parts += ["", "## What was found", "", FOUND, ""]
    parts += [found_text(f) for f in fronts]
    parts += [INTRODUCTION, "Compared are budgets, at each the exact arm with the best"]
    parts += [
        "of the arms that are not exact: chosen by the held-out loss itself, which"
    ]
    parts += ["favours them. Intervals are 95 %, of the same samples' differences.", ""]
    for f in fronts:
        path = plot_fronts(f, folder)
        parts += [f"## {f.network}", "", about_text(f), "", f"![fronts]({path.name})"]
        parts += ["", "### At every budget", "", verdict_table(f)]
        parts += ["### Held-out loss of every arm", "", loss_table(f)]
        parts += ["### What arms cost, and what they lose by", "", arm_table(store, f)]
    parts += [exhausted_text(store, folder), operations_text(store)]
    parts.append(missing_text(store, done))
    text = "\n".join(parts).rstrip() + "\n"
    (folder / "paper_budgets.md").write_text(text, encoding="utf-8")


def missing_text(store: Store, done: list[str]) -> str:
    """Say what these records do not hold."""
    missing = [f"memory budgets on {name}" for name in NETWORKS if name not in done]
    missing += [
        f"{title} on {name}"
        for study, title in OPERATIONS.items()
        for name in NETWORKS
        if ("operations about", name, study) not in store
    ]
    if not store.select("exhausted layout"):
        missing.append("all layouts of a small network")
    if not missing:
        return ""
    return (
        f"## Not run\n\nThese records do not hold {', '.join(missing)}; "
        "`python -m benchmarks.paper budgets` goes on where they end."
    )


def is_complete(store: Store, name: str) -> bool:
    """Whether every layout of a network was measured."""
    last = ("layout", name, BEST, store["network", name]["budgets"][-1])
    if last not in store:
        return False
    for record in store.select("layout", name):
        kinds = ["quality", "divergence"]
        if record["key"][2].removeprefix("exact:") not in ADDITIVE:
            kinds.append("held out")
        code = code_of(record["choices"])
        if code != "fp" and any((kind, name, code) not in store for kind in kinds):
            return False
    return True


def found_text(fronts: Fronts) -> str:
    """Say how often the exact arm is on or below all others, and why it is not."""
    verdicts = fronts.verdicts()
    ratios = [
        max(v.loss - fronts.own_loss, RESOLVED)
        / max(v.other_loss - fronts.own_loss, RESOLVED)
        for v in verdicts
    ]
    mean = float(np.exp(np.mean(np.log(ratios))))
    lines = [f"- **{fronts.network}**"]
    text = f"held-out loss: {counted([v.difference for v in verdicts])}"
    causes = [v.cause for v in verdicts if v.cause]
    if causes:
        text += (
            f"; at {causes.count('samples')} of the {len(causes)} budgets where it is "
            "above, the calibration samples themselves prefer its layout"
        )
    lines.append(
        f"{text}. The excess over full precision is {mean:.2f} times that of the best "
        "other arm of each budget (geometric mean)."
    )
    lines.append(
        "held-out divergence from full precision, which does not depend on the luck of "
        f"labels: {counted([v.moved for v in verdicts])}."
    )
    others = [arm for arm in fronts.arms if not arm.startswith("exact")]
    for kind, name in (("quality", "loss"), ("held out", "divergence")):
        pairs = [d for arm in others for d in fronts.against(arm, kind)]
        below, above = beyond(pairs).split(", ")
        lines.append(
            f"arm by arm, by held-out {name}: below beyond the interval in {below} of "
            f"{len(pairs)} pairs of another arm and a budget, above in {above}."
        )
    seconds, passes = cost(fronts.store, fronts.network, PAIRS)
    alone = fronts.verdicts(PAIRS)
    lines.append(
        f"without any iteration, {ARMS[PAIRS][0]} ({passes} forward passes over the "
        f"calibration samples, {seconds:.0f} s): "
        f"{counted([v.difference for v in alone])}; "
        f"by divergence, {counted([v.moved for v in alone])}."
    )
    records = fronts.store.select("layout", fronts.network)
    unproven = sum(not r.get("proven", True) for r in records)
    if unproven:
        lines.append(f"{unproven} solves with all pairs ended at their time limit.")
    return "\n  - ".join(lines)


def about_text(fronts: Fronts) -> str:
    about = fronts.about
    sizes = ", ".join(
        f"{name} {size:,}"
        for name, size in zip(about["precisions"], about["bytes"], strict=True)
    )
    return (
        f"{about['decisions']} decisions; {about['calibration']} calibration samples, "
        f"{about['held_out']:,} held out; full precision's held-out loss "
        f"{fronts.own_loss:.4f}. Bytes of uniform layouts: {sizes}."
    )


def verdict_table(fronts: Fronts) -> str:
    rows = [
        [
            ARMS[v.other][0],
            v.word + (f" ({v.cause})" if v.cause else ""),
            f"{v.budget:,}",
            f"{v.loss:.4f}",
            f"{v.other_loss:.4f}",
            f"{signed(v.difference.value)} ± {v.difference.half:.4f}",
            f"{v.divergence:.3g}",
            f"{v.other_divergence:.3g}",
            ARMS[v.closer][0],
            f"{v.moved.value:+.2g} ± {v.moved.half:.1g}",
        ]
        for v in fronts.verdicts()
    ]
    head = ["best other arm", "exact is", "bytes", "exact", "other", "difference"]
    head += ["divergence: exact", "other", "closest other", "held-out divergence"]
    return table(head, rows, words=2) + "\n" + VERDICT_NOTE


def loss_table(fronts: Fronts) -> str:
    rows = []
    losses = {arm: fronts.losses(arm) for arm in fronts.arms}
    for arm in fronts.arms:
        cells = ["–" if np.isnan(x) else f"{x:.3f}" for x in losses[arm]]
        rows.append([ARMS[arm][0], *cells])
    head = ["arm, kB", *(f"{budget / 1e3:.0f}" for budget in fronts.budgets)]
    return table(head, rows)


def arm_table(store: Store, fronts: Fronts) -> str:
    """Return costs, and errors apart: of the metric, of the search, of the samples."""
    best = fronts.divergences(BEST)
    own = fronts.losses(BEST)
    rows = []
    for arm in fronts.arms:
        seconds, passes = cost(store, fronts.network, arm)
        ratio = fronts.divergences(arm) / np.maximum(best, 1e-12)
        fits = ~np.isnan(ratio)
        metric = float(np.exp(np.log(np.maximum(ratio[fits], 1e-12)).mean()))
        losses = fronts.losses(arm)
        floor = np.maximum(losses - fronts.own_loss, RESOLVED)
        against = floor / np.maximum(own - fronts.own_loss, RESOLVED)
        held_out = float(np.exp(np.log(against[fits]).mean()))
        rows.append(
            [
                ARMS[arm][0],
                f"{int(fits.sum())}",
                f"{seconds:.1f}",
                passes,
                f"{held_out:.2f}",
                f"{metric:.2f}",
                search_error(store, fronts, arm),
                beyond(fronts.against(arm, "quality")) if arm != BEST else "",
                beyond(fronts.against(arm, "held out")) if arm != BEST else "",
            ]
        )
    head = ["arm", "budgets", "calibration, s", "passes"]
    head += ["excess loss ×", "divergence ×", "search's error"]
    head += ["exact below, above", "the same, divergence"]
    return table(head, rows) + "\n" + ARM_NOTE


def beyond(differences: list[Mean]) -> str:
    """Count where the exact arm is below and above beyond the interval."""
    below = sum(d.has_sign and d.value < 0 for d in differences)
    above = sum(d.has_sign and d.value > 0 for d in differences)
    return f"{below}, {above}" if differences else "–"


def cost(store: Store, network: str, arm: str) -> tuple[float, str]:
    """Return the processor time of an arm's calibration, and its forward passes."""
    shared = {"measured", "output_kl", "pairs"}
    seconds, passes = 0.0, 0.0
    needs = ARMS[arm][1]
    if set(needs) & shared:
        record = store["table", network, "pairs"]
        seconds, passes = record["seconds"], record["passes"]
    for metric in needs:
        if metric not in shared:
            seconds += store["table", network, metric]["seconds"]
    if ("cost", network, arm) in store:
        record = store["cost", network, arm]
        seconds, passes = seconds + record["seconds"], passes + record["passes"]
    return seconds, f"{passes:.0f}" if passes else "–"


def search_error(store: Store, fronts: Fronts, arm: str) -> str:
    """Return by how much an arm misses the minimum of its own objective."""
    if arm not in SAME_OBJECTIVE:
        return "–" if arm.startswith(("uniform", "modelopt")) else "0"
    metric = SAME_OBJECTIVE[arm]
    values = np.array(store["table", fronts.network, metric]["values"])
    misses = []
    for budget in fronts.budgets:
        code = fronts.code(arm, budget)
        least = fronts.code(f"exact:{metric}", budget)
        if code is None or least is None:
            continue
        both = [
            float(values[np.arange(len(values)), [int(c) for c in x]].sum())
            for x in (code, least)
        ]
        misses.append((both[0] - both[1]) / abs(both[1]))
    return f"{100 * np.mean(misses):.2f} %" if misses else "–"
