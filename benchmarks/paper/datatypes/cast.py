"""Networks that are really cast: what they lose, and which conversions lose it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.paper.datatypes.errors import wide
from benchmarks.paper.divergence import sample_divergence
from benchmarks.paper.networks import Batches
from mpsolve.torch import apply_, observe_conversions, parse

__all__ = ["Cast", "Reference"]


@dataclass(frozen=True)
class Cast:
    """What a layout does on held-out samples.

    Attributes
    ----------
    divergence : ndarray, shape (samples,)
        Of the float64 network's outputs from the cast network's, in nats.
    loss_change : ndarray, shape (samples,)
        Cross-entropy less that of the float64 network, in nats.
    flips : int
        Predictions that differ from the float64 network's.
    lossy : list of str
        Layers that changed a number when they converted what they read.
    """

    divergence: npt.NDArray[np.float64]
    loss_change: npt.NDArray[np.float64]
    flips: int
    lossy: list[str]


class Reference:
    """The float64 network on held-out samples, and layouts beside it.

    Parameters
    ----------
    model : torch.nn.Module
    batches : list of (inputs, targets)
    """

    def __init__(self, model: nn.Module, batches: Batches) -> None:
        self.model = model
        self.batches = batches
        double = copy.deepcopy(model).double()
        with torch.no_grad():
            self.logits = [double(wide(x)) for x, _ in batches]
        self._losses = [
            _losses(z, y) for z, (_, y) in zip(self.logits, batches, strict=True)
        ]
        #: Predictions of every sample.
        self.weights = np.concatenate(
            [(y != -100).reshape(len(y), -1).sum(1).numpy() for _, y in batches]
        )

    def cast(self, layout: Mapping[str, str], base: str) -> Cast:
        """Run a layout in a network of some type of its own."""
        dtype = parse(base).weight.dtype
        model = copy.deepcopy(self.model).to(dtype)
        lossy: dict[str, None] = {}
        parts: list[tuple[Tensor, Tensor]] = []
        flips = 0
        with torch.no_grad(), apply_(model, layout):
            for (x, y), z, losses in zip(
                self.batches, self.logits, self._losses, strict=True
            ):
                with observe_conversions() as found:
                    logits = model(wide(x, dtype)).double()
                lossy |= dict.fromkeys(c.layer for c in found if c.num_changed)
                parts.append((sample_divergence(z, logits, y), _losses(logits, y)))
                parts[-1] = (parts[-1][0], parts[-1][1] - losses)
                differ = logits.argmax(-1) != z.argmax(-1)
                flips += int((differ & (y != -100)).sum())
        divergence, change = (torch.cat(p).numpy() for p in zip(*parts, strict=True))
        return Cast(divergence, change, flips, list(lossy))


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Return each sample's mean cross-entropy over its predictions."""
    each = functional.cross_entropy(
        logits.flatten(0, -2), targets.flatten(), reduction="none", ignore_index=-100
    ).reshape(len(targets), -1)
    return each.sum(1) / (targets != -100).reshape(len(targets), -1).sum(1)


def rounded_list(values: Sequence[float] | npt.NDArray[np.float64]) -> list[float]:
    """Return numbers with four digits, for records that stay small."""
    return [float(f"{v:.3e}") for v in values]
