"""Why arms do as they do: how well metrics predict measured single-layer losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.paper.noise.analysis import Case, Study, title_of
from benchmarks.paper.noise.arms import ARMS
from benchmarks.paper.noise.measured import TOP, losses_of
from benchmarks.paper.tables import table
from benchmarks.sensitivity.quality import rank_correlation

__all__ = ["curvature_ratios", "explanations"]

Floats = npt.NDArray[np.float64]

SPLITS = ("inputs", "parameters", "both")


def explanations(study: Study, ranked: list[Case]) -> str:
    """Return the section on metrics, curvature, additivity and pairs."""
    parts = [_correlations(study), _curvature(study), _additivity(study, ranked)]
    parts.append(_pairs(study))
    text = "\n".join(part for part in parts if part)
    return f"## Why: what predicts a layer's loss\n\n{text}" if text else ""


def _correlations(study: Study) -> str:
    """Compare metrics with measured losses of single layers."""
    columns, cells = [], {arm: [] for arm in ARMS if arm != "alg3_stored"}
    for name in study.networks:
        record = study.single(name)
        if record is None:
            continue
        for split in SPLITS:
            setting = study.setting(name, "absolute", split)
            given: dict[str, Any] = dict(study.metrics(name))
            given["single"] = losses_of(record, setting)
            truth = given["single"]["shrunk"][:, 0]
            columns.append(f"{name.removeprefix('resnet')} {split[:6]}")
            for arm, row in cells.items():
                values = ARMS[arm].losses(given, setting)[:, 0]
                row.append(f"{rank_correlation(values, truth):.2f}")
    if not columns:
        return ""
    rows = [[title_of(arm), *row] for arm, row in cells.items() if arm != "exact"]
    return (
        "Rank correlation of each metric with the single-layer losses that the exact "
        "arm minimises (calibration images, first `absolute` level), by network and "
        "by what gets noise:\n\n" + table(["metric", *columns], rows)
    )


def curvature_ratios(study: Study, name: str) -> tuple[Floats, Floats] | None:
    """Return predicted and measured losses of single layers, (layers, 2) each.

    Predicted: half the noise's variance times the Hessian's trace, at the smallest
    level that was measured; columns are noise on inputs and on parameters.
    """
    record, metrics = study.single(name), study.metrics(name)
    if record is None or "curvature" not in metrics:
        return None
    level = TOP - 1
    traces = [np.array(metrics["curvature"][key]) for key in ("inputs", "parameters")]
    points = np.array(record["points"])
    sizes = np.stack([points[:, kind, level, kind] for kind in (0, 1)], 1)
    predicted = np.stack(traces, 1) * sizes**2 / 6
    return predicted, np.array(record["loss"])[:, :, level]


def _curvature(study: Study) -> str:
    rows = []
    for name in study.networks:
        found = curvature_ratios(study, name)
        if found is None:
            continue
        predicted, measured = found
        row = [name.replace("resnet", "ResNet-")]
        for kind in (0, 1):
            p, m = predicted[:, kind], measured[:, kind]
            row.append(f"{p.sum() / m.sum():.2f}")
            row.append(f"{int((p < 0).sum())} of {len(p)}")
            row.append(f"{rank_correlation(p, m):.2f}")
        rows.append(row)
    if not rows:
        return ""
    head = ["network"]
    for kind in ("inputs", "parameters"):
        head += [f"{kind}: predicted / measured", "negative", "rank correlation"]
    return (
        "Both Hessian traces, each times half the variance of its noise, were the "
        "obvious candidate for the best cheap metric. Automatic differentiation does "
        "not see the kinks of ReLU: noise of size e flips a share of units that is "
        "proportional to e, each of which changes by about e, so kinks add a term of "
        "the same second order, which the traces lack. Sums over layers at level "
        "0.05:\n\n" + table(head, rows)
    )


def _additivity(study: Study, ranked: list[Case]) -> str:
    """Compare what the exact arm predicts with what its layout does."""
    rows = []
    for case in ranked:
        key = ("layout", case.network, case.levels, case.split, "exact")
        predicted = study.store[key]["loss"]
        found = case.mean("exact")
        rows.append(
            [
                case.network.replace("resnet", "ResNet-"),
                case.levels,
                case.split,
                f"{1e3 * predicted:.1f}",
                f"{1e3 * found.value:.1f} ± {1e3 * found.half:.1f}",
            ]
        )
    if not rows:
        return ""
    head = ["network", "levels", "noise on", "sum of single layers", "held out, mnat"]
    return (
        "Do single layers add up? The exact arm's objective beside what its layout "
        "costs on held-out images:\n\n" + table(head, rows, words=3)
    )


def _pairs(study: Study) -> str:
    text = []
    for name in study.networks:
        found = [
            r for r in study.store.select("layout", name) if r["key"][4] == "pairs"
        ]
        for record in found:
            levels, split = record["key"][2:4]
            (case,) = [c for c in study.select(levels, split) if c.network == name] or [
                None
            ]
            terms, error = np.array(record["pairs"]), np.array(record["error"])
            top = terms[:, 0, 0]
            clear = (np.abs(terms) > 1.96 * error).mean()
            alone = np.array(record["single"])[:, 0]
            sentence = (
                f"{name.replace('resnet', 'ResNet-')}, `{levels}`, {split}: a pair at "
                f"the first level adds {1e3 * top.mean():.1f} mnat on average "
                f"({1e3 * np.abs(top).mean():.1f} without sign), where one layer alone "
                f"costs {1e3 * alone.mean():.1f}; {100 * clear:.0f} % of all terms are "
                "further from 0 than 1.96 standard errors (5 % would be by chance)."
            )
            if case is not None and "pairs" in case.excess:
                gap = case.difference("pairs", "exact")
                sentence += (
                    f" The layout with pair terms costs {1e3 * gap.value:+.1f} ± "
                    f"{1e3 * gap.half:.1f} mnat against the one without."
                )
            text.append(sentence)
    if not text:
        return ""
    return (
        "Pairs of layers: independent noises of mean 0 have no second-order cross term "
        "in expectation, so pair terms are of fourth order and matter only where noise "
        "is large. " + "\n\n".join(text) + "\n"
    )
