"""Levels, noise splits and inventories: what the protocol prescribes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.paper.noise.perturb import NoisyNetwork

__all__ = ["LEVELS", "SPLITS", "Setting", "counts", "root_mean_squares", "settings"]

Floats = npt.NDArray[np.float64]

#: Noise between -level and level; `relative`: times each tensor's root mean square.
#: `small` is for networks that are stored at its first level: they stand no more.
LEVELS = {
    "published": (1e-3, 1e-5, 1e-7, 1e-10),
    "absolute": (1e-1, 5e-2, 2e-2, 1e-2),
    "relative": (0.5, 0.25, 0.1, 0.05),
    "small": (2e-2, 1e-2, 5e-3, 2e-3),
}

#: What gets noise. Besides, ``stored``: both, after noise of the first level on all
#: parameters, which stays; those of layers at the first level get no more
#: (Algorithm 3).
SPLITS = ("inputs", "parameters", "both")


@dataclass(frozen=True)
class Setting:
    """One experiment: a network, a set of levels, and what gets noise.

    Attributes
    ----------
    levels, split : str
        Of `LEVELS`; of `SPLITS`, or ``stored``.
    on_inputs, on_parameters : ndarray, shape (layers, 4)
        Size of a layer's noise at every level, whatever the split.
    inventory : tuple of int
        How many layers get each level.
    """

    levels: str
    split: str
    on_inputs: Floats
    on_parameters: Floats
    inventory: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the levels."""
        return tuple(f"{level:g}" for level in LEVELS[self.levels])

    @property
    def sizes(self) -> tuple[Floats, Floats]:
        """Noise on inputs and parameters, 0 where the split has none."""
        inputs = self.on_inputs * (self.split != "parameters")
        parameters = self.on_parameters * (self.split != "inputs")
        if self.split == "stored":
            parameters = parameters * [0, 1, 1, 1]
        return inputs, parameters

    @property
    def storage(self) -> float:
        """Level of the noise that all parameters have already."""
        return LEVELS[self.levels][0] if self.split == "stored" else 0.0


def counts(layers: int) -> tuple[int, ...]:
    """Divide layers into four classes, as equal as possible, larger ones first.

    Examples
    --------
    >>> counts(10)
    (3, 3, 2, 2)
    """
    return tuple((layers + 3 - k) // 4 for k in range(4))


def root_mean_squares(
    network: NoisyNetwork, batches: list[tuple[Tensor, Tensor]]
) -> tuple[Floats, Floats]:
    """Return those of all layers' inputs, over the batches, and parameters."""
    sums = np.zeros((2, len(network.layers)))

    def add(i: int, x: Tensor) -> None:
        sums[:, i] += float(x.double().square().sum()), x.numel()

    hooks = [
        layer.module.register_forward_pre_hook(lambda _, x, i=i: add(i, x[0]))
        for i, layer in enumerate(network.layers)
    ]
    with torch.no_grad():
        for images, _ in batches:
            network.model(images)
    for hook in hooks:
        hook.remove()
    own = [
        torch.cat([p.detach().flatten() for p in layer.parameters.values()])
        for layer in network.layers
    ]
    parameters = [float(p.double().square().mean().sqrt()) for p in own]
    return np.sqrt(sums[0] / sums[1]), np.array(parameters)


def settings(
    chosen: list[tuple[str, str]], inputs: Floats, parameters: Floats
) -> list[Setting]:
    """Return settings by their levels and splits.

    Parameters
    ----------
    chosen : list of (levels, split)
    inputs, parameters : ndarray, shape (layers,)
        Root mean squares, as the relative levels need.
    """
    made = []
    for name, split in chosen:
        own = np.array(LEVELS[name])
        by_layer = (
            [np.outer(inputs, own), np.outer(parameters, own)]
            if name == "relative"
            else [np.tile(own, (len(inputs), 1))] * 2
        )
        made.append(Setting(name, split, *by_layer, counts(len(inputs))))
    return made
