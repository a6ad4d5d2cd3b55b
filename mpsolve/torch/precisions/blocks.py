"""Block formats: few elements share a narrow scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.precisions.base import Precision, check_float
from mpsolve.torch.precisions.packing import pack, packed_bytes, unpack
from mpsolve.torch.precisions.rounding import floor_log2, power_of_two, round_binary
from mpsolve.torch.precisions.scales import SCALE_BYTES, join, num_parts, rows

__all__ = ["BLOCKS", "Block"]

#: Largest value of e4m3, in which NVFP4 stores the scales of blocks.
E4M3_LARGEST = 448.0


@dataclass(frozen=True)
class Element:
    """The elements of a block format; they have no infinity."""

    bits: int
    mantissa: int
    lowest: int  # exponent of the smallest normal number
    highest: int  # exponent of the largest number
    largest: float

    def round(self, x: Tensor) -> Tensor:
        """Round float64 values, ties to even; beyond the largest they saturate."""
        return round_binary(
            x,
            mantissa=self.mantissa,
            lowest=self.lowest,
            largest=self.largest,
            saturate=True,
        )

    def magnitudes(self, device: torch.device) -> Tensor:
        """Return the values at least 0, in the order of their codes."""
        codes = torch.arange(1 << (self.bits - 1), device=device)
        exponent, fraction = codes >> self.mantissa, codes & ((1 << self.mantissa) - 1)
        significand = fraction + ((exponent > 0).long() << self.mantissa)
        power = exponent.clamp(min=1) - 1 + self.lowest - self.mantissa
        return significand.double() * power_of_two(power)


E4M3 = Element(8, mantissa=3, lowest=-6, highest=8, largest=448.0)
E5M2 = Element(8, mantissa=2, lowest=-14, highest=15, largest=57344.0)
E3M2 = Element(6, mantissa=2, lowest=-2, highest=4, largest=28.0)
E2M3 = Element(6, mantissa=3, lowest=0, highest=2, largest=7.5)
E2M1 = Element(4, mantissa=1, lowest=0, highest=2, largest=6.0)

#: Element, elements of a block, and whether its scale is a power of two.
BLOCKS = {
    "mxfp8": (E4M3, 32, True),
    "mxfp8-e5m2": (E5M2, 32, True),
    "mxfp6": (E2M3, 32, True),
    "mxfp6-e3m2": (E3M2, 32, True),
    "mxfp4": (E2M1, 32, True),
    "nvfp4": (E2M1, 16, False),
}


class Block(Precision):
    """Narrow floating-point elements whose blocks share a scale.

    The MX formats [1]_ scale blocks of 32 by ``2^(floor(log2 m) - e)``, where m is the
    block's largest magnitude and e the exponent of the element type's largest value;
    the scale is an exponent of 8 bits. NVFP4 [2]_ scales blocks of 16 by an e4m3 number
    times one float32 of the whole tensor (of a sample, where an input is rounded).
    Elements are rounded to nearest, ties to even, and saturate. Blocks run within
    dimension 0, of inputs along the last dimension. Parameters of less than two
    dimensions stay as they are.

    Parameters
    ----------
    kind : str
        ``"mxfp8"`` (e4m3), ``"mxfp8-e5m2"``, ``"mxfp6"`` (e2m3), ``"mxfp6-e3m2"``,
        ``"mxfp4"`` or ``"nvfp4"``.

    References
    ----------
    .. [1] Open Compute Project, "OCP Microscaling Formats (MX) Specification", v1.0,
       2023.
    .. [2] NVIDIA, "Pretraining large language models with NVFP4", arXiv 2509.25149.

    Examples
    --------
    >>> Block("mxfp4").round(torch.tensor([[5.1, 2.4, -0.3, 0.1]])).tolist()
    [[6.0, 2.0, -0.5, 0.0]]
    >>> Block("nvfp4").storage_bytes(torch.empty(4, 32))  # 64 + 8 scales + 4
    76
    """

    def __init__(self, kind: str) -> None:
        if kind not in BLOCKS:
            msg = f"kind must be one of {', '.join(BLOCKS)}. Got {kind!r}"
            raise InvalidParameterError(msg)
        self.name = kind
        self.element, self.size, self.is_power = BLOCKS[kind]
        self.bits: int = self.element.bits
        self.error = 2.0 ** -(self.element.mantissa + 1)

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return packed codes, scales of blocks as bytes, and NVFP4's float32 scale."""
        check_float(x, self.name)
        if x.ndim < 2:
            return (x,)
        parts = rows(x.double(), "group", self.size)
        scales, whole = self._scales(parts, 1)
        values = self._elements(parts, scales, whole)
        packed = pack(join(self._to_codes(values), x.shape), self.bits)
        if self.is_power:
            return packed, (floor_log2(scales) + 127).to(torch.uint8)
        return packed, scales.to(torch.float8_e4m3fn).view(torch.uint8), whole

    def decode(
        self, stored: Sequence[Tensor], shape: torch.Size, dtype: torch.dtype
    ) -> Tensor:
        """Return elements times their scales."""
        if len(stored) == 1:
            return stored[0].to(dtype)
        codes = unpack(stored[0], self.bits, shape.numel()).reshape(shape)
        values = self._from_codes(rows(codes, "group", self.size))
        if self.is_power:
            scales = power_of_two(stored[1].int() - 127)
        else:
            scales = stored[1].view(torch.float8_e4m3fn).double() * stored[2].double()
        return join(values * scales[:, None], shape).to(dtype)

    def storage_bytes(self, parameter: Tensor) -> int:
        """Return the bytes of packed elements and of scales."""
        if parameter.ndim < 2:
            return parameter.numel() * parameter.element_size()
        blocks = num_parts(parameter.shape, "group", self.size)
        whole = 0 if self.is_power else SCALE_BYTES
        return packed_bytes(parameter.numel(), self.bits) + blocks + whole

    def round(self, x: Tensor) -> Tensor:
        """Return the nearest values that the format holds, ties to even."""
        check_float(x, self.name)
        if x.ndim < 2:
            return x
        return self._round(x, rows(x.double(), "group", self.size), x.shape, 1)

    def round_input(self, x: Tensor) -> Tensor:
        """Round the input of a layer; blocks run along its last dimension."""
        check_float(x, self.name)
        flat = x.double().reshape(-1, x.shape[-1] if x.ndim else 1)
        samples = x.shape[0] if x.ndim > 1 else 1
        return self._round(x, rows(flat, "group", self.size), flat.shape, samples)

    def _round(
        self, x: Tensor, parts: Tensor, shape: torch.Size, samples: int
    ) -> Tensor:
        scales, whole = self._scales(parts, samples)
        values = self._elements(parts, scales, whole)
        factor = scales if self.is_power else scales * _each(whole, scales)
        return join(values * factor[:, None], shape).reshape(x.shape).to(x.dtype)

    def _scales(self, parts: Tensor, samples: int) -> tuple[Tensor, Tensor]:
        """Return the scales of blocks, and one of each sample, which is float32."""
        top = parts.abs().amax(dim=1)
        if self.is_power:
            exponent = floor_log2(top) - self.element.highest
            # No elements but 0: the smallest scale there is.
            exponent = torch.where(top == 0, -127, exponent).clamp(-127, 127)
            return power_of_two(exponent), parts.new_ones(samples)
        largest = self.element.largest
        whole = top.reshape(samples, -1).amax(dim=1) / (largest * E4M3_LARGEST)
        whole = whole.to(torch.float32)
        whole = torch.where(whole == 0, torch.ones_like(whole), whole)
        return E4M3.round(top / largest / _each(whole, top)), whole

    def _elements(self, parts: Tensor, scales: Tensor, whole: Tensor) -> Tensor:
        factor = scales if self.is_power else scales * _each(whole, scales)
        # A scale that rounds to 0 leaves nothing of its block.
        divisor = torch.where(factor == 0, torch.inf, factor)
        return self.element.round(parts / divisor[:, None])

    def _to_codes(self, values: Tensor) -> Tensor:
        known = self.element.magnitudes(values.device)
        known = known[known <= self.element.largest]
        codes = torch.searchsorted(known, values.abs())
        sign = torch.signbit(values).long() << (self.bits - 1)
        return (codes + sign).to(torch.uint8)

    def _from_codes(self, codes: Tensor) -> Tensor:
        half = 1 << (self.bits - 1)
        magnitudes = self.element.magnitudes(codes.device)[(codes & (half - 1)).long()]
        return torch.where(codes >= half, -magnitudes, magnitudes)


def _each(whole: Tensor, scales: Tensor) -> Tensor:
    """Return a sample's scale for each of its blocks."""
    return whole.to(scales.dtype).repeat_interleave(len(scales) // len(whole))
