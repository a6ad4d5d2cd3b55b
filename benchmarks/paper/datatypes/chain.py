"""A plain chain of layers, trained here in about a minute: no trained one is at hand.

Its pixels are scaled by a power of two, so that fp16 and bf16 hold them exactly.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.models import cifar10
from benchmarks.models.data import FOLDER
from benchmarks.paper.networks import Network

__all__ = ["Plain", "load_chain"]

#: Output channels and stride of every convolution.
SHAPE = ((16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (48, 2), (48, 1), (64, 2))


class Plain(nn.Module):
    """Eight convolutions and two linear layers, in a row."""

    def __init__(self) -> None:
        super().__init__()
        channels = [3, *(width for width, _ in SHAPE)]
        self.convs = nn.ModuleList(
            nn.Conv2d(channels[i], width, 3, stride, 1)
            for i, (width, stride) in enumerate(SHAPE)
        )
        self.hidden = nn.Linear(4 * channels[-1], 64)
        self.head = nn.Linear(64, 10)
        for layer in (*self.convs, self.hidden):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = conv(x).relu()
        return self.head(self.hidden(x.flatten(1)).relu())


def scaled(images: Tensor) -> Tensor:
    """Return pixels in [-1, 1): multiples of 1/128, which 8 bits of mantissa hold."""
    return (images.float() - 128) / 128


def trained(images: Tensor, labels: Tensor, *, epochs: int, seed: int = 0) -> Plain:
    """Return the network, trained with Adam, mirrored images and a falling rate."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Plain()
        steps = epochs * -(-len(images) // 100)
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(epochs):
            for rows in torch.randperm(len(images)).split(100):
                x = scaled(images[rows])
                mirrored = torch.rand(len(rows)) < 0.5
                x[mirrored] = x[mirrored].flip(-1)
                optimizer.zero_grad()
                functional.cross_entropy(model(x), labels[rows]).backward()
                optimizer.step()
                schedule.step()
    return model.eval().requires_grad_(requires_grad=False)


def load_chain(
    *,
    calibration: int,
    held_out: int,
    epochs: int = 8,
    batch: int = 128,
    folder: Path = FOLDER,
) -> Network:
    """Train the chain, and return it with the data that the ResNets get."""
    model = trained(*cifar10(folder, training=True), epochs=epochs)
    images, labels = cifar10(folder)
    parts = []
    for first, count in ((0, calibration), (1, held_out)):
        rows = slice(first, first + 2 * count, 2)
        batches = zip(
            scaled(images[rows]).split(batch), labels[rows].split(batch), strict=True
        )
        parts.append(list(batches))
    return Network("plain10", model, "cross_entropy", *parts)
