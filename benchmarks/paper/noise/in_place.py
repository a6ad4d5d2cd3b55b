"""Losses measured where they count: around a layout, with all other layers noisy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import mpsolve
from benchmarks.paper.noise.levels import Setting
from benchmarks.paper.noise.perturb import NoisyNetwork, losses
from benchmarks.paper.noise.single import stages
from benchmarks.paper.noise.trials import sizes_of, trial

__all__ = ["SEED", "UNSEEN", "changes_of", "compare", "divergences", "refine"]

Floats = npt.NDArray[np.float64]
Batches = list[tuple[Tensor, Tensor]]

#: Noise seeds that no trial has.
SEED = 700_000

#: And that no layout was chosen by.
UNSEEN = 750_000

#: Layers that a step may change: what was measured holds near the layout.
MOST_CHANGES = 4


def refine(
    network: NoisyNetwork,
    setting: Setting,
    start: str,
    batches: Batches,
    *,
    steps: int = 3,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Improve a layout by exact steps over losses that are measured around it.

    A step measures what every other level of every layer changes while all other layers
    have the layout's noise, and solves for the best inventory within a few changes.
    Steps end where the loss on the calibration images stops falling.

    Returns
    -------
    dict
        ``layout``; ``losses`` of the layouts that were tried, on calibration images;
        ``seconds`` of processor time, ``forward`` passes for each of the images.
    """
    began = time.process_time()
    layouts, passes = [start], 0.0
    best, tried = start, {start: compare(network, setting, [start], batches)[0]}
    for _ in range(steps):
        change, count = changes_of(network, setting, best, batches, tick)
        passes += count
        found = _solve(change, best, setting)
        if found in tried:
            break
        tried[found] = compare(network, setting, [found], batches)[0]
        layouts.append(found)
        if tried[found] >= tried[best]:
            break
        best = found
    return {
        "layout": best,
        "losses": [round(tried[one], 6) for one in layouts],
        "seconds": round(time.process_time() - began, 2),
        "forward": round(passes + 2 * len(layouts), 1),
        "backward": 0,
    }


def compare(
    network: NoisyNetwork, setting: Setting, layouts: list[str], batches: Batches
) -> list[float]:
    """Return layouts' mean losses on calibration images, with the same noise."""
    sums, total = np.zeros(len(layouts)), 0
    for b, batch in enumerate(batches):
        rows = trial(network, setting, layouts, batch, SEED + b)
        sums += len(batch[1]) * np.array([row[0] for row in rows])
        total += len(batch[1])
    return list(sums / total)


@torch.no_grad()
def divergences(
    network: NoisyNetwork,
    setting: Setting,
    layouts: list[str],
    batches: Batches,
    first_seed: int = SEED,
) -> list[float]:
    """Return how far layouts' outputs are from those without noise, on the same noise.

    Mean KL divergence in nats. It needs no labels, so a layout that was fitted to the
    labels of the very images does not look better than it is.
    """
    sums, total = np.zeros(len(layouts)), 0
    for b, (images, _) in enumerate(batches):
        network.draw(first_seed + b)
        own = torch.log_softmax(network.model(images).double(), 1)
        total += 2 * len(images)
        for n, layout in enumerate(layouts):
            inputs, parameters = sizes_of(layout, setting)
            for sign in (1, -1):
                with network.noisy(sign * inputs, sign * parameters) as model:
                    other = torch.log_softmax(model(images).double(), 1)
                sums[n] += float((own.exp() * (own - other)).sum())
    return list(sums / total)


@torch.no_grad()
def changes_of(
    network: NoisyNetwork,
    setting: Setting,
    layout: str,
    batches: Batches,
    tick: Callable[[], None] = lambda: None,
) -> tuple[Floats, float]:
    """Return how the loss changes when one layer of a layout changes its level.

    Returns
    -------
    changes : ndarray, shape (layers, 4)
        Nats; 0 at the layout's own levels.
    passes : float
        Forward passes for each image.
    """
    parts = stages(network.model)
    place = [
        next(j for j, (start, _) in enumerate(parts) if name.startswith(start))
        for name in network.names
    ]
    own = sizes_of(layout, setting)
    change = np.zeros((len(layout), 4))
    total, passes = sum(len(labels) for _, labels in batches), 0.0
    for b, (images, labels) in enumerate(batches):
        network.draw(SEED + b)
        for sign in (1, -1):
            held = [images]
            with network.noisy(sign * own[0], sign * own[1]):
                for _, part in parts:
                    held.append(part(held[-1]))
            base = float(losses(held[-1], labels).mean())
            for i in range(len(layout)):
                for k in {0, 1, 2, 3} - {int(layout[i])}:
                    sizes = [sign * each for each in own]
                    for kind in (0, 1):
                        sizes[kind][i] = sign * setting.sizes[kind][i, k]
                    x = held[place[i]]
                    with network.noisy(*sizes):
                        for _, part in parts[place[i] :]:
                            x = part(x)
                    found = float(losses(x, labels).mean()) - base
                    change[i, k] += found * len(labels) / total / 2
                    passes += (1 - place[i] / len(parts)) * len(labels) / total
        tick()
    return change, passes


def _solve(change: Floats, layout: str, setting: Setting) -> str:
    """Return the best layout of the inventory within a few changes of a layout."""
    is_new = np.ones(change.shape, int)
    is_new[np.arange(len(layout)), [int(k) for k in layout]] = 0
    problem = mpsolve.Problem.from_arrays(
        change,
        usage={"changes": is_new},
        budgets={"changes": MOST_CHANGES},
        precisions=setting.names,
        inventory=dict(zip(setting.names, setting.inventory, strict=True)),
    )
    number = {name: str(k) for k, name in enumerate(setting.names)}
    result = mpsolve.solve(problem)
    return "".join(number[name] for name in result.layout.values())
