"""What the name of a precision means, in words that every quantizer has.

The names are a small grammar; anything else needs a line in ``formats``:

==========================  ===========================================================
name                        meaning
==========================  ===========================================================
``int4``, ``w4``, ``4bit``  weights in 4 bit integers, one scale for each output channel
``w4a8``                    and activations in 8 bit integers, quantized while it runs
``int4g64``, ``w4a16_g64``  one scale for every 64 weights of a row
``int4g64_asym``            with a zero point
``fp8``, ``fp8a16``         E4M3 weights; with E4M3 activations, and without
``nvfp4``, ``nvfp4a16``     E2M1 in blocks of 16 with E4M3 scales
``mxfp4``, ``mxfp4a16``     E2M1 in blocks of 32 with power-of-two scales
``mxfp8``, ``mxfp8a16``     E4M3 in blocks of 32 with power-of-two scales
``fp32``, ``fp16``,         the layer stays as it is
``bf16``, ``none``
==========================  ===========================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mpsolve.errors import InvalidParameterError

__all__ = ["Format", "parse_format"]

INTEGER = re.compile(
    r"(?:(?:int|w)(?P<bits>\d{1,2})|(?P<plain>\d{1,2})[-_ ]?bits?)"
    r"(?:a(?P<activation>\d{1,2}))?"
    r"(?:[-_]?g(?P<group>\d+))?"
    r"(?:[-_](?P<zero>a?sym))?"
)
BLOCK = re.compile(r"(?P<kind>fp8|nvfp4|mxfp4|mxfp8)(?P<weights>a16)?")

#: Names of layers that stay as they are.
UNTOUCHED = frozenset(
    {"fp64", "fp32", "fp16", "bf16", "f32", "f16", "float", "none", "tf32"}
)

#: Weights that share a scale in the block formats.
BLOCKS = {"fp8": None, "nvfp4": 16, "mxfp4": 32, "mxfp8": 32}

#: Bits from which an activation counts as not quantized.
FLOAT_BITS = 16


@dataclass(frozen=True)
class Format:
    """A precision in words that every quantizer has.

    Attributes
    ----------
    kind : {"int", "fp8", "nvfp4", "mxfp4", "mxfp8", "float"}
        How weights are written; ``"float"`` leaves the layer as it is.
    bits : int
        Bits of a weight, without scales.
    activation_bits : int
        Bits of an activation; 16 where activations are not quantized.
    group_size : int or None
        Weights that share a scale; None is one scale for each output channel.
    symmetric : bool
        Whether there is no zero point.

    Examples
    --------
    >>> parse_format("int4g64")
    Format(kind='int', bits=4, activation_bits=16, group_size=64, symmetric=True)
    """

    kind: str
    bits: int
    activation_bits: int = FLOAT_BITS
    group_size: int | None = None
    symmetric: bool = True

    @property
    def is_float(self) -> bool:
        """Whether the layer stays as it is."""
        return self.kind == "float"

    @property
    def weight_only(self) -> bool:
        """Whether activations are not quantized."""
        return self.activation_bits >= FLOAT_BITS

    def __str__(self) -> str:
        if self.is_float:
            return "as it is"
        if self.kind != "int":
            return self.kind + ("a16" if self.weight_only else "")
        group = "" if self.group_size is None else f"g{self.group_size}"
        zero = "" if self.symmetric else "_asym"
        return f"w{self.bits}a{self.activation_bits}{group}{zero}"


def parse_format(name: str) -> Format:
    """Return what the name of a precision means.

    Parameters
    ----------
    name : str
        In the grammar of this module; upper and lower case are the same.

    Returns
    -------
    Format

    Raises
    ------
    InvalidParameterError
        If the name is not of the grammar.

    Examples
    --------
    >>> parse_format("w8a8").activation_bits, str(parse_format("nvfp4"))
    (8, 'nvfp4')
    """
    text = name.strip().lower()
    if text in UNTOUCHED:
        return Format("float", 16)
    if match := BLOCK.fullmatch(text):
        kind = match["kind"]
        bits = int(kind[-1])
        activation = FLOAT_BITS if match["weights"] else bits
        return Format(kind, bits, activation, BLOCKS[kind])
    match = INTEGER.fullmatch(text)
    if match is None:
        msg = (
            f"{name!r} names no format that is known here; say what it is with "
            f"formats={{{name!r}: 'w4a16g128'}}, or in the host's own words"
        )
        raise InvalidParameterError(msg)
    bits = int(match["bits"] or match["plain"])
    if bits >= FLOAT_BITS:
        return Format("float", bits)
    activation = min(FLOAT_BITS, int(match["activation"] or FLOAT_BITS))
    group = int(match["group"]) if match["group"] else None
    return Format("int", bits, activation, group, match["zero"] != "asym")


def as_format(meaning: Any) -> Format | dict[str, Any]:
    """Return what a caller's ``formats`` entry means: a format or the host's words."""
    if isinstance(meaning, Format):
        return meaning
    if isinstance(meaning, str):
        return parse_format(meaning)
    if isinstance(meaning, dict):
        return meaning
    msg = (
        "a format must be a name such as 'w4a16g128', a Format, or a dict in the "
        f"host's own words. Got {meaning!r}"
    )
    raise InvalidParameterError(msg)
