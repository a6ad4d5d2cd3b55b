"""Data types as sets of values: which type represents every value of which other.

Types are only partially ordered: fp16 and bf16 each hold values that the other rounds.
So whether a conversion is lossless is a boolean matrix, computed here from the types'
exponent and mantissa ranges, subnormal numbers included; it never follows from widths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mpsolve.model.faults import Faults

__all__ = [
    "FLOATS",
    "FloatType",
    "IntegerType",
    "lossless_matrix",
    "parse_type",
    "rounding_errors",
]


@dataclass(frozen=True)
class FloatType:
    """A binary floating-point type.

    Its finite values are ``±m 2^(e - mantissa)`` with ``m < 2^(mantissa + 1)`` and
    ``lowest <= e <= highest``; those with ``m < 2^mantissa`` at the lowest exponent are
    the subnormal numbers.

    Parameters
    ----------
    name : str
    exponent : int
        Bits of the exponent.
    mantissa : int
        Stored bits of the mantissa.
    finite_only : bool
        True where there is no infinity, and only the largest code is not a number, as
        in the 8-bit type e4m3 [1]_; it then reaches one exponent higher.

    References
    ----------
    .. [1] P. Micikevicius et al., "FP8 formats for deep learning", arXiv 2209.05433.

    Examples
    --------
    >>> fp16 = FloatType("fp16", exponent=5, mantissa=10)
    >>> float(fp16.largest), float(fp16.quantum) == 2.0**-24
    (65504.0, True)
    """

    name: str
    exponent: int
    mantissa: int
    finite_only: bool = False

    @property
    def lowest(self) -> int:
        """Exponent of the smallest normal number."""
        return 2 - (1 << (self.exponent - 1))

    @property
    def highest(self) -> int:
        """Exponent of the largest number."""
        return (1 << (self.exponent - 1)) - 1 + self.finite_only

    @cached_property
    def quantum(self) -> Fraction:
        """Smallest positive value, a subnormal number; all others are multiples."""
        return power_of_two(self.lowest - self.mantissa)

    @cached_property
    def largest(self) -> Fraction:
        """Largest finite value."""
        significand = (2 << self.mantissa) - 1 - self.finite_only
        return significand * power_of_two(self.highest - self.mantissa)

    def represents(self, value: Fraction) -> bool:
        """Whether a number is one of the type's finite values."""
        size = abs(value)
        if not size:
            return True
        if size > self.largest or size.denominator & (size.denominator - 1):
            return False
        # Two to the power of floor(log2(size)), for a power of two as denominator.
        exponent = size.numerator.bit_length() - size.denominator.bit_length()
        spacing = power_of_two(max(exponent, self.lowest) - self.mantissa)
        return (size / spacing).denominator == 1


@dataclass(frozen=True)
class IntegerType:
    """Integers times a scale: ``scale * q`` with ``-2^(bits-1) <= q < 2^(bits-1)``.

    Parameters
    ----------
    name : str
    bits : int
        At least 2.
    scale : Fraction or None
        None where it is not known; then only the type itself represents it.
    """

    name: str
    bits: int
    scale: Fraction | None = None

    @property
    def codes(self) -> range:
        """The integers that the type has."""
        half = 1 << (self.bits - 1)
        return range(-half, half)


DataType = FloatType | IntegerType

#: The floating-point types by name; bits of exponent and mantissa as in IEEE 754 and in
#: the makers' documentation. e4m3 is the variant without infinity ("fn").
FLOATS = {
    kind.name: kind
    for kind in (
        FloatType("fp64", 11, 52),
        FloatType("fp32", 8, 23),
        FloatType("tf32", 8, 10),
        FloatType("bf16", 8, 7),
        FloatType("fp16", 5, 10),
        FloatType("e5m2", 5, 2),
        FloatType("e4m3", 4, 3, finite_only=True),
    )
}

INTEGER = re.compile(r"int([2-8])")


def power_of_two(exponent: int) -> Fraction:
    """Return 2^exponent exactly."""
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)


def parse_type(name: str, scale: float | Fraction | None = None) -> DataType | None:
    """Return the type of a name, or None where there is none.

    Parameters
    ----------
    name : str
        A key of `FLOATS`, or ``"int2"`` to ``"int8"``.
    scale : float or Fraction, optional
        Of an integer type.
    """
    if name in FLOATS:
        return FLOATS[name]
    if match := INTEGER.fullmatch(name):
        return IntegerType(
            name, int(match[1]), None if scale is None else Fraction(scale)
        )
    return None


def lossless_matrix(
    names: Sequence[str], scales: Mapping[str, float | Fraction] | None = None
) -> npt.NDArray[np.bool_]:
    """Return which conversions keep every value.

    Parameters
    ----------
    names : sequence of str
        Keys of `FLOATS` or ``"int2"`` to ``"int8"``; P of them.
    scales : mapping of str to float or Fraction, optional
        Scales of the integer types, above 0. An integer type without a scale is exact
        only in itself: what it holds depends on the scale.

    Returns
    -------
    ndarray of bool, shape (P, P)
        ``[a, b]`` is True where b represents every finite value of a.

    Raises
    ------
    InvalidProblemError
        If a name is no known type, or a scale is not above 0.

    Examples
    --------
    fp16 and bf16 are not ordered; a scaled int4 fits into an int8 whose scale divides
    its own.

    >>> lossless_matrix(["fp16", "bf16", "fp32"]).tolist()
    [[True, False, True], [False, True, True], [False, False, True]]
    >>> lossless_matrix(["int4", "int8"], {"int4": 0.5, "int8": 0.125})[0, 1]
    np.True_
    >>> lossless_matrix(["int4", "int8"], {"int4": 0.5, "int8": 0.2})[0, 1]
    np.False_
    """
    types = _types(names, scales or {})
    matrix = np.zeros((len(types), len(types)), dtype=bool)
    for a, narrow in enumerate(types):
        for b, wide in enumerate(types):
            matrix[a, b] = a == b or is_lossless(narrow, wide)
    return matrix


def is_lossless(narrow: DataType, wide: DataType) -> bool:
    """Whether the second type represents every finite value of the first."""
    if narrow == wide:
        return True
    if isinstance(narrow, FloatType):
        if isinstance(wide, FloatType):
            # Every value of `narrow` is a multiple of its quantum with at most
            # mantissa + 1 significant bits, and some value needs all of either.
            return (
                narrow.mantissa <= wide.mantissa
                and narrow.quantum >= wide.quantum
                and narrow.largest <= wide.largest
            )
        if wide.scale is None:
            return False
        steps = narrow.quantum / wide.scale
        return steps.denominator == 1 and narrow.largest / wide.scale <= wide.codes[-1]
    if narrow.scale is None:
        return False
    if isinstance(wide, FloatType):
        return all(wide.represents(narrow.scale * code) for code in narrow.codes)
    if wide.scale is None:
        return False
    # Code 1 must become a code of `wide`, and so must the outermost ones.
    ratio = narrow.scale / wide.scale
    return ratio.denominator == 1 and all(
        ratio * code in wide.codes for code in (narrow.codes[0], narrow.codes[-1])
    )


def rounding_errors(names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the largest relative rounding error of each type.

    Parameters
    ----------
    names : sequence of str
        Keys of `FLOATS` or ``"int2"`` to ``"int8"``; P of them.

    Returns
    -------
    ndarray of float64, shape (P,)
        Floating-point types: ``2^-(mantissa + 1)``, half a unit in the last place
        relative to the value, for values in the normal range [1]_. Integer types: half
        a step relative to the tensor's largest magnitude, ``1 / (2^bits - 2)``, for a
        symmetric scale.

    Raises
    ------
    InvalidProblemError
        If a name is no known type.

    References
    ----------
    .. [1] N. Higham, Accuracy and Stability of Numerical Algorithms, SIAM 2002, ch. 2.

    Examples
    --------
    >>> rounding_errors(["fp16", "bf16"]).tolist() == [2.0**-11, 2.0**-8]
    True
    """
    errors = [
        2.0 ** -(kind.mantissa + 1)
        if isinstance(kind, FloatType)
        else 1.0 / (2**kind.bits - 2)
        for kind in _types(names, {})
    ]
    return np.array(errors)


def _types(
    names: Sequence[str], scales: Mapping[str, float | Fraction]
) -> list[DataType]:
    """Read the types of some names."""
    faults = Faults()
    for name, scale in scales.items():
        if not isinstance(scale, int | float | Fraction) or not 0 < scale < float(
            "inf"
        ):
            faults.add(f"scales[{name!r}]", f"must be finite and > 0. Got {scale!r}")
    faults.raise_if_any()
    types = [parse_type(name, scales.get(name)) for name in names]
    for i, kind in enumerate(types):
        if kind is None:
            known = ", ".join([*FLOATS, "int2 to int8"])
            message = f"must be one of {known}. Got {names[i]!r}"
            faults.add(f"names[{i}]", message)
    faults.raise_if_any()
    return [kind for kind in types if kind is not None]
