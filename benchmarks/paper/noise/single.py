"""What noise on one layer costs: measured on calibration images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.models import CifarResNet
from benchmarks.paper.noise.perturb import losses, run_layer
from mpsolve.torch import find_layers
from mpsolve.torch.layers import Layer

__all__ = ["Measurement", "measure", "stages"]

Floats = npt.NDArray[np.float64]
Batches = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Measurement:
    """Mean changes that noise on one layer makes, and how sure they are.

    Attributes
    ----------
    loss, loss_error : ndarray, shape (layers, points)
        Nats; standard errors, from the spread over draws.
    divergence : ndarray, shape (layers, points)
        KL divergence of the outputs from the network's own, in nats.
    passes : float
        Forward passes of an image through the whole network that it took, in all.
    """

    loss: Floats
    loss_error: Floats
    divergence: Floats
    passes: float


def stages(model: CifarResNet) -> list[tuple[str, Callable[[Tensor], Tensor]]]:
    """Return the parts of a ResNet, by the start of their layers' names."""
    parts: list[tuple[str, Callable[[Tensor], Tensor]]] = [
        ("conv1", lambda x: model.bn1(model.conv1(x)).relu())
    ]
    for name in ("layer1", "layer2", "layer3"):
        for i, block in enumerate(getattr(model, name)):
            parts.append((f"{name}.{i}.", block))
    parts.append(("linear", lambda x: model.linear(x.mean(dim=(2, 3)))))
    return parts


@torch.no_grad()
def measure(
    model: CifarResNet,
    batches: Batches,
    points: Floats,
    *,
    draws: int = 1,
    seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> Measurement:
    """Measure the expected change of the loss when one layer gets noise.

    Every batch has its own draws, each used with both signs, so that what is odd in the
    noise cancels: the first-order term. All points of a layer share a draw.

    Parameters
    ----------
    model : CifarResNet
    batches : list of (images, labels)
        The smaller they are, the more draws of the parameters' noise.
    points : ndarray, shape (layers, points, 2)
        Sizes of the noise on the layer's input and on its parameters.
    draws : int
        For each batch.
    seed : int
    tick : callable
        Called after each layer of a batch.
    """
    layers = find_layers(model)
    parts = stages(model)
    place = [
        next(j for j, (start, _) in enumerate(parts) if layer.name.startswith(start))
        for layer in layers
    ]
    values: list[list[Floats]] = [[] for _ in layers]
    passes = 0.0
    for b, (images, labels) in enumerate(batches):
        held = [images]
        for _, part in parts:
            held.append(part(held[-1]))
        clean = losses(held[-1], labels)
        own = torch.log_softmax(held[-1].double(), 1)
        for i, layer in enumerate(layers):
            for draw in range(draws):
                generator = torch.Generator().manual_seed(
                    1 + draw + draws * (i + len(layers) * (b + len(batches) * seed))
                )
                with _noisy(layer, points[i], generator):
                    x = torch.cat([held[place[i]]] * (2 * len(points[i])))
                    for _, part in parts[place[i] :]:
                        x = part(x)
                many = labels.repeat(2 * len(points[i]))
                change = losses(x, many).reshape(-1, len(labels)) - clean
                other = torch.log_softmax(x.double(), 1).reshape(-1, *own.shape)
                far = (own.exp() * (own - other)).sum(2)
                both = torch.stack([change.mean(1), far.mean(1)])
                values[i].append(both.reshape(2, 2, -1).mean(1).numpy())
                share = 1 - place[i] / len(parts)
                passes += share * 2 * len(points[i]) * len(labels)
            tick()
    sizes = np.repeat([len(labels) for _, labels in batches], draws)
    weights = sizes / sizes.sum()
    found = np.array(values)  # (layers, draws, 2, points)
    mean = np.einsum("d,ldkp->klp", weights, found)
    spread = (found[:, :, 0] - mean[0][:, None]) ** 2
    count = len(weights)
    error = np.sqrt(np.einsum("d,ldp->lp", weights, spread) / max(count - 1, 1))
    return Measurement(mean[0], error, mean[1], passes)


@contextmanager
def _noisy(layer: Layer, sizes: Floats, generator: torch.Generator) -> Iterator[None]:
    """Let a layer run copies of a batch, each with noise of its own size and sign."""
    module: nn.Module = layer.module
    own = {name: p.detach() for name, p in layer.parameters.items()}
    units = {
        name: 2 * torch.rand(p.shape, generator=generator) - 1
        for name, p in own.items()
    }

    def forward(x: Tensor) -> Tensor:
        copies = x.chunk(2 * len(sizes))
        unit = 2 * torch.rand(copies[0].shape, generator=generator) - 1
        outputs = []
        for v, copy in enumerate(copies):
            sign = 1.0 if v < len(sizes) else -1.0
            on_input, on_parameters = (sign * sizes[v % len(sizes)]).tolist()
            given = {
                name: torch.add(p, units[name], alpha=on_parameters)
                for name, p in own.items()
            }
            outputs.append(
                run_layer(module, torch.add(copy, unit, alpha=on_input), given)
            )
        return torch.cat(outputs)

    module.forward = forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        del module.forward
