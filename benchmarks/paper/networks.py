"""Trained networks, with data to calibrate on and data that no layout has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.models import (
    cifar10,
    load_language_model,
    load_resnet,
    normalize,
    sequences,
)
from benchmarks.models.data import FOLDER

__all__ = ["Network", "Quality", "load_network", "quality"]

Batches = list[tuple[Tensor, Tensor]]

#: Of a network's data.
STORIES = {"stories260k": "tinystories_val_tok512", "zhpoem750k": "zhpoem_tokens"}


@dataclass(frozen=True)
class Network:
    """A trained model and its data.

    Attributes
    ----------
    name : str
    model : torch.nn.Module
        In evaluation mode.
    loss : str
        What `mpsolve.torch.calibrate` takes: ``cross_entropy`` or ``next_token``.
    calibration, held_out : list of (inputs, targets)
        Images: the even and the odd rows of CIFAR-10's test set, as the networks fit
        their training images almost perfectly. Text: two draws of stories; targets of
        -100 do not count.
    """

    name: str
    model: nn.Module
    loss: str
    calibration: Batches
    held_out: Batches


@dataclass(frozen=True)
class Quality:
    """What a model does on each sample; an image or a story.

    Attributes
    ----------
    losses : ndarray of float64, shape (samples,)
        Mean loss of the sample's predictions, in nats.
    weights : ndarray of float64, shape (samples,)
        How many predictions that is.
    hits : ndarray of float64, shape (samples,)
        How many of them are right.
    """

    losses: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    hits: npt.NDArray[np.float64]

    @property
    def loss(self) -> float:
        """Mean over all predictions."""
        return float(np.average(self.losses, weights=self.weights))

    @property
    def accuracy(self) -> float:
        """Part of the predictions that is right."""
        return float(self.hits.sum() / self.weights.sum())

    @property
    def perplexity(self) -> float:
        return float(np.exp(self.loss))


def load_network(
    name: str,
    *,
    calibration: int = 256,
    held_out: int = 1000,
    batch: int = 128,
    folder: Path = FOLDER,
) -> Network:
    """Load a network by its name.

    Parameters
    ----------
    name : str
        ``resnet8``, ``resnet20``, ``resnet32``, ``resnet44``, ``resnet56``,
        ``stories260k`` or ``zhpoem750k``.
    calibration, held_out : int
        How many samples; stories are drawn in the order of the file.
    batch : int
        Images in a batch; an eighth as many stories.
    folder : Path
    """
    if name in STORIES:
        parts = [
            _stories(sequences(STORIES[name], split, folder)[:count], batch // 8)
            for split, count in (("calib", calibration), ("eval", held_out))
        ]
        model: nn.Module = load_language_model(name, folder)
        return Network(name, model, "next_token", *parts)
    images, labels = cifar10(folder)
    parts = []
    for first, count in ((0, calibration), (1, held_out)):
        rows = slice(first, first + 2 * count, 2)
        x = images[rows].float() if name == "resnet8" else normalize(images[rows])
        parts.append(
            list(zip(x.split(batch), labels[rows].split(batch), strict=True)),
        )
    return Network(name, load_resnet(name, folder), "cross_entropy", *parts)


def _stories(stories: Sequence[Tensor], batch: int) -> Batches:
    batches = []
    for i in range(0, len(stories), batch):
        padded = nn.utils.rnn.pad_sequence(
            list(stories[i : i + batch]), batch_first=True, padding_value=-100
        )
        batches.append((padded[:, :-1].clamp(min=0), padded[:, 1:]))
    return batches


@torch.no_grad()
def quality(model: nn.Module, batches: Batches) -> Quality:
    """Measure a model, in float64 from its logits on."""
    losses, weights, hits = [], [], []
    for inputs, targets in batches:
        logits: Any = model(inputs)
        logits = logits.double().flatten(0, -2)
        y = targets.flatten()
        each = functional.cross_entropy(logits, y, reduction="none", ignore_index=-100)
        counts = (y != -100).double().reshape(len(targets), -1).sum(1)
        right = (logits.argmax(-1) == y).double().reshape(len(targets), -1).sum(1)
        losses.append(each.reshape(len(targets), -1).sum(1) / counts)
        weights.append(counts)
        hits.append(right)
    return Quality(*(torch.cat(parts).numpy() for parts in (losses, weights, hits)))
