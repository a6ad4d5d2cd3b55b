"""Layouts measured once each, on both sets of samples."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt

from benchmarks.paper.rounded import Choices, RoundedNetwork
from benchmarks.paper.statistics import Mean, bootstrap
from benchmarks.paper.store import Store

__all__ = ["add_divergence", "add_quality", "code_of", "paired", "samples_of"]

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
    # For paired differences half the digits are enough; the mean has all of them.
    packed = base64.b64encode(found.losses.astype(np.float16).tobytes()).decode()
    store.add(key, loss=found.loss, accuracy=found.accuracy, samples=packed)


def add_divergence(network: RoundedNetwork, store: Store, choices: Choices) -> None:
    """Measure the divergence from full precision on the calibration samples."""
    key = ("divergence", network.network.name, code_of(choices))
    if key in store:
        return
    found = network.divergence(choices)
    store.add(key, value=float(found.mean()))


def samples_of(store: Store, network: str, code: str) -> Floats:
    """Return the held-out loss of every sample."""
    packed = base64.b64decode(store["quality", network, code]["samples"])
    return np.frombuffer(packed, np.float16).astype(np.float64)


def paired(store: Store, network: str, first: str, second: str) -> Mean:
    """Return first - second with the interval of the same samples' differences."""
    if first == second:
        return Mean(0.0, 0.0)
    weights = np.array(store["weights", network]["weights"], np.float64)
    difference = samples_of(store, network, first) - samples_of(store, network, second)
    found = bootstrap(difference, weights, draws=1000)
    records = [store["quality", network, code]["loss"] for code in (first, second)]
    return Mean(records[0] - records[1], found.half)
