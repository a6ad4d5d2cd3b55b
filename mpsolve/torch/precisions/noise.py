"""Additive noise in place of rounding: the protocol of the papers' experiments."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.precisions.base import Precision, check_float

__all__ = ["Noise"]


class Noise(Precision):
    """Independent noise on every element, uniform between -level and level [1]_.

    Every call draws anew. Stored parameters take the bytes that they have: noise stands
    for a rounding error, not for a format.

    Parameters
    ----------
    level : float
        At least 0.
    seed : int, optional
        For draws that can be repeated; torch's global generator without it.

    References
    ----------
    .. [1] W. Cheng and P. Chen, "Quantization in Layer's Input is Matter", arXiv
       2202.05137, section 6.

    Examples
    --------
    >>> x = torch.ones(3)
    >>> bool(((Noise(1e-3, seed=0).round(x) - x).abs() <= 1e-3).all())
    True
    """

    bits = math.nan

    def __init__(self, level: float, seed: int | None = None) -> None:
        if not isinstance(level, int | float) or not 0 <= level < math.inf:
            msg = f"level must be finite and >= 0. Got {level!r}"
            raise InvalidParameterError(msg)
        self.level = float(level)
        self.seed = seed
        self.name = f"noise{self.level:g}"
        self.error = self.level
        self._generators: dict[str, torch.Generator] = {}

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the tensor with noise."""
        check_float(x, self.name)
        if self.seed is None:
            noise = torch.rand(x.shape, dtype=x.dtype, device=x.device)
        else:
            generator = self._generator(x.device)
            noise = torch.rand(
                x.shape, dtype=x.dtype, device=x.device, generator=generator
            )
        return (x + (2 * noise - 1) * self.level,)

    def decode(
        self, stored: Sequence[Tensor], shape: torch.Size, dtype: torch.dtype
    ) -> Tensor:
        """Return the tensor with noise."""
        return stored[0].to(dtype).reshape(shape)

    def storage_bytes(self, parameter: Tensor) -> int:
        """Return the tensor's own bytes."""
        return parameter.numel() * parameter.element_size()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Noise)
            and self.level == other.level
            and self.seed == other.seed
        )

    def __hash__(self) -> int:
        return hash((Noise, self.level, self.seed))

    def _generator(self, device: torch.device) -> torch.Generator:
        key = str(device)
        if key not in self._generators:
            made = torch.Generator(device=device)
            self._generators[key] = made.manual_seed(self.seed or 0)
        return self._generators[key]
