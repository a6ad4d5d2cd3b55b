"""Rows of an integer program in exact integers, and what float64 solvers get of them.

Solvers that compute in float64 work with absolute tolerances: rows may be broken by
1e-6. Here every row stays in exact integers until it is scaled, and what float64 cannot
hold makes it wider, never narrower. So a bound holds for the problem as well, and so
does that there is no layout. Only the layouts that a solver returns are checked again,
in integers, and those that break a row are cut off.

The cuts are cover inequalities over the groups: options that together exceed a budget
cannot all be chosen, nor can larger options of the same groups [1]_. Their coefficients
are 0 and 1, which no tolerance blurs.

References
----------
.. [1] L. A. Wolsey, "Valid inequalities for 0-1 knapsacks and MIPs with generalised
   upper bound constraints", Discrete Applied Mathematics 29 (1990) 251-261.
   doi:10.1016/0166-218X(90)90148-6
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.model.merge import Merged
from mpsolve.model.resource import Limits

__all__ = ["Cover", "Row", "named_rows", "reduced_row"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Scaled rows have no coefficient above this.
LARGEST_COEFFICIENT_BITS = 10

#: Solvers take smaller coefficients for zero.
SMALLEST_COEFFICIENT = 2e-9

#: Largest integers that float64 holds exactly.
EXACT_BITS = 53


@dataclass(frozen=True)
class Cover:
    """Options of which at most `most` can be chosen together.

    Attributes
    ----------
    options : ndarray of int64
        Positions in the flat arrays.
    most : int
    """

    options: Ints
    most: int


@dataclass(frozen=True)
class Row:
    """``lower <= sum of the chosen options' values <= upper``, in exact integers.

    Attributes
    ----------
    name : str
        ``sum.`` and the resource, or ``count.`` and the precision.
    values : ndarray of int64, shape (num_options,)
        At least 0, with a 0 in every group, and without a common divisor.
    lower, upper : int or None
        None where a side cannot be broken.
    """

    name: str
    values: Ints
    lower: int | None
    upper: int | None

    def scaled(self, offsets: Ints) -> tuple[Floats, float, float]:
        """Return coefficients, lower and upper side for a float64 solver.

        Every layout within the row is within the scaled one.
        """
        bits = int(self.values.max(initial=0)).bit_length()
        exponent = min(0, LARGEST_COEFFICIENT_BITS - bits)
        coefficients = np.ldexp(self.values.astype(np.float64), exponent)
        is_lost = coefficients < SMALLEST_COEFFICIENT
        lost = np.where(is_lost, coefficients, 0.0)
        coefficients[is_lost] = 0.0
        largest = float(np.maximum.reduceat(coefficients, offsets[:-1]).sum())
        is_rounded = math.ldexp(largest, -exponent) >= 2.0**EXACT_BITS
        slack = math.ldexp(largest, 2 - EXACT_BITS) if is_rounded else 0.0
        lower, upper = -math.inf, math.inf
        if self.lower is not None:
            lower = math.ldexp(float(self.lower), exponent) - slack
            lower -= float(np.maximum.reduceat(lost, offsets[:-1]).sum())
        if self.upper is not None:
            upper = math.ldexp(float(self.upper), exponent) + slack
        return coefficients, lower, upper

    def shifted(self, offsets: Ints, bits: int) -> tuple[Ints, int, int]:
        """Return the row in integers that all together stay below ``2**bits``.

        Parameters
        ----------
        offsets : ndarray of int64
        bits : int

        Returns
        -------
        values : ndarray of int64, shape (num_options,)
        lower, upper : int
            Every layout within the row is within these; they are the row itself where
            it is small enough. Without a side, one that no layout reaches.
        """
        most = sum(self.values.tolist())
        shift = max(0, most.bit_length() - bits)
        # Each value loses less than one unit of the shifted ones.
        lost = len(offsets) - 1 if shift else 0
        lower = 0 if self.lower is None else (self.lower >> shift) - lost
        upper = most if self.upper is None else self.upper
        return self.values >> shift, lower, upper >> shift

    def covers(self, offsets: Ints, choices: Ints) -> Iterator[Cover]:
        """Yield a cover for each side that a layout breaks."""
        chosen = self.values[offsets[:-1] + choices]
        total = sum(chosen.tolist())
        if self.upper is not None and total > self.upper:
            yield _cover(self.values, chosen, self.upper, offsets)
        if self.lower is not None and total < self.lower:
            # Seen from the largest total, a lower side is an upper side.
            largest = np.maximum.reduceat(self.values, offsets[:-1])
            room = sum(largest.tolist()) - self.lower
            missing = np.repeat(largest, np.diff(offsets)) - self.values
            yield _cover(missing, largest - chosen, room, offsets)


def named_rows(merged: Merged) -> Iterator[tuple[str, Ints, Limits]]:
    """Yield budgets and inventory counts as they are: name, value of options, limits.

    Parameters
    ----------
    merged : Merged

    Yields
    ------
    name : str
        ``sum.`` and the resource, or ``count.`` and the precision.
    values : ndarray of int64, shape (num_options,)
    limits : (lower, upper)
    """
    for name, limits in merged.limits.items():
        yield f"sum.{name}", merged.usage[name], limits
    inventory = merged.problem.inventory
    if inventory is None:
        return
    sizes = np.repeat(merged.sizes, np.diff(merged.offsets))
    for precision, count in inventory.counts.items():
        code = merged.problem.precisions.index(precision)
        counted = np.where(merged.codes == code, sizes, 0)
        yield f"count.{precision}", counted, (count if inventory.exact else None, count)


def reduced_row(name: str, values: Ints, limits: Limits, offsets: Ints) -> Row:
    """Shift a row to 0 in every group, and divide it by its gcd.

    Parameters
    ----------
    name : str
    values : ndarray of int64, shape (num_options,)
    limits : (lower, upper)
    offsets : ndarray of int64, shape (num_groups + 1,)
        With at least one group.

    Returns
    -------
    Row
        With the same layouts; its lower side exceeds its upper side, or a side exceeds
        what it can reach, where there are none.
    """
    lower, upper = limits
    starts = offsets[:-1]
    smallest = np.minimum.reduceat(values, starts)
    shifted = values - np.repeat(smallest, np.diff(offsets))
    base = sum(smallest.tolist())
    largest = sum(np.maximum.reduceat(shifted, starts).tolist())
    divisor = int(np.gcd.reduce(shifted)) or 1
    most = largest // divisor
    least_side = 0 if lower is None else -((base - lower) // divisor)
    upper_side = most if upper is None else (upper - base) // divisor
    return Row(
        name,
        shifted // divisor,
        lower=least_side if least_side > 0 else None,
        upper=upper_side if upper_side < most else None,
    )


def _cover(values: Ints, chosen: Ints, room: int, offsets: Ints) -> Cover:
    """Return a minimal cover of the groups whose chosen values exceed `room`."""
    members, total = [], 0
    for group in np.argsort(-chosen, kind="stable").tolist():
        members.append(group)
        total += int(chosen[group])
        if total > room:
            break
    options = [
        np.arange(offsets[g], offsets[g + 1])[
            values[offsets[g] : offsets[g + 1]] >= chosen[g]
        ]
        for g in members
    ]
    return Cover(np.sort(np.concatenate(options)), len(members) - 1)
