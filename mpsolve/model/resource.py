"""Resources: exact integer usages, whatever numbers the caller had."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from mpsolve.model.budget import Budget, Number

__all__ = ["Limits", "Resource"]

#: (lower, upper) in scaled integers; None where a side is open.
Limits = tuple[int | None, int | None]

#: No layout's total may reach this, so that int64 sums and differences cannot wrap.
LARGEST_TOTAL = 2**62

#: Floats hold every integer up to this exactly.
LARGEST_EXACT_FLOAT = 2.0**53

#: Powers of ten up to this are floats without rounding.
MOST_DECIMALS = 22


@dataclass(frozen=True, eq=False)
class Resource:
    """What a budget can bound: the usage of every option, in exact integers.

    Integer usages are kept as they are. Float usages are scaled to integers once, when
    the problem is built: by the smallest power of ten that makes all of them integers
    (``0.1`` means one tenth), or, where there is none that int64 can hold, by the
    largest power of two that it can, rounded to the nearest integer. Every budget is
    then tightened by the largest error that the roundings can add up to, so that a
    layout within the scaled budget is within the caller's.

    Attributes
    ----------
    name : str
        Name of the resource.
    usage : ndarray of int64, shape (num_options_total,)
        Scaled usages, group after group; read-only.
    scale : Fraction
        Scaled units in one unit of the caller; 1 for integer usages.
    rounding : int
        Largest error of a total, in scaled units; 0 where the scaling is exact.
    unit : str
        Unit of the caller's numbers, such as ``"B"`` or ``"ns"``; may be empty.
    """

    name: str
    usage: npt.NDArray[np.int64]
    scale: Fraction = Fraction(1)
    rounding: int = 0
    unit: str = ""

    def limits(self, budget: Budget | None) -> Limits:
        """Return a budget in scaled integers, rounded against the caller.

        Parameters
        ----------
        budget : Budget or None
            In the caller's units.

        Returns
        -------
        lower, upper : int or None
            Such that every total within them is within the budget.
        """
        if budget is None:
            return (None, None)
        lower, upper = budget.lower, budget.upper
        return (
            None if lower is None else math.ceil(self._scaled(lower)) + self.rounding,
            None if upper is None else math.floor(self._scaled(upper)) - self.rounding,
        )

    def value(self, total: int) -> Number:
        """Return a scaled total in the caller's units: an int where `scale` is 1."""
        return total if self.scale == 1 else float(total / self.scale)

    def _scaled(self, side: Number) -> Number | Fraction:
        if isinstance(side, int) and self.scale == 1:
            return side
        # Where the usages are read as decimals, so is the budget beside them.
        # Five divides the powers of ten, and no power of two but 1, which is both.
        as_decimal = self.scale == 1 or self.scale.numerator % 5 == 0
        exact = Fraction(repr(side)) if as_decimal else Fraction(side)
        return exact * self.scale

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Resource):
            return NotImplemented
        return (
            (self.name, self.scale, self.rounding, self.unit)
            == (other.name, other.scale, other.rounding, other.unit)
        ) and np.array_equal(self.usage, other.usage)

    def __hash__(self) -> int:
        return hash((self.name, self.scale, self.usage.size))


def make_resource(
    name: str,
    values: npt.NDArray[np.int64] | npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],
    unit: str = "",
) -> Resource | None:
    """Scale the usages of a resource to integers.

    Parameters
    ----------
    name : str
        Name of the resource.
    values : ndarray of int64 or finite float64, shape (num_options_total,)
        Usages in the caller's units, group after group; taken over, not copied.
    offsets : ndarray of int64, shape (num_groups + 1,)
        Where each group's options begin.
    unit : str
        Unit of the caller's numbers.

    Returns
    -------
    Resource or None
        None where a layout's total could reach 2^62.
    """
    if values.dtype == np.int64:
        scaled, scale, rounding = values.astype(np.int64, copy=False), Fraction(1), 0
    else:
        floats = values.astype(np.float64, copy=False)
        decimal = _as_decimals(floats, offsets)
        if decimal is not None:
            (scaled, scale), rounding = decimal, 0
        else:
            scaled, scale, rounding = _as_binary(floats, len(offsets) - 1)
    if not _total_fits(scaled, offsets):
        return None
    scaled.flags.writeable = False
    return Resource(name, scaled, scale, rounding, unit)


def _total_fits(usage: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]) -> bool:
    """Whether no layout's total reaches `LARGEST_TOTAL` in absolute value."""
    if not usage.size:
        return True
    largest = max(int(usage.max()), -int(usage.min()))
    num_groups = len(offsets) - 1
    if largest * num_groups < LARGEST_TOTAL:
        return True
    if largest >= LARGEST_TOTAL:
        return False
    per_group = np.maximum.reduceat(np.abs(usage), offsets[:-1])
    total: int = sum(per_group.tolist())
    return total < LARGEST_TOTAL


def _as_decimals(
    values: npt.NDArray[np.float64], offsets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Fraction] | None:
    """Scale by the smallest power of ten that makes every value an integer."""
    # A prefix rules out most powers without touching all values.
    sample = values[:1024]
    for decimals in range(MOST_DECIMALS + 1):
        power = 10.0**decimals
        if _decimal_integers(sample, power) is None:
            continue
        integers = _decimal_integers(values, power)
        if integers is None:
            continue
        scaled = integers.astype(np.int64)
        fits = _total_fits(scaled, offsets)
        return (scaled, Fraction(10**decimals)) if fits else None
    return None


def _decimal_integers(
    values: npt.NDArray[np.float64], power: float
) -> npt.NDArray[np.float64] | None:
    """Multiply by a power of ten, or None where that is not exactly an integer."""
    with np.errstate(over="ignore"):
        integers = np.rint(values * power)
    if integers.size and not np.abs(integers).max() < LARGEST_EXACT_FLOAT:
        return None
    # Both operands are exact, so the quotient is the float that the decimal denotes.
    return integers if np.array_equal(integers / power, values) else None


def _as_binary(
    values: npt.NDArray[np.float64], num_groups: int
) -> tuple[npt.NDArray[np.int64], Fraction, int]:
    """Scale by the largest power of two whose totals stay in int64, and round."""
    largest = float(np.abs(values).max())
    exponent = 61 - math.frexp(largest)[1] - max(num_groups, 1).bit_length()
    # Mantissas first: a power of two beyond the floats' range must not overflow.
    mantissas, exponents = np.frexp(values)
    shifted = np.ldexp(mantissas, np.maximum(exponents + exponent, -100))
    rounded = np.rint(shifted)
    is_exact = np.array_equal(rounded, shifted)
    scale = Fraction(2) ** exponent
    return rounded.astype(np.int64), scale, 0 if is_exact else (num_groups + 1) // 2
