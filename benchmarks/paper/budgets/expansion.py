"""What single changes of a layout do to the outputs, and what pairs of them do.

Around a layout with outputs z and probabilities q, a change of decision i to precision
k moves the outputs by D_ik, one forward pass each. The divergence from the network as
it is, KL(p || softmax(z + sum of D)), is to second order::

    KL(p || q) + sum_i <q - p, D_i> + 1/2 (sum_i D_i)' F (sum_j D_j)

with F = diag(q) - q q'. So the products D_i' F D_j of all pairs come with the passes
that measure every change alone. The sum of the first order and of i = j is not taken
from this: KL of the changed outputs is exact for a single change, and at hand.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import mpsolve
from benchmarks.paper.rounded import (
    Choices,
    RoundedNetwork,
    divergences,
    flat_targets,
    log_probabilities,
    sample_sums,
)
from mpsolve.torch.output_pairs import output_feature

__all__ = ["Expansion", "expand", "expansion_problem"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Expansion:
    """Measured changes around a layout.

    Attributes
    ----------
    base : Choices or None
        The layout; None is full precision.
    base_divergence : float
        Of the layout itself, in nats.
    divergence : ndarray, shape (decisions, precisions, samples)
        What each change alone adds to a sample's divergence; 0 for no change.
    loss : ndarray, shape (decisions, precisions, samples)
        The same for the loss.
    pairs : ndarray, shape (decisions, precisions, decisions, precisions)
        D_i' F D_j, mean over samples.
    passes : float
        Forward passes over the samples, parts of passes counted as such.
    seconds : float
        Of the processor.
    features : ndarray, shape (decisions * precisions, samples, size), optional
        Where they were asked for: a sample's part of `pairs` is their Gram matrix.
    """

    base: Choices | None
    base_divergence: float
    divergence: Floats
    loss: Floats
    pairs: Floats
    passes: float
    seconds: float
    features: npt.NDArray[np.float32] | None = None


def expand(
    network: RoundedNetwork, base: Choices | None = None, *, keep: bool = False
) -> Expansion:
    """Measure every single change around a layout.

    Parameters
    ----------
    network : RoundedNetwork
        On its calibration samples.
    base : Choices, optional
        Full precision where none is given.
    keep : bool
        Whether to return features, where every sample has one prediction.
    """
    started = time.process_time()
    batches, reference = network.network.calibration, network.reference
    num, width = network.shape
    samples = sum(len(targets) for _, targets in batches)
    divergence = np.zeros((num, width, samples))
    loss = np.zeros((num, width, samples))
    pairs = np.zeros((num * width, num * width))
    own: list[int | None] = [None] * num if base is None else list(base)
    at, base_divergence, passes = 0, 0.0, 0.0
    kept = []
    for (inputs, targets), p in zip(batches, reference, strict=True):
        flat, count = flat_targets(targets), len(targets)
        here = slice(at, at + count)
        at += count
        with network.running(base):
            values = network.begin(inputs)
            q = log_probabilities(values[-1], flat)
            alone = sample_sums(divergences(p, q), flat, count)
            base_loss = _losses(q, flat.targets)
            base_divergence += float(alone.sum())
            passes += count
            features = torch.zeros(num * width, q.numel())
            for i in range(num):
                first = network.first_part[i]
                for k in range(width):
                    if k == own[i]:
                        continue
                    network.change(i, k)
                    changed = log_probabilities(network.resume(values, first), flat)
                    network.change(i, own[i])
                    passes += count * (1 - first / len(network.parts))
                    moved = sample_sums(divergences(p, changed), flat, count)
                    divergence[i, k, here] = moved - alone
                    more = _losses(changed, flat.targets) - base_loss
                    loss[i, k, here] = sample_sums(more, flat, count)
                    features[i * width + k] = output_feature(q, changed, flat.weights)
            pairs += (features @ features.T).double().numpy()
            if keep:
                kept.append(features.reshape(num * width, count, -1).numpy())
    return Expansion(
        base,
        base_divergence / samples,
        divergence,
        loss,
        (pairs / samples).reshape(num, width, num, width),
        passes / samples,
        time.process_time() - started,
        np.concatenate(kept, axis=1) if kept else None,
    )


def _losses(log_q: Tensor, targets: Tensor) -> Tensor:
    return -log_q.gather(1, targets[:, None])[:, 0]


def expansion_problem(
    network: RoundedNetwork,
    values: Floats,
    pairs: Floats | None = None,
    *,
    base: Choices | None = None,
    usage: dict[str, Floats] | None = None,
    ties: Sequence[tuple[str, ...]] = (),
) -> mpsolve.Problem:
    """Return the problem of losses `values` and, where given, of all pairs.

    Parameters
    ----------
    values : ndarray, shape (decisions, precisions)
    pairs : ndarray, shape (decisions, precisions, decisions, precisions), optional
    base : Choices, optional
        With it the problem counts ``changes`` from it, to bound them.
    usage : dict of str to ndarray, optional
        Further resources.
    ties : sequence of tuples of str
        Decisions that get the same precision.
    """
    num, width = network.shape
    resources: dict[str, npt.NDArray[np.generic]] = {"memory": network.bytes}
    resources |= usage or {}
    if base is not None:
        changes = np.ones((num, width), dtype=np.int64)
        changes[np.arange(num), list(base)] = 0
        resources["changes"] = changes
    couplings = []
    if pairs is not None:
        couplings = [
            mpsolve.Coupling(network.names[i], network.names[j], pairs[i, :, j, :])
            for i in range(num)
            for j in range(i + 1, num)
            if pairs[i, :, j, :].any()
        ]
    return mpsolve.Problem.from_arrays(
        values,
        resources,
        layers=network.names,
        precisions=network.precisions,
        couplings=couplings,
        ties=ties,
    )
