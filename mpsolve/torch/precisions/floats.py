"""Floating-point formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from mpsolve.errors import InvalidParameterError
from mpsolve.model.datatypes import FLOATS
from mpsolve.torch.precisions.base import Precision, check_float
from mpsolve.torch.precisions.rounding import (
    Direction,
    check_direction,
    round_binary,
)
from mpsolve.torch.precisions.scales import SCALE_BYTES, join, largest_scale, rows

__all__ = ["Float"]

#: In what torch stores each format. tf32 has no type of its own: it is fp32 with 13
#: mantissa bits unused.
STORED = {
    "fp64": torch.float64,
    "fp32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "e5m2": torch.float8_e5m2,
    "e4m3": torch.float8_e4m3fn,
}

#: In which of them torch computes.
COMPUTES = ("fp64", "fp32", "bf16", "fp16")

ScalePer = Literal["tensor", "channel"]


class Float(Precision):
    """A floating-point format, rounded to nearest, ties to even, or in a direction.

    Values beyond the largest one become infinite, as IEEE 754 has it, except in the
    8-bit types, which saturate [1]_; subnormal numbers are kept, and not-a-number
    stays so. Rounding is exact from any type: from float64 it is one rounding, where
    torch's own conversion to 16 and 8 bits rounds twice.

    Parameters
    ----------
    kind : str
        ``"fp64"``, ``"fp32"``, ``"tf32"``, ``"bf16"``, ``"fp16"``, ``"e5m2"`` or
        ``"e4m3"``, the 8-bit type without infinity.
    scale : {"tensor", "channel"}, optional
        For 8-bit types: a float32 scale for the tensor, or for each element of
        dimension 0, that takes the largest magnitude to the largest value. Without it
        the tensor is cast as it is.
    direction : {"nearest", "floor", "ceil", "trunc"}
        Where numbers go that the format lacks: downward, upward and towards zero are
        IEEE 754's directed roundings. With a scale, the nearest only.

    References
    ----------
    .. [1] P. Micikevicius et al., "FP8 formats for deep learning", arXiv 2209.05433.

    Examples
    --------
    >>> Float("fp16").round(torch.tensor([1 + 2**-11, 1e5])).tolist()
    [1.0, inf]
    >>> Float("e4m3").round(torch.tensor([0.3, 1e5])).tolist()
    [0.3125, 448.0]
    >>> Float("e4m3", "channel").storage_bytes(torch.empty(8, 100))
    832
    >>> Float("bf16", direction="trunc").round(torch.tensor([-1.999, 1.999])).tolist()
    [-1.9921875, 1.9921875]
    """

    def __init__(
        self,
        kind: str,
        scale: ScalePer | None = None,
        direction: Direction = "nearest",
    ) -> None:
        if kind not in FLOATS:
            msg = f"kind must be one of {', '.join(FLOATS)}. Got {kind!r}"
            raise InvalidParameterError(msg)
        self.kind = FLOATS[kind]
        self.stored = STORED[kind]
        is_narrow = self.stored.itemsize == 1
        if scale is not None and (scale not in get_args(ScalePer) or not is_narrow):
            allowed = "'tensor' or 'channel', for e4m3 and e5m2 only"
            msg = f"scale of {kind} must be {allowed}. Got {scale!r}"
            raise InvalidParameterError(msg)
        check_direction(direction)
        is_directed = direction != "nearest"
        if is_directed and scale is not None:
            msg = "direction must be 'nearest' where there is a scale. Got "
            msg += f"{direction!r}"
            raise InvalidParameterError(msg)
        self.scale = scale
        self.direction: Direction = direction
        self.name = kind if scale is None else f"{kind}-{scale}"
        if is_directed:
            self.name += f"-{direction}"
        self.bits = 1 + self.kind.exponent + self.kind.mantissa
        self.dtype = self.stored if kind in COMPUTES else None
        self.data_type = self.kind if scale is None else None
        # Half a unit in the last place, or a whole one.
        self.error = 2.0 ** -(self.kind.mantissa + (not is_directed))
        self.saturate = is_narrow

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the values in the stored type, and the scales if there are any."""
        check_float(x, self.name)
        if self.scale is None:
            return (self._cast(x),)
        values, scales = self._scaled(x, rows(x, self.scale))
        return self._cast(join(values, x.shape)), scales

    def decode(
        self, stored: Sequence[Tensor], shape: torch.Size, dtype: torch.dtype
    ) -> Tensor:
        """Return the stored values, times their scales."""
        if self.scale is None:
            return stored[0].to(dtype)
        wide = torch.promote_types(dtype, torch.float32)
        parts = rows(stored[0].to(wide), self.scale)
        return join(parts * stored[1].to(wide)[:, None], shape).to(dtype)

    def storage_bytes(self, parameter: Tensor) -> int:
        """Return the bytes of the values and of 4 for each scale."""
        size = parameter.numel() * self.stored.itemsize
        if self.scale is None:
            return size
        is_flat = self.scale == "tensor" or parameter.ndim < 2
        return size + SCALE_BYTES * (1 if is_flat else parameter.shape[0])

    def round_input(self, x: Tensor) -> Tensor:
        """Round the input of a layer; scales are those of samples."""
        if self.scale is None:
            return self.round(x)
        values, scales = self._scaled(x, rows(x, "channel"))
        values = self._cast(values).to(values.dtype)
        return join(values * scales.to(values.dtype)[:, None], x.shape).to(x.dtype)

    def _scaled(self, x: Tensor, parts: Tensor) -> tuple[Tensor, Tensor]:
        wide = torch.promote_types(x.dtype, torch.float32)
        scales = largest_scale(parts.to(wide), float(self.kind.largest))
        return parts.to(wide) / scales.to(wide)[:, None], scales

    def _cast(self, x: Tensor) -> Tensor:
        """Return the rounded values in the stored type."""
        kind, largest = self.kind, float(self.kind.largest)
        # Through float32 torch would round twice; and it knows no tf32.
        is_double = x.dtype == torch.float64 and kind.mantissa < 23
        is_directed = self.direction != "nearest" and kind.name != "fp64"
        if kind.name == "tf32" or is_double or is_directed:
            x = round_binary(
                x.double(),
                mantissa=kind.mantissa,
                lowest=kind.lowest,
                largest=largest,
                saturate=self.saturate,
                direction=self.direction,
            )
        elif self.saturate:
            x = x.clamp(-largest, largest)
        return x.to(self.stored)
