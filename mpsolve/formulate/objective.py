"""Losses as solvers are given them: shifted to 0, scaled to what they tell apart.

A layout chooses one column of each block (a group, or a pair of coupled groups), so the
smallest loss of a block can be taken off all of it. What is left is scaled by a power
of two: float64 solvers prune by an absolute 1e-9, and integer ones need integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.formulate.program import Program
from mpsolve.formulate.rows import EXACT_BITS
from mpsolve.model.lattice import quantum

__all__ = [
    "INTEGER_BITS",
    "OBJECTIVE_SPAN",
    "Objective",
    "make_integer_objective",
    "make_objective",
    "plain_objective",
]

#: The losses of interest span about this much once they are scaled: solvers prune by an
#: absolute 1e-9, and float64 sums of that size are good to 1e-7.
OBJECTIVE_SPAN = 2.0**30

#: All integer losses together stay below two to this. CP-SAT adds losses of decided
#: options up in float64, and reports bounds above the optimum where that rounds.
INTEGER_BITS = EXACT_BITS

#: Bits that the rounding of a solver's sums may take from the objective: bounds 1e-6
#: above an optimum of 2^29 were seen of HiGHS and CBC.
ROUNDING_BITS = 8

#: What a solver's bound may be off by for each block: the tolerance on reduced costs.
DUAL_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Objective:
    """Losses of the columns, shifted and scaled.

    ``loss == least + value * 2**-exponent`` for every layout, up to `error`.

    Attributes
    ----------
    values : ndarray of float64 or int64, shape (num_columns,)
    is_open : ndarray of bool, shape (num_columns,)
        Columns that may be in a layout of interest.
    exponent : int
        ``2**exponent`` scaled units are one unit of loss.
    least : float
        Sum of every block's smallest loss: a bound that needs no solver.
    allowance : float
        How far a solver's bound may be too large, in scaled units: the tolerance on
        each block's reduced costs, and the rounding of the sums.
    quantum : float
        Every total is `least` and a multiple of this, in scaled units; 0 where that
        says nothing.
    error : float
        How far the scaled total of a layout may lie below its true one, in scaled
        units: integers are rounded down, so that bounds stay bounds.
    """

    values: npt.NDArray[np.float64] | npt.NDArray[np.int64]
    is_open: npt.NDArray[np.bool_]
    exponent: int
    least: float
    allowance: float = 0.0
    quantum: float = 0.0
    error: float = 0.0

    @property
    def resolution(self) -> float:
        """Loss that the scaled totals cannot tell apart; 0 where they are exact."""
        return math.ldexp(self.error, -self.exponent)

    def loss(self, total: float) -> float:
        """Return a total of scaled values in units of loss.

        Parameters
        ----------
        total : float

        Returns
        -------
        float
        """
        return self.least + math.ldexp(float(total), -self.exponent)

    def bound(self, scaled_bound: float) -> float:
        """Return a solver's dual bound in units of loss, made honest."""
        if not math.isfinite(scaled_bound):
            return self.least
        honest = max(scaled_bound - self.allowance, 0.0)
        if self.quantum > 2 * self.allowance:
            honest = math.ceil(honest / self.quantum) * self.quantum
        return self.loss(honest)


def make_objective(program: Program, ceiling: float | None = None) -> Objective:
    """Shift and scale the losses for solvers that compute in float64.

    Parameters
    ----------
    program : Program
    ceiling : float, optional
        Total loss of a known layout: only better ones are of interest, and the scale
        is made for them.

    Returns
    -------
    Objective
    """
    shifted, least = _shifted(program)
    starts = program.blocks[:-1]
    span = float(np.maximum.reduceat(shifted, starts).sum()) if len(starts) else 0.0
    if ceiling is not None:
        span = min(span, ceiling - least)
    exponent = math.frexp(OBJECTIVE_SPAN)[1] - math.frexp(span)[1] if span > 0 else 0
    # What exceeds the whole known layout is in no better one, however much it exceeds.
    with np.errstate(over="ignore"):
        values = np.minimum(np.ldexp(shifted, exponent), 4 * OBJECTIVE_SPAN)
    step = quantum(program.loss[program.is_open], len(starts))
    return Objective(
        values=values,
        is_open=program.is_open,
        exponent=exponent,
        least=least,
        allowance=DUAL_TOLERANCE * len(starts)
        + OBJECTIVE_SPAN * 2.0 ** (ROUNDING_BITS - EXACT_BITS),
        quantum=math.ldexp(step, exponent),
    )


def make_integer_objective(
    program: Program, ceiling: float | None = None, *, bits: int = INTEGER_BITS
) -> Objective:
    """Shift and scale the losses for solvers that compute in 64-bit integers.

    Losses are rounded down, to no more than one scaled unit for each block.

    Parameters
    ----------
    program : Program
    ceiling : float, optional
        Total loss of a known layout: columns that by themselves exceed it are closed,
        and the scale is made for the others.
    bits : int
        All of them together stay below two to this.

    Returns
    -------
    Objective
        With int64 values.

    Examples
    --------
    >>> import mpsolve
    >>> from mpsolve.formulate.program import make_program
    >>> problem = mpsolve.Problem.from_arrays([[0.5, 0.25], [3.0, 1.0]])
    >>> objective = make_integer_objective(make_program(problem.merged))
    >>> objective.values.tolist(), objective.loss(9), objective.resolution
    ([1, 0, 8, 0], 3.5, 0.0)
    """
    shifted, least = _shifted(program)
    starts = program.blocks[:-1]
    is_open = program.is_open
    if ceiling is not None:
        # Generous: rounding may only keep columns.
        size = abs(least) + abs(ceiling)
        is_open = is_open & (shifted <= (ceiling - least) * (1 + 1e-9) + 1e-12 * size)
        shifted = np.where(is_open, shifted, 0.0)
    total = float(shifted.sum())
    exponent = bits - math.frexp(total)[1] if total > 0 else 0
    step = quantum(program.loss[is_open], len(starts))
    if step and math.frexp(step)[1] - 1 >= -exponent:
        exponent = 1 - math.frexp(step)[1]
    scaled = np.ldexp(shifted, exponent)
    values = np.floor(scaled)
    is_exact = np.array_equal(values, scaled) and bool(step)
    return Objective(
        values=values.astype(np.int64),
        is_open=is_open,
        exponent=exponent,
        least=least,
        # Where losses are no multiples of a step, their shift was rounded too.
        allowance=0.0 if is_exact else 1.0,
        error=0.0 if is_exact else float(len(starts)),
    )


def plain_objective(program: Program) -> Objective:
    """Return the losses as they are, for people and papers.

    Parameters
    ----------
    program : Program

    Returns
    -------
    Objective
    """
    return Objective(program.loss, program.is_open, exponent=0, least=0.0)


def _shifted(program: Program) -> tuple[npt.NDArray[np.float64], float]:
    """Return losses above the smallest of their block, and the sum of the smallest."""
    starts, sizes = program.blocks[:-1], np.diff(program.blocks)
    if not len(starts):
        return np.zeros(0), 0.0
    open_loss = np.where(program.is_open, program.loss, np.inf)
    smallest = np.minimum.reduceat(open_loss, starts)
    # A group without any open option is infeasible, whatever its losses are.
    smallest = np.where(np.isfinite(smallest), smallest, 0.0)
    # Closed options may be far away: they are fixed, whatever their loss is.
    above = np.where(program.is_open, program.loss - np.repeat(smallest, sizes), 0.0)
    return above, math.fsum(smallest.tolist())
