"""Layouts under noise on held-out images: the same noise and images for all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.paper.noise.levels import Setting
from benchmarks.paper.noise.perturb import NoisyNetwork, losses

__all__ = ["sizes_of", "trial"]


def sizes_of(layout: str, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Return the noise on every layer's input and parameters in a layout."""
    levels = np.array(list(layout), int)[:, None]
    inputs, parameters = (
        np.take_along_axis(sizes, levels, 1)[:, 0] for sizes in setting.sizes
    )
    return inputs, parameters


def trial(
    network: NoisyNetwork,
    setting: Setting,
    layouts: list[str],
    batch: tuple[Tensor, Tensor],
    seed: int,
    tick: Callable[[], None] = lambda: None,
) -> list[tuple[float, float]]:
    """Return each layout's mean loss and accuracy on a batch, for one noise seed.

    The noise is used with both signs, and the mean of both counts: what is odd in the
    noise has mean 0 for every layout, and is the larger part of the spread.
    """
    images, labels = batch
    network.draw(seed)
    found = []
    for layout in layouts:
        sizes = sizes_of(layout, setting)
        each = []
        for sign in (1, -1):
            with (
                torch.no_grad(),
                network.noisy(sign * sizes[0], sign * sizes[1]) as model,
            ):
                logits = model(images)
            right = (logits.argmax(1) == labels).double().mean()
            each.append((float(losses(logits, labels).mean()), float(right)))
        tick()
        found.append((sum(e[0] for e in each) / 2, sum(e[1] for e in each) / 2))
    return found
