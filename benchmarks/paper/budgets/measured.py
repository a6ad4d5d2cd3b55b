"""Layouts measured once each, on both sets of samples."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.paper.rounded import Choices, RoundedNetwork
from benchmarks.paper.statistics import Mean, weighted_mean
from benchmarks.paper.store import Store

__all__ = [
    "add_divergence",
    "add_held_out",
    "add_quality",
    "code_of",
    "difference",
    "packed",
    "paired",
    "samples_of",
]

Floats = npt.NDArray[np.float64]


def code_of(choices: Choices | list[int] | None) -> str:
    """Return a digit for every decision; ``fp`` is the network as it is."""
    return "fp" if choices is None else "".join(map(str, choices))


def add_quality(network: RoundedNetwork, store: Store, choices: Choices | None) -> None:
    """Measure loss and accuracy on the held-out samples."""
    name = network.network.name
    key = ("quality", name, code_of(choices))
    if key in store:
        return
    found = network.quality(choices, network.network.held_out)
    if choices is None:
        store.add(("weights", name), weights=found.weights.astype(int).tolist())
    samples = packed(found.losses)
    store.add(key, loss=found.loss, accuracy=found.accuracy, samples=samples)


def add_divergence(network: RoundedNetwork, store: Store, choices: Choices) -> None:
    """Measure the divergence from full precision on the calibration samples."""
    key = ("divergence", network.network.name, code_of(choices))
    if key in store:
        return
    found = network.divergence(choices)
    store.add(key, value=float(found.mean()))


def add_held_out(twin: RoundedNetwork, store: Store, choices: Choices) -> None:
    """Measure the divergence on samples that no arm has seen.

    Parameters
    ----------
    twin : RoundedNetwork
        Whose calibration samples are held-out ones.
    """
    key = ("held out", twin.network.name, code_of(choices))
    if key not in store:
        found = twin.divergence(choices)
        store.add(key, value=float(found.mean()), samples=packed(found))


def packed(values: Floats) -> str:
    """Return half the digits of samples: enough for differences of pairs."""
    return base64.b64encode(values.astype(np.float16).tobytes()).decode()


def samples_of(record: Mapping[str, Any]) -> Floats:
    """Return what a record says of every sample."""
    text = base64.b64decode(str(record["samples"]))
    return np.frombuffer(text, np.float16).astype(np.float64)


def paired(
    store: Store, network: str, first: str, second: str, kind: str = "quality"
) -> Mean:
    """Return first - second with the interval of the same samples' differences.

    Parameters
    ----------
    kind : {"quality", "held out"}
        Whether losses or divergences are compared.
    """
    weights = store["weights", network]["weights"] if kind == "quality" else None
    field = "loss" if kind == "quality" else "value"
    records = [store[kind, network, code] for code in (first, second)]
    return difference(records[0], records[1], field, weights)


def difference(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    field: str,
    weights: npt.ArrayLike | None = None,
) -> Mean:
    """Return first - second with the interval of the same samples' differences."""
    if first is second:
        return Mean(0.0, 0.0)
    apart = samples_of(first) - samples_of(second)
    shares = np.ones(len(apart)) if weights is None else np.asarray(weights, float)
    found = weighted_mean(apart, shares)
    return Mean(first[field] - second[field], found.half)
