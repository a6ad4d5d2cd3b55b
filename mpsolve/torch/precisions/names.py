"""Names of precisions: one for the weights and the inputs of a layer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast, get_args

from mpsolve.errors import InvalidParameterError
from mpsolve.model.datatypes import FLOATS
from mpsolve.torch.precisions.base import Keep, Precision
from mpsolve.torch.precisions.blocks import BLOCKS, Block
from mpsolve.torch.precisions.floats import Float
from mpsolve.torch.precisions.integers import Integer
from mpsolve.torch.precisions.noise import Noise
from mpsolve.torch.precisions.rounding import Direction
from mpsolve.torch.precisions.scales import Granularity

__all__ = ["GRAMMAR", "LayerPrecision", "parse", "parse_precision"]

DIRECTION = r"(?:-(floor|ceil|trunc))?"
INTEGER = re.compile(rf"int([2-8])(?:-(tensor|channel)|-g(\d+))?(-asym)?{DIRECTION}")
DIRECTED = re.compile(rf"({'|'.join(FLOATS)}){DIRECTION}")
SCALED = re.compile(r"(e4m3|e5m2)-(tensor|channel)")
NOISE = re.compile(r"noise(\d+(?:\.\d*)?(?:e[+-]?\d+)?)")
WEIGHT_ACTIVATION = re.compile(r"w(\d+)(?:a(\d+))?")

#: Floating-point formats that are meant where a name says only how many bits.
BY_BITS = {64: "fp64", 32: "fp32", 16: "fp16"}

#: Allowed names, for messages.
GRAMMAR = (
    f"{', '.join(FLOATS)}; e4m3-tensor, e4m3-channel (and e5m2); int2 to int8 with "
    "-tensor, -channel or -g<size> and -asym; these but the scaled ones of 8 bits with "
    f"-floor, -ceil or -trunc; {', '.join(BLOCKS)}; noise<level>; keep; "
    "w<bits>a<bits>; or <weights>/<inputs>"
)


@dataclass(frozen=True)
class LayerPrecision:
    """The precisions of a layer's weights and inputs.

    Attributes
    ----------
    name : str
    weight : Precision
        Of all parameters of the layer.
    input : Precision
    """

    name: str
    weight: Precision
    input: Precision


def parse(name: str | LayerPrecision | Precision) -> LayerPrecision:
    """Read the precisions of a layer from a name.

    Parameters
    ----------
    name : str, Precision or LayerPrecision
        ``"fp16"``, ``"mxfp8"``, …: weights and inputs have that format. ``"int8"``:
        both have 8 bits, weights with a symmetric scale for each output channel, or as
        a suffix says (``"int4-tensor"``, ``"int4-g32"``, ``"int4-g32-asym"``), inputs
        with an asymmetric one for each sample. ``"w4a8"``: bits of weights and inputs,
        where 16, 32 and 64 are fp16, fp32 and fp64; ``"w4"``: inputs stay as they are.
        ``"int4-g32/bf16"``: weights and inputs by their own names. ``"noise1e-3"``:
        noise of that level on both. ``"keep"``: no change. ``"bf16-trunc"``,
        ``"int8-floor"``, ``"int4-g32-ceil/keep"``: numbers that the format lacks go
        towards zero, down or up, in place of to the nearest.

    Returns
    -------
    LayerPrecision

    Raises
    ------
    InvalidParameterError
        If no precision has that name.

    Examples
    --------
    >>> w4a8 = parse("w4a8")
    >>> w4a8.weight, w4a8.input
    (Integer('int4'), Integer('int8-asym'))
    >>> parse("int4-g32/bf16").input
    Float('bf16')
    """
    if isinstance(name, LayerPrecision):
        return name
    if isinstance(name, Precision):
        return LayerPrecision(name.name, name, name)
    if not isinstance(name, str):
        raise _unknown(name)
    if match := WEIGHT_ACTIVATION.fullmatch(name):
        weight = _of_bits(int(match[1]), name)
        if match[2] is None:
            return LayerPrecision(name, weight, Keep())
        return LayerPrecision(name, weight, _for_inputs(_of_bits(int(match[2]), name)))
    weight_name, slash, input_name = name.partition("/")
    weight = parse_precision(weight_name)
    if slash:
        return LayerPrecision(name, weight, parse_precision(input_name))
    return LayerPrecision(name, weight, _for_inputs(weight))


def parse_precision(name: str) -> Precision:
    """Read one precision from its name.

    Raises
    ------
    InvalidParameterError
        If no precision has that name.

    Examples
    --------
    >>> parse_precision("int4-g32-asym")
    Integer('int4-g32-asym')
    """
    if match := DIRECTED.fullmatch(name):
        return Float(match[1], direction=_direction(match[2]))
    if name in BLOCKS:
        return Block(name)
    if name == "keep":
        return Keep()
    if match := SCALED.fullmatch(name):
        return Float(match[1], "tensor" if match[2] == "tensor" else "channel")
    if match := NOISE.fullmatch(name):
        return Noise(float(match[1]))
    if match := INTEGER.fullmatch(name):
        bits, symmetric = int(match[1]), match[4] is None
        direction = _direction(match[5])
        if match[3] is not None:
            return Integer(bits, "group", symmetric, int(match[3]), direction)
        per: Granularity = "tensor" if match[2] == "tensor" else "channel"
        return Integer(bits, per, symmetric, direction=direction)
    raise _unknown(name)


def _direction(suffix: str | None) -> Direction:
    for direction in get_args(Direction):
        if direction == suffix:
            return cast("Direction", direction)
    return "nearest"


def _of_bits(bits: int, name: str) -> Precision:
    if bits in BY_BITS:
        return Float(BY_BITS[bits])
    if 2 <= bits <= 8:
        return Integer(bits)
    raise _unknown(name)


def _for_inputs(weight: Precision) -> Precision:
    """Return what inputs get where a name says only what weights get."""
    # Inputs behind a ReLU have one sign: a symmetric scale would waste a bit.
    if not isinstance(weight, Integer):
        return weight
    return Integer(weight.bits, symmetric=False, direction=weight.direction)


def _unknown(name: Any) -> InvalidParameterError:
    return InvalidParameterError(f"precision must be one of {GRAMMAR}. Got {name!r}")
