"""Integer formats: codes times a scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import torch
from torch import Tensor

from mpsolve.errors import InvalidParameterError
from mpsolve.model.datatypes import IntegerType
from mpsolve.torch.precisions.base import Precision, check_float
from mpsolve.torch.precisions.packing import pack, packed_bytes, unpack
from mpsolve.torch.precisions.rounding import (
    Direction,
    check_direction,
    round_to_integers,
)
from mpsolve.torch.precisions.scales import (
    SCALE_BYTES,
    Granularity,
    join,
    largest_scale,
    num_parts,
    positive,
    rows,
)

__all__ = ["Integer"]

#: Of a step: how far a quotient in float32 may be from the code that it should be.
SLACK = 2.0**-12


class Integer(Precision):
    """Integers of 2 to 8 bits, times a float32 scale.

    Symmetric: ``scale * q`` with ``|q| <= 2^(bits-1) - 1``, and the scale takes the
    largest magnitude to the largest code. Asymmetric: ``scale * (q - zero)`` with
    ``0 <= q < 2^bits``, over the range of the elements and 0, where `zero` is a code
    itself, so that 0 stays exact. Rounded to nearest, ties to even, or in a direction.
    Parameters of less than two dimensions, such as biases, stay as they are.

    Stored are the codes, packed without gaps, a float32 for each scale, and a byte for
    each zero point.

    Parameters
    ----------
    bits : int
        From 2 to 8.
    granularity : {"channel", "tensor", "group"}
        What shares a scale; channels are dimension 0, groups run within a channel. Of
        inputs, channels are samples.
    symmetric : bool
    group_size : int, optional
        Elements of a group.
    direction : {"nearest", "floor", "ceil", "trunc"}
        Where numbers between two codes go: downward, upward, or towards zero. What the
        format holds stays, and nothing leaves its range.

    Examples
    --------
    >>> int4 = Integer(4)
    >>> int4.round(torch.tensor([[0.7, 0.26, -0.04], [7.0, 1.0, 0.0]]))
    tensor([[0.7000, 0.3000, 0.0000],
            [7.0000, 1.0000, 0.0000]])
    >>> int4.storage_bytes(torch.empty(16, 3, 3, 3))  # 216 for codes, 64 for scales
    280
    >>> Integer(4, direction="floor").round(torch.tensor([[0.7, 0.26, -0.04]]))
    tensor([[ 0.7000,  0.2000, -0.1000]])
    """

    def __init__(
        self,
        bits: int,
        granularity: Granularity = "channel",
        symmetric: bool = True,
        group_size: int | None = None,
        direction: Direction = "nearest",
    ) -> None:
        if not isinstance(bits, int) or not 2 <= bits <= 8:
            msg = f"bits must be an integer from 2 to 8. Got {bits!r}"
            raise InvalidParameterError(msg)
        if granularity not in get_args(Granularity):
            allowed = ", ".join(get_args(Granularity))
            msg = f"granularity must be one of {allowed}. Got {granularity!r}"
            raise InvalidParameterError(msg)
        is_size = isinstance(group_size, int) and group_size > 0
        if (granularity == "group") != is_size or (not is_size and group_size):
            need = "an integer above 0" if granularity == "group" else "None"
            what = f"group_size must be {need} with granularity {granularity!r}"
            msg = f"{what}. Got {group_size!r}"
            raise InvalidParameterError(msg)
        check_direction(direction)
        self.bits: int = bits
        self.granularity: Granularity = granularity
        self.symmetric = symmetric
        self.group_size = group_size or 0
        self.name = f"int{bits}"
        if granularity == "tensor":
            self.name += "-tensor"
        if granularity == "group":
            self.name += f"-g{group_size}"
        if not symmetric:
            self.name += "-asym"
        self.direction: Direction = direction
        if direction != "nearest":
            self.name += f"-{direction}"
        self.data_type = IntegerType(f"int{bits}", bits) if symmetric else None
        # Half a step; a symmetric range has twice the largest magnitude.
        self.error = 1.0 / (2**bits - 2) if symmetric else 1.0 / (2**bits - 1)
        if direction != "nearest":
            self.error *= 2

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return packed codes, scales, and zero points where there are any."""
        check_float(x, self.name)
        if x.ndim < 2:
            return (x,)
        codes, scales, zeros = self._codes(rows(x, self.granularity, self.group_size))
        half = 1 << (self.bits - 1) if self.symmetric else 0
        packed = pack(join((codes + half).to(torch.uint8), x.shape), self.bits)
        return (packed, scales) if zeros is None else (packed, scales, zeros)

    def decode(
        self, stored: Sequence[Tensor], shape: torch.Size, dtype: torch.dtype
    ) -> Tensor:
        """Return codes less their zero, times their scale."""
        if len(stored) == 1:
            return stored[0].to(dtype)
        wide = torch.promote_types(dtype, torch.float32)
        codes = unpack(stored[0], self.bits, shape.numel()).reshape(shape)
        parts = rows(codes, self.granularity, self.group_size).to(wide)
        zeros = stored[2] if len(stored) > 2 else None
        if zeros is None:
            parts = parts - (1 << (self.bits - 1))
        return join(_values(parts, stored[1], zeros), shape).to(dtype)

    def storage_bytes(self, parameter: Tensor) -> int:
        """Return the bytes of packed codes, scales and zero points."""
        if parameter.ndim < 2:
            return parameter.numel() * parameter.element_size()
        parts = num_parts(parameter.shape, self.granularity, self.group_size)
        each = SCALE_BYTES + (not self.symmetric)
        return packed_bytes(parameter.numel(), self.bits) + parts * each

    def round(self, x: Tensor) -> Tensor:
        """Return values that the format holds; the nearest ones by default."""
        check_float(x, self.name)
        return x if x.ndim < 2 else self._round(x, self.granularity)

    def round_input(self, x: Tensor) -> Tensor:
        """Round the input of a layer; scales are those of samples, or of groups."""
        check_float(x, self.name)
        return self._round(x, "group" if self.granularity == "group" else "channel")

    def _round(self, x: Tensor, granularity: Granularity) -> Tensor:
        """Do what `decode(encode(x))` does, without packing."""
        codes, scales, zeros = self._codes(rows(x, granularity, self.group_size))
        return join(_values(codes, scales, zeros), x.shape).to(x.dtype)

    def _codes(self, parts: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return codes as floating-point numbers, scales, and zero points."""
        parts = parts.to(torch.promote_types(parts.dtype, torch.float32))
        if self.symmetric:
            top = (1 << (self.bits - 1)) - 1
            scales = largest_scale(parts, top)
            codes = self._integers(parts / scales.to(parts.dtype)[:, None])
            # Integers have no negative zero. In place, as the codes are ours.
            return codes.clamp_(-top, top).add_(0.0), scales, None
        top = (1 << self.bits) - 1
        if parts.shape[1]:
            low, high = parts.amin(dim=1).clamp(max=0), parts.amax(dim=1).clamp(min=0)
        else:
            low = high = parts.new_zeros(parts.shape[0])
        scales = positive((high - low) / top)
        wide = scales.to(parts.dtype)
        zeros = torch.round(-low / wide).clamp(0, top)
        codes = self._integers(parts / wide[:, None]).add_(zeros[:, None])
        return codes.clamp_(0, top), scales, zeros.to(torch.uint8)

    def _integers(self, quotients: Tensor) -> Tensor:
        """Round to codes; the quotients are ours."""
        if self.direction == "nearest":
            return quotients.round_()
        # A quotient that should be a code is off it by its own rounding.
        nearest = quotients.round()
        is_code = (quotients - nearest).abs_() <= SLACK
        return nearest.where(is_code, round_to_integers(quotients, self.direction))


def _values(codes: Tensor, scales: Tensor, zeros: Tensor | None) -> Tensor:
    """Return what codes stand for, in their own type and place."""
    if zeros is not None and not _are_zero(zeros):
        codes = codes.sub_(zeros.to(codes.dtype)[:, None])
    return codes.mul_(scales.to(codes.dtype)[:, None])


def _are_zero(zeros: Tensor) -> bool:
    """Whether zero points can be left out, as those of what a ReLU returns.

    Asked only where the answer costs nothing: a GPU would have to be waited for.
    """
    if zeros.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    return not bool(zeros.any())
