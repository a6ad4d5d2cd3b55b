"""Do pairs of layers matter? Their joint noise, less what each does alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import mpsolve
from benchmarks.paper.noise.arms import Found, shrink, solve
from benchmarks.paper.noise.levels import Setting
from benchmarks.paper.noise.perturb import NoisyNetwork, losses
from benchmarks.paper.noise.single import stages

__all__ = ["in_own_units", "measure_pairs", "with_pairs"]

Floats = npt.NDArray[np.float64]
Batches = list[tuple[Tensor, Tensor]]

#: Noise seeds of these measurements.
SEED = 800_000

#: Levels whose pairs are measured; what smaller noise adds is taken for 0.
TOP = 2


@torch.no_grad()
def measure_pairs(
    network: NoisyNetwork,
    setting: Setting,
    batches: Batches,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measure what two layers' noise adds to the sum of both alone.

    Noise is independent and has mean 0, so second-order cross terms vanish in
    expectation: what is left is of fourth order.

    Returns
    -------
    dict
        ``single``, shape (layers, 2): losses alone, with the same noise; ``pairs``:
        2 × 2 terms for each pair, and ``error``, their standard errors over batches;
        ``samples``, ``seconds``, ``forward``.
    """
    began = time.process_time()
    parts = stages(network.model)
    place = [
        next(j for j, (start, _) in enumerate(parts) if name.startswith(start))
        for name in network.names
    ]
    count = len(place)
    choices = [[(i, k)] for i in range(count) for k in range(TOP)]
    choices += [
        [(i, k), (j, h)]
        for i, j in combinations(range(count), 2)
        for k in range(TOP)
        for h in range(TOP)
    ]
    rows, passes = [], 0.0
    for b, (images, labels) in enumerate(batches):
        network.draw(SEED + b)
        held = [images]
        for _, part in parts:
            held.append(part(held[-1]))
        base = float(losses(held[-1], labels).mean())
        row = []
        for choice in choices:
            first = min(place[i] for i, _ in choice)
            found = 0.0
            for sign in (1, -1):
                sizes = [np.zeros(count), np.zeros(count)]
                for i, k in choice:
                    for kind in (0, 1):
                        sizes[kind][i] = sign * setting.sizes[kind][i, k]
                x = held[first]
                with network.noisy(*sizes):
                    for _, part in parts[first:]:
                        x = part(x)
                found += float(losses(x, labels).mean()) / 2
                passes += 1 - first / len(parts)
            row.append(found - base)
        rows.append(row)
        tick()
    values = np.array(rows)
    single = values[:, : count * TOP].reshape(-1, count, TOP)
    joint = values[:, count * TOP :].reshape(len(rows), -1, TOP, TOP)
    terms = np.stack(
        [
            joint[:, p] - single[:, i, :, None] - single[:, j, None, :]
            for p, (i, j) in enumerate(combinations(range(count), 2))
        ],
        1,
    )
    error = terms.std(0, ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else terms[0] * 0
    return {
        "single": single.mean(0).round(8).tolist(),
        "pairs": terms.mean(0).round(8).tolist(),
        "error": error.round(8).tolist(),
        "samples": sum(len(labels) for _, labels in batches),
        "seconds": round(time.process_time() - began, 2),
        "forward": round(passes / len(rows), 1),
        "backward": 0,
    }


def with_pairs(
    losses: Floats, alone: Floats, record: dict[str, Any], setting: Setting
) -> Found:
    """Solve with single-layer losses and the terms of all pairs.

    A few draws tell little of a pair, and among so many the solver would find what is
    low by chance. In units of the geometric mean of both layers' divergences, pairs are
    taken to be alike, but for a deviation that they are pulled from as far as they err;
    errors of so few batches are taken together.

    Parameters
    ----------
    losses, alone : ndarray, shape (layers, 4)
        Losses and divergences of noise on single layers.
    record : dict
        What `measure_pairs` returns.
    setting : Setting
    """
    places = list(combinations(range(len(losses)), 2))
    unit, terms, error = in_own_units(alone, record)
    common = np.sqrt((error**2).mean(0)) + np.zeros_like(error)
    found = shrink(terms, common, np.ones_like(terms)) * unit
    couplings = []
    for (i, j), each in zip(places, found, strict=True):
        table = np.zeros((len(setting.names), len(setting.names)))
        table[:TOP, :TOP] = each.reshape(TOP, TOP)
        couplings.append(mpsolve.Coupling(str(i), str(j), table))
    return solve(losses, setting, couplings)


def in_own_units(
    alone: Floats, record: dict[str, Any]
) -> tuple[Floats, Floats, Floats]:
    """Return units, terms and errors, each of shape (pairs, 4).

    Parameters
    ----------
    alone : ndarray, shape (layers, 4)
        Divergences of single layers; a pair's unit is their geometric mean.
    record : dict
        What `measure_pairs` returns.
    """
    size = np.sqrt(np.maximum(alone[:, :TOP], 1e-12))
    unit = np.array([np.outer(a, b).ravel() for a, b in combinations(size, 2)])
    terms, error = (
        np.reshape(record[key], unit.shape) / unit for key in ("pairs", "error")
    )
    return unit, terms, error
