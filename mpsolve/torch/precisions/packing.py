"""Codes of less than eight bits, side by side in bytes."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["pack", "packed_bytes", "unpack"]


def packed_bytes(numel: int, bits: int) -> int:
    """Return the bytes that some codes take."""
    return -(-numel * bits // 8)


def pack(codes: Tensor, bits: int) -> Tensor:
    """Return codes as a stream of bits, lowest bit first.

    Parameters
    ----------
    codes : Tensor of uint8, any shape
        Below ``2**bits``.
    bits : int
        From 1 to 8.

    Returns
    -------
    Tensor of uint8, shape (packed_bytes,)

    Examples
    --------
    >>> pack(torch.tensor([1, 2, 3], dtype=torch.uint8), 4).tolist()
    [33, 3]
    """
    codes = codes.reshape(-1)
    if bits == 8:
        return codes.clone()
    place = torch.arange(bits, dtype=torch.uint8, device=codes.device)
    stream = ((codes[:, None] >> place) & 1).reshape(-1)
    stream = torch.nn.functional.pad(stream, (0, -len(stream) % 8)).reshape(-1, 8)
    place = torch.arange(8, dtype=torch.uint8, device=codes.device)
    return (stream << place).sum(dim=1, dtype=torch.uint8)


def unpack(packed: Tensor, bits: int, numel: int) -> Tensor:
    """Undo `pack`.

    Parameters
    ----------
    packed : Tensor of uint8, shape (packed_bytes,)
    bits : int
    numel : int
        Number of codes.

    Returns
    -------
    Tensor of uint8, shape (numel,)
    """
    if bits == 8:
        return packed
    place = torch.arange(8, dtype=torch.uint8, device=packed.device)
    stream = ((packed[:, None] >> place) & 1).reshape(-1)
    stream = stream[: numel * bits].reshape(numel, bits)
    place = torch.arange(bits, dtype=torch.uint8, device=packed.device)
    return (stream << place).sum(dim=1, dtype=torch.uint8)
