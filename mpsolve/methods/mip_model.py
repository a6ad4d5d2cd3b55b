"""A merged problem as an integer program that float64 solvers can be trusted with.

Such solvers work with absolute tolerances: rows may be broken by 1e-6, and losses that
differ by less are the same to them. Here every row stays in exact integers until it is
scaled, what a tolerance could blur is scaled away from it, and what float64 cannot hold
makes the program wider, never narrower. So a bound holds for the problem as well, and
so does that there is no layout. Only the layouts that a solver returns are checked
again, in integers, and those that break a budget are cut off.

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

from mpsolve.methods.lattice import quantum
from mpsolve.model.merge import Merged
from mpsolve.model.resource import Limits

__all__ = ["Cover", "Mip", "Objective", "Row", "make_mip", "make_objective"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: The losses of interest span about this much once they are scaled: solvers prune by an
#: absolute 1e-9, and float64 sums of that size are good to 1e-7.
OBJECTIVE_SPAN = 2.0**30

#: Scaled rows have no coefficient above this.
LARGEST_COEFFICIENT_BITS = 10

#: Solvers take smaller coefficients for zero.
SMALLEST_COEFFICIENT = 2e-9

#: Largest integers that float64 holds exactly.
EXACT_BITS = 53


@dataclass(frozen=True)
class Row:
    """``lower <= sum of the chosen options' values <= upper``, in exact integers.

    Attributes
    ----------
    values : ndarray of int64, shape (num_options,)
        At least 0, with a 0 in every group, and without a common divisor.
    lower, upper : int or None
        None where a side cannot be broken.
    """

    values: Ints
    lower: int | None
    upper: int | None

    def scaled(self, offsets: Ints) -> tuple[Floats, float, float]:
        """Return coefficients, lower and upper side for a float64 solver.

        Every layout within the row is within the scaled one.
        """
        bits = int(self.values.max()).bit_length()
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
class Objective:
    """Losses as a float64 solver sees them: shifted to 0 in every group, and scaled.

    Attributes
    ----------
    values : ndarray of float64, shape (num_options,)
    exponent : int
        ``2**exponent`` scaled units are one unit of loss.
    least : float
        Sum of every group's smallest loss: a bound that needs no solver.
    allowance : float
        How far a solver's bound may be wrong, in scaled units: the tolerance on each
        group's reduced costs, and the rounding of the sums.
    quantum : float
        Every total is `least` and a multiple of this, in scaled units; 0 where that
        says nothing.
    """

    values: Floats
    exponent: int
    least: float
    allowance: float
    quantum: float

    def bound(self, scaled_bound: float) -> float:
        """Return a solver's dual bound in units of loss, made honest."""
        if not math.isfinite(scaled_bound):
            return self.least
        honest = max(scaled_bound - self.allowance, 0.0)
        if self.quantum > 2 * self.allowance:
            honest = math.ceil(honest / self.quantum) * self.quantum
        return self.least + math.ldexp(honest, -self.exponent)


@dataclass(frozen=True)
class Mip:
    """The program: one option a group, rows, and options that are closed.

    Attributes
    ----------
    offsets : ndarray of int64, shape (num_groups + 1,)
    is_open : ndarray of bool, shape (num_options,)
        Options that may be in a feasible layout.
    rows : tuple of Row
    """

    offsets: Ints
    is_open: npt.NDArray[np.bool_]
    rows: tuple[Row, ...]


def make_mip(merged: Merged) -> Mip | None:
    """Write the budgets and the inventory of a problem as rows.

    Parameters
    ----------
    merged : Merged
        With at least one group.

    Returns
    -------
    Mip or None
        None where a row by itself shows, in integers, that there is no layout.
    """
    rows = []
    is_open = np.ones(len(merged.loss), dtype=bool)
    for values, limits in _all_rows(merged):
        row = _reduced(values, limits, merged.offsets)
        if row is None:
            return None
        if row.upper is not None:
            is_open &= row.values <= row.upper
        if row.lower is not None or row.upper is not None:
            rows.append(row)
    if not np.logical_or.reduceat(is_open, merged.offsets[:-1]).all():
        return None
    return Mip(merged.offsets, is_open, tuple(rows))


def make_objective(mip: Mip, loss: Floats, ceiling: float | None = None) -> Objective:
    """Shift and scale the losses.

    Parameters
    ----------
    mip : Mip
    loss : ndarray of float64, shape (num_options,)
    ceiling : float, optional
        Total loss of a known layout: only better ones are of interest, and the scale
        is made for them.

    Returns
    -------
    Objective
    """
    starts, sizes = mip.offsets[:-1], np.diff(mip.offsets)
    smallest = np.minimum.reduceat(np.where(mip.is_open, loss, np.inf), starts)
    least = math.fsum(smallest.tolist())
    # Closed options may be far away: they are fixed, whatever their loss is.
    shifted = np.where(mip.is_open, loss - np.repeat(smallest, sizes), 0.0)
    span = float(np.maximum.reduceat(shifted, starts).sum())
    if ceiling is not None:
        span = min(span, ceiling - least)
    exponent = math.frexp(OBJECTIVE_SPAN)[1] - math.frexp(span)[1] if span > 0 else 0
    # What exceeds the whole known layout is in no better one, however much it exceeds.
    with np.errstate(over="ignore"):
        values = np.minimum(np.ldexp(shifted, exponent), 4 * OBJECTIVE_SPAN)
    return Objective(
        values=values,
        exponent=exponent,
        least=least,
        allowance=1e-9 * len(sizes) + OBJECTIVE_SPAN * 2.0 ** (2 - EXACT_BITS),
        quantum=math.ldexp(quantum(loss[mip.is_open], len(sizes)), exponent),
    )


def _all_rows(merged: Merged) -> Iterator[tuple[Ints, Limits]]:
    for name, limits in merged.limits.items():
        yield merged.usage[name], limits
    inventory = merged.problem.inventory
    if inventory is None:
        return
    sizes = np.repeat(merged.sizes, np.diff(merged.offsets))
    for precision, count in inventory.counts.items():
        code = merged.problem.precisions.index(precision)
        counted = np.where(merged.codes == code, sizes, 0)
        yield counted, (count if inventory.exact else None, count)


def _reduced(values: Ints, limits: Limits, offsets: Ints) -> Row | None:
    """Shift a row to 0 in every group, divide it by its gcd; None if nothing fits."""
    lower, upper = limits
    starts = offsets[:-1]
    smallest = np.minimum.reduceat(values, starts)
    shifted = values - np.repeat(smallest, np.diff(offsets))
    base = sum(smallest.tolist())
    largest = sum(np.maximum.reduceat(shifted, starts).tolist())
    divisor = int(np.gcd.reduce(shifted)) or 1
    least, most = 0, largest // divisor
    if lower is not None:
        least = max(least, -((base - lower) // divisor))
    if upper is not None:
        most = min(most, (upper - base) // divisor)
    if least > most:
        return None
    return Row(
        shifted // divisor,
        lower=least if least > 0 else None,
        upper=most if most < largest // divisor else None,
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
