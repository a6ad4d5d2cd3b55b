"""NNCF's mixed precision, with its own rule and with mpsolve in its place."""

from __future__ import annotations

import time
from typing import Any, Self

import nncf
from nncf.quantization.algorithms.weight_compression import mixed_precision

from benchmarks.hosts.network import batches, held_out_loss, trained
from benchmarks.hosts.row import Row
from mpsolve.integrations import nncf as door

RATIOS = (0.4, 0.6, 0.8)
METRICS = ("WEIGHT_QUANTIZATION_ERROR", "HESSIAN_INPUT_ACTIVATION")


class Spy:
    """Records the scores that a criterion gave and what was chosen."""

    def __init__(self) -> None:
        self.scores: list[float] = []
        self.counts: list[int] = []
        self.chosen: list[int] = []
        self.seconds = 0.0

    def __enter__(self) -> Self:
        criterion = mixed_precision.MixedPrecisionCriterion
        self.before = criterion.apply
        inner = self.before

        def apply(one: Any, model: Any, graph: Any, *rest: Any, **named: Any) -> Any:
            parameters = named.get("weight_params") or rest[-1]
            sensitivity = one._calc_sensitivity  # noqa: SLF001 (it has no other name)

            def spied(*arguments: Any) -> list[float]:
                scores = sensitivity(*arguments)
                self.scores = [float(score) for score in scores]
                self.started = time.perf_counter()
                return scores

            one._calc_sensitivity = spied  # noqa: SLF001
            chosen = inner(one, model, graph, *rest, **named)
            self.seconds = time.perf_counter() - self.started
            names = [parameter.weight_name for parameter in parameters]
            self.counts = [int(parameter.num_weights) for parameter in parameters]
            self.chosen = sorted(names.index(c.weight_name) for c in chosen)
            return chosen

        criterion.apply = apply
        return self

    def __exit__(self, *error: object) -> None:
        mixed_precision.MixedPrecisionCriterion.apply = self.before


def compress(ratio: float, metric: str) -> tuple[Any, Spy]:
    with Spy() as spy:
        model = nncf.compress_weights(
            trained(),
            mode=nncf.CompressWeightsMode.INT4_SYM,
            ratio=ratio,
            group_size=64,
            sensitivity_metric=nncf.SensitivityMetric[metric],
            dataset=nncf.Dataset(batches(4)),
        )
    return model, spy


def compare() -> list[Row]:
    rows = []
    for metric in METRICS:
        for ratio in RATIOS:
            alone, theirs = compress(ratio, metric)
            with door.plugged_in("host"):
                model, ours = compress(ratio, metric)
            assert ours.scores == theirs.scores
            reached = sum(theirs.counts[i] for i in theirs.chosen)
            rows.append(
                Row(
                    f"NNCF 3.4, {metric.lower()}",
                    f"ratio {ratio}",
                    sum(theirs.scores[i] for i in theirs.chosen),
                    sum(ours.scores[i] for i in ours.chosen),
                    reached,
                    sum(ours.counts[i] for i in ours.chosen),
                    reached,
                    theirs.seconds,
                    ours.seconds,
                    held_out_loss(alone),
                    held_out_loss(model),
                    at_least=True,
                )
            )
    return rows
