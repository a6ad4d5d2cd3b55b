"""Parts of a tensor that share a scale."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["SCALE_BYTES", "Granularity", "join", "largest_scale", "num_parts", "rows"]

#: Scales are float32.
SCALE_BYTES = 4

#: What shares a scale: the tensor, an element of dimension 0, or a run of `size`
#: elements within one of those.
Granularity = Literal["tensor", "channel", "group"]


def rows(x: Tensor, granularity: Granularity, size: int = 0) -> Tensor:
    """Return the parts that share a scale, a row each; the last of a group is padded.

    Parameters
    ----------
    x : Tensor, any shape
        Tensors of less than two dimensions are one channel.
    granularity : {"tensor", "channel", "group"}
    size : int
        Elements of a group, at least 1.

    Returns
    -------
    Tensor, shape (parts, elements)

    Examples
    --------
    >>> rows(torch.arange(6).reshape(2, 3), "group", 2).tolist()
    [[0, 1], [2, 0], [3, 4], [5, 0]]
    """
    if granularity == "tensor" or x.ndim < 2:
        channels = x.reshape(1, -1)
    else:
        channels = x.reshape(x.shape[0], -1)
    if granularity != "group":
        return channels
    missing = -channels.shape[1] % size
    return pad(channels, (0, missing)).reshape(-1, size)


def join(parts: Tensor, shape: torch.Size) -> Tensor:
    """Undo `rows`.

    Parameters
    ----------
    parts : Tensor, shape (parts, elements)
    shape : torch.Size
        Of the tensor that was taken apart.
    """
    numel = math.prod(shape)
    if parts.numel() == numel:
        return parts.reshape(shape)
    channels = shape[0] if len(shape) > 1 else 1
    return parts.reshape(channels, -1)[:, : numel // channels].reshape(shape)


def num_parts(shape: torch.Size, granularity: Granularity, size: int = 0) -> int:
    """Return the number of scales of a tensor."""
    channels = 1 if granularity == "tensor" or len(shape) < 2 else shape[0]
    if granularity != "group":
        return channels
    return channels * -(-math.prod(shape) // (max(channels, 1) * size))


def largest_scale(parts: Tensor, largest: float) -> Tensor:
    """Return float32 scales that take the largest magnitude to a value.

    Parameters
    ----------
    parts : Tensor, shape (parts, elements)
    largest : float

    Returns
    -------
    Tensor of float32, shape (parts,)
        1 where all elements are 0.
    """
    if parts.shape[1] == 0:
        return torch.ones(parts.shape[0], device=parts.device)
    # Two reads of the parts are cheaper than a read and a copy of magnitudes.
    magnitudes = torch.maximum(parts.amax(dim=1), -parts.amin(dim=1))
    return positive(magnitudes / largest)


def positive(scales: Tensor) -> Tensor:
    """Return scales in float32, with 1 for 0."""
    scales = scales.to(torch.float32)
    return torch.where(scales == 0, torch.ones_like(scales), scales)
