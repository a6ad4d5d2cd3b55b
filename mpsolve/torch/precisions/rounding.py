"""Exact rounding to binary floating-point grids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from mpsolve.errors import InvalidParameterError

__all__ = [
    "Direction",
    "check_direction",
    "power_of_two",
    "round_binary",
    "round_to_integers",
]

#: To the nearest value, ties to even; or to the next value downward, upward, or towards
#: zero.
Direction = Literal["nearest", "floor", "ceil", "trunc"]

_TO_INTEGERS: dict[str, Callable[[Tensor], Tensor]] = {
    "nearest": torch.round,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc": torch.trunc,
}


def check_direction(direction: Any) -> None:
    """Refuse what is no direction."""
    if direction not in get_args(Direction):
        allowed = ", ".join(get_args(Direction))
        msg = f"direction must be one of {allowed}. Got {direction!r}"
        raise InvalidParameterError(msg)


def round_to_integers(x: Tensor, direction: Direction = "nearest") -> Tensor:
    """Round to integers; numbers are taken for exact.

    Examples
    --------
    >>> round_to_integers(torch.tensor([-1.5, 0.5, 2.0]), "floor").tolist()
    [-2.0, 0.0, 2.0]
    """
    return _TO_INTEGERS[direction](x)


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
    x: Tensor,
    *,
    mantissa: int,
    lowest: int,
    largest: float,
    saturate: bool,
    direction: Direction = "nearest",
) -> Tensor:
    """Round to a binary floating-point grid, subnormal numbers included.

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
    direction : {"nearest", "floor", "ceil", "trunc"}
        Ties of the nearest go to even. Towards zero no number becomes infinite.

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
    rounded = round_to_integers(x / quantum, direction) * quantum
    if saturate:
        return rounded.clamp(-largest, largest)
    # IEEE 754, section 7.4: infinite only where rounding leads away from zero.
    low = -largest if direction in {"ceil", "trunc"} else -torch.inf
    high = largest if direction in {"floor", "trunc"} else torch.inf
    beyond = torch.where(rounded > 0, high, low).to(rounded.dtype)
    is_beyond = (rounded.abs() > largest) & x.isfinite()
    return torch.where(is_beyond, beyond, rounded)
