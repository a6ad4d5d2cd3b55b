"""Exact rounding to binary floating-point grids."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["power_of_two", "round_binary"]


def power_of_two(exponent: Tensor) -> Tensor:
    """Return 2^exponent exactly, in float64.

    Parameters
    ----------
    exponent : Tensor of int
        From -1022 to 1023.
    """
    return ((exponent.long() + 1023) << 52).view(torch.float64)


def floor_log2(x: Tensor) -> Tensor:
    """Return floor(log2(|x|)); any number where x is 0 or not finite."""
    # frexp: |x| = m 2^e with 1/2 <= m < 1.
    return torch.frexp(x)[1] - 1


def round_binary(
    x: Tensor, *, mantissa: int, lowest: int, largest: float, saturate: bool
) -> Tensor:
    """Round to a binary floating-point grid, ties to even, subnormal numbers included.

    Parameters
    ----------
    x : Tensor of float64
    mantissa : int
        Stored bits; at most 51.
    lowest : int
        Exponent of the smallest normal number.
    largest : float
        Largest finite value.
    saturate : bool
        What becomes of values that round beyond `largest`: itself, or infinity.

    Returns
    -------
    Tensor of float64
        Not-a-number stays so.

    Examples
    --------
    >>> x = torch.tensor([2049.0, 2051.0, 65519.0, 65520.0], dtype=torch.float64)
    >>> round_binary(
    ...     x, mantissa=10, lowest=-14, largest=65504.0, saturate=False).tolist()
    [2048.0, 2052.0, 65504.0, inf]
    """
    # Division by a power of two is exact, so round() sees x itself.
    exponent = floor_log2(x).clamp(lowest, 1023)
    quantum = power_of_two(exponent - mantissa)
    rounded = torch.round(x / quantum) * quantum
    if saturate:
        return rounded.clamp(-largest, largest)
    beyond = torch.copysign(torch.full_like(rounded, torch.inf), rounded)
    return torch.where(rounded.abs() > largest, beyond, rounded)
