"""What each metric says of every decision and precision, and what asking it costs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.paper.budgets.expansion import expand
from benchmarks.paper.rounded import RoundedNetwork
from benchmarks.paper.store import Store
from mpsolve.torch import calibrate
from mpsolve.torch.metrics import HessianTrace

__all__ = ["METRICS", "measure_tables", "read_expansion", "table"]

Floats = npt.NDArray[np.float64]

#: Read by `mpsolve.torch.calibrate`, each alone, so that each has a cost of its own.
METRICS = (
    "loss_mse",
    "loss_mse_elements",
    "empirical_fisher",
    "signed_first_order",
    "hessian_trace",
)


def measure_tables(network: RoundedNetwork, store: Store, draws: int) -> None:
    """Measure what the store does not hold yet; `draws` of Hutchinson's for a batch."""
    name, data = network.network.name, network.network.calibration
    for metric in METRICS:
        if ("table", name, metric) in store:
            continue
        asked = HessianTrace(0.05, draws) if metric == "hessian_trace" else metric
        started = time.process_time()
        found = calibrate(
            network.model, data, network.network.loss, network.precisions, [asked]
        )
        seconds = time.process_time() - started
        scores = found[metric]
        values = network.by_decision(scores.values)
        store.add(
            ("table", name, metric),
            values=values.tolist(),
            seconds=seconds,
            unit=scores.unit,
        )
    if ("table", name, "pairs") in store:
        return
    found = expand(network)
    about = {"seconds": found.seconds, "passes": found.passes, "unit": "nats"}
    for metric, values in (
        ("measured", found.loss.mean(-1)),
        ("output_kl", found.divergence.mean(-1)),
    ):
        store.add(("table", name, metric), values=values.tolist(), **about)
    digits = [[float(f"{x:.6g}") for x in row] for row in _square(found.pairs)]
    store.add(("table", name, "pairs"), values=digits, **about)


def _square(pairs: Floats) -> list[list[float]]:
    size = pairs.shape[0] * pairs.shape[1]
    rows: list[list[float]] = pairs.reshape(size, size).tolist()
    return rows


def table(store: Store, network: str, metric: str) -> Floats:
    """Return a metric's values, shape (decisions, precisions)."""
    return np.array(store["table", network, metric]["values"])


def read_expansion(
    store: Store, network: str, shape: Sequence[int]
) -> tuple[Floats, Floats]:
    """Return the values and pairs of the second order around full precision."""
    pairs = np.array(store["table", network, "pairs"]["values"])
    pairs = pairs.reshape(*shape, *shape)
    return np.einsum("ikik->ik", pairs) / 2, pairs
