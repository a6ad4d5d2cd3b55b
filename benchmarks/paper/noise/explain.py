"""Why arms do as they do: how well metrics predict measured single-layer losses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.markdown import table
from benchmarks.paper.noise.analysis import Case, Study, title_of
from benchmarks.paper.noise.arms import ARMS
from benchmarks.paper.noise.levels import SPLITS
from benchmarks.paper.noise.measured import TOP, losses_of
from benchmarks.paper.noise.pairs import in_own_units
from benchmarks.sensitivity.quality import rank_correlation

__all__ = ["Prediction", "explanations", "predictions"]

Floats = npt.NDArray[np.float64]


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
            columns.append(f"{name.removeprefix('resnet')}, {split}")
            for arm, row in cells.items():
                if ARMS[arm].needs not in given:
                    row.append("–")
                    continue
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


class Prediction(NamedTuple):
    """What noise on single layers costs at the smallest measured level, in nats.

    Columns are noise on inputs and on parameters.
    """

    gauss_newton: Floats
    traces: Floats
    trace_errors: Floats
    divergence: Floats
    loss: Floats


def predictions(study: Study, name: str) -> Prediction | None:
    """Return half the noise's variance times curvature, and what was measured."""
    record, metrics = study.single(name), study.metrics(name)
    if record is None or "gauss_newton" not in metrics:
        return None
    level = TOP - 1
    points = np.array(record["points"])
    size = np.stack([points[:, kind, level, kind] for kind in (0, 1)], 1)

    def of(family: str, ending: str = "") -> Floats:
        if family not in metrics:
            return np.full_like(size, np.nan)
        keys = (f"inputs{ending}", f"parameters{ending}")
        traces = np.stack([metrics[family][key] for key in keys], 1)
        return np.asarray(traces * size**2 / 6)

    return Prediction(
        of("gauss_newton"),
        of("curvature"),
        of("curvature", "_error"),
        np.array(record["divergence"])[:, :, level],
        np.array(record["loss"])[:, :, level],
    )


def _curvature(study: Study) -> str:
    rows = []
    for name in study.networks:
        found = predictions(study, name)
        if found is None:
            continue
        for kind, title in enumerate(("inputs", "parameters")):
            g, d = found.gauss_newton[:, kind], found.divergence[:, kind]
            t, e = found.traces[:, kind], found.trace_errors[:, kind]
            row = [name.replace("resnet", "ResNet-"), title]
            row += [f"{g.sum() / d.sum():.2f}", f"{rank_correlation(g, d):.2f}"]
            has_traces = bool(np.isfinite(t).all())
            row += (
                [
                    f"{t.sum() / d.sum():.2f}",
                    f"{rank_correlation(t, d):.2f}",
                    f"{int((2 * e > np.abs(t)).sum())} of {len(t)}",
                ]
                if has_traces
                else ["–"] * 3
            )
            loss = found.loss[:, kind]
            row.append(f"{loss.sum() / d.sum():.2f}")
            rows.append(row)
    if not rows:
        return ""
    head = [
        "network",
        "noise on",
        "Gauss-Newton / divergence",
        "rank corr.",
        "Hutchinson / divergence",
        "rank corr.",
        "unsure traces",
        "loss / divergence",
    ]
    return (
        "Input and parameter second-order terms together are the obvious candidate for "
        "the best cheap metric. A network of ReLUs is piecewise linear in the input "
        "and in the parameters of any one layer, so where it is smooth the Hessian is "
        "the Gauss-Newton matrix, and half the noise's variance times its trace is "
        "what noise on that layer adds to the divergence of the outputs, but for "
        "kinks. Sums over layers at level 0.05:\n\n"
        + table(head, rows, words=2)
        + "\nThe Gauss-Newton trace, which is the loss MSE with labels drawn from the "
        "network's own outputs, predicts the divergence as far as a few images tell "
        "(64 on the deeper networks): kinks do not break it. "
        "Hutchinson's traces have the same expectation, but one Hessian-vector product "
        "for all layers' inputs and parameters lets the large curvature of parameters "
        "leak into the small traces of inputs: *unsure* are those within two standard "
        "errors of 0. With the data's labels the loss MSE weighs the images that the "
        "network gets wrong: it is the empirical Fisher, and larger where the network "
        "is overconfident.\n"
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
        for record in study.store.select("pairs", name):
            levels, split = record["key"][2:4]
            (case,) = [c for c in study.select(levels, split) if c.network == name] or [
                None
            ]
            setting = study.setting(name, levels, split)
            single = study.single(name, levels)
            assert single is not None
            own = losses_of(single, setting)["divergence"]
            _, terms, error = in_own_units(own, record)
            first = np.array(record["pairs"])[:, 0, 0]
            alone = np.array(record["single"])[:, 0]
            sentence = (
                f"{name.replace('resnet', 'ResNet-')}, `{levels}`, {split}: a pair at "
                f"the first level adds {1e3 * first.mean():.1f} mnat on average, where "
                f"one layer alone costs {1e3 * alone.mean():.1f}. In units of the "
                "geometric mean of both layers' divergences, pairs at that level add "
                f"{terms[:, 0].mean():.2f} with a spread of {terms[:, 0].std():.2f}, "
                f"and the measurement's own error is "
                f"{np.sqrt((error[:, 0] ** 2).mean()):.2f}."
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
        "is large. In a single draw they do not vanish, and few draws can be paid "
        "for, so that terms are pulled towards their mean.\n\n"
        + "\n\n".join(text)
        + "\n"
    )
