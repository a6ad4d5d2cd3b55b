"""Noise on a network's layers: one draw for all layouts, scaled by their levels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from mpsolve.torch import find_layers

__all__ = ["NoisyNetwork", "losses", "run_layer"]

Floats = npt.NDArray[np.float64]

#: The generators' seeds are those of `mpsolve.torch.add_noise_`; storage has its own.
STRIDE = 1_000_003
STORAGE = 500_009


class NoisyNetwork:
    """A network whose layers' inputs and parameters get uniform noise.

    The noise is that of :func:`mpsolve.torch.add_noise_`: every element of a layer's
    weight and bias, once, and of its input, for every image. It is drawn once for a
    seed and a batch, and shared by all layouts.

    Parameters
    ----------
    model : torch.nn.Module
        Stays as it is, but for hooks and, within `noisy`, its parameters.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.layers = find_layers(model)
        self.names = [layer.name for layer in self.layers]
        self._own = [
            {name: p.detach().clone() for name, p in layer.parameters.items()}
            for layer in self.layers
        ]
        self._stored: list[dict[str, Tensor]] | None = None
        self._seed = 0
        self._weights: list[dict[str, Tensor]] = []
        self._inputs: dict[int, Tensor] = {}
        self._sizes: Floats = np.zeros(len(self.layers))
        for i, layer in enumerate(self.layers):
            layer.module.register_forward_pre_hook(self._hook(i))

    def store(self, level: float, seed: int) -> None:
        """Round the parameters for storage: noise that stays; 0 takes it back."""
        self._stored = None
        if level:
            noise = [
                self._units(i, STRIDE * seed + STORAGE) for i in range(len(self.layers))
            ]
            self._stored = [
                {name: own[name] + level * units[name] for name in own}
                for own, units in zip(self._own, noise, strict=True)
            ]
        self._put([0.0] * len(self.layers))

    def draw(self, seed: int) -> None:
        """Draw the noise of a seed; inputs get theirs when a batch first needs it."""
        self._seed = seed
        self._inputs.clear()
        self._weights = [
            self._units(i, seed * STRIDE + 2 * i) for i in range(len(self.layers))
        ]

    @contextmanager
    def noisy(self, inputs: Floats, parameters: Floats) -> Iterator[nn.Module]:
        """Give layers noise of these sizes for a while.

        All calls of the model between two draws must get the same images.
        """
        self._sizes = inputs
        self._put(parameters.tolist())
        try:
            yield self.model
        finally:
            self._sizes = np.zeros(len(self.layers))
            self._put([0.0] * len(self.layers))

    def _units(self, i: int, seed: int) -> dict[str, Tensor]:
        """Return noise between -1 and 1 for a layer's parameters."""
        generator = torch.Generator().manual_seed(seed)
        # add_noise_ has one generator for a layer, which its parameters share.
        return {
            name: 2 * torch.rand(p.shape, generator=generator) - 1
            for name, p in self._own[i].items()
        }

    def _put(self, sizes: list[float]) -> None:
        with torch.no_grad():
            for i, (layer, size) in enumerate(zip(self.layers, sizes, strict=True)):
                base = self._own[i] if self._stored is None else self._stored[i]
                for name, p in layer.parameters.items():
                    p.copy_(base[name])
                    if size:
                        p.add_(self._weights[i][name], alpha=size)

    def _hook(self, i: int) -> Callable[[nn.Module, tuple[Tensor]], Tensor | None]:
        def add(_: nn.Module, given: tuple[Tensor]) -> Tensor | None:
            size = float(self._sizes[i])
            if not size:
                return None
            if i not in self._inputs:
                seed = self._seed * STRIDE + 2 * i + 1
                generator = torch.Generator().manual_seed(seed)
                drawn = torch.rand(given[0].shape, generator=generator)
                self._inputs[i] = drawn.mul_(2).sub_(1)
            return torch.add(given[0], self._inputs[i], alpha=size)

        return add


def run_layer(module: nn.Module, x: Tensor, parameters: dict[str, Tensor]) -> Tensor:
    """Return what a convolution or linear layer computes with other parameters."""
    weight, bias = parameters["weight"], parameters.get("bias")
    if isinstance(module, nn.Conv2d):
        return functional.conv2d(
            x, weight, bias, module.stride, module.padding, module.dilation
        )
    return functional.linear(x, weight, bias)


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return each image's cross entropy in nats, float64."""
    return functional.cross_entropy(logits.double(), labels, reduction="none")
