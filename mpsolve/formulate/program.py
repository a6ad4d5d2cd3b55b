"""The integer program of a problem, exact and for no solver in particular.

One binary column ``x[i, j]`` for each option of each merged group, one row that chooses
an option of each group, one for each budget and inventory count. A coupling of the
groups u and v has a column ``y[j, k]`` for each pair of options that may meet, which is
``x[u, j] * x[v, k]`` by one marginal row for each option of either side. These rows
describe the convex hull of the pair's layouts [1]_, so the linear relaxation is the
tightest that looks at one pair at a time, and y need not be declared integer.

References
----------
.. [1] A. M. C. A. Koster, S. P. M. van Hoesel, A. W. J. Kolen, "The partial constraint
   satisfaction problem: Facets and lifting theorems", Operations Research Letters 23
   (1998) 89-97. doi:10.1016/S0167-6377(98)00043-1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.formulate.rows import Cover, Row, named_rows, reduced_row
from mpsolve.model.merge import Merged

__all__ = ["Pair", "Program", "make_program"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """The columns of one coupling of two merged groups.

    Attributes
    ----------
    first, second : int
        The groups, the smaller position first.
    start : int
        Its first column.
    rows, columns : ndarray of int64, shape (num_columns,)
        Options of `first` and `second` that a column stands for, in row-major order.
    loss : ndarray of float64, shape (num_columns,)
    """

    first: int
    second: int
    start: int
    rows: Ints
    columns: Ints
    loss: Floats


@dataclass(frozen=True)
class Program:
    """One option a group, rows, couplings, and options that are closed.

    Attributes
    ----------
    merged : Merged
        The problem that it says.
    offsets : ndarray of int64, shape (num_groups + 1,)
        Where each group's columns begin; its options' columns are the first ones.
    blocks : ndarray of int64
        `offsets`, and where each coupling's columns begin: a layout chooses exactly one
        column of each block.
    loss : ndarray of float64, shape (num_columns,)
        Of the columns of options and of pairs; 0 where closed.
    is_open : ndarray of bool, shape (num_columns,)
        Columns that may be in a feasible layout.
    rows : tuple of Row
        Budgets and inventory counts, over the columns of options; those that no layout
        can break are left out.
    pairs : tuple of Pair
    is_infeasible : bool
        Whether integers show, without any search, that there is no layout.
    """

    merged: Merged
    offsets: Ints
    blocks: Ints
    loss: Floats
    is_open: npt.NDArray[np.bool_]
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    is_infeasible: bool

    @property
    def num_options(self) -> int:
        """Number of columns that stand for options."""
        return int(self.offsets[-1]) if len(self.offsets) else 0

    @property
    def num_columns(self) -> int:
        """Number of columns, those of pairs included."""
        return len(self.loss)

    def columns_of(self, choices: Ints) -> Ints | None:
        """Return the columns of a layout, None where two of its options cannot meet.

        Parameters
        ----------
        choices : ndarray of int, shape (num_groups,)
            An option of each merged group.

        Returns
        -------
        ndarray of int64, shape (num_groups + num_pairs,), or None
        """
        chosen = [self.offsets[:-1] + choices]
        for pair in self.pairs:
            meets = (pair.rows == choices[pair.first]) & (
                pair.columns == choices[pair.second]
            )
            found = np.flatnonzero(meets)
            if not len(found):
                return None
            chosen.append(pair.start + found)
        return np.concatenate(chosen)

    def choices_of(self, values: npt.ArrayLike) -> Ints:
        """Return the option of the largest value in each group.

        Parameters
        ----------
        values : array_like of float, shape (num_columns,) or (num_options,)
            What a solver gave the columns.

        Returns
        -------
        ndarray of int64, shape (num_groups,)
        """
        options = np.asarray(values, dtype=np.float64)[: self.num_options]
        if not len(options):
            return np.zeros(0, dtype=np.int64)
        starts, sizes = self.offsets[:-1], np.diff(self.offsets)
        largest = np.repeat(np.maximum.reduceat(options, starts), sizes)
        positions = np.flatnonzero(options == largest)
        first: Ints = positions[np.searchsorted(positions, starts)] - starts
        return first

    def covers(self, choices: Ints) -> Iterator[Cover]:
        """Yield what cuts a layout off, for each side of a row that it breaks."""
        for row in self.rows:
            yield from row.covers(self.offsets, choices)


def make_program(merged: Merged) -> Program:
    """Write a merged problem as an integer program.

    Parameters
    ----------
    merged : Merged

    Returns
    -------
    Program

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0, 0], [0, 0]], {"r": [[1007, 1013], [-50, -20]]}, {"r": (965, 984)})
    >>> program = make_program(problem.merged)
    >>> [(r.name, r.values.tolist(), r.lower, r.upper) for r in program.rows]
    [('sum.r', [0, 1, 0, 5], 2, 4)]
    """
    offsets = merged.offsets.astype(np.int64)
    loss = merged.pairs.loss
    is_open = np.isfinite(loss)
    rows: list[Row] = []
    is_infeasible = False
    for name, values, limits in named_rows(merged) if merged.num_groups else ():
        row = reduced_row(name, values, limits, offsets)
        if row.lower is None and row.upper is None:
            continue
        rows.append(row)
        if row.upper is not None:
            is_open &= row.values <= row.upper
        most = sum(np.maximum.reduceat(row.values, offsets[:-1]).tolist())
        least, upper = row.lower or 0, most if row.upper is None else row.upper
        is_infeasible |= least > min(upper, most) or upper < 0
    if not merged.num_groups:
        is_infeasible = _breaks_empty(merged)
    elif not np.logical_or.reduceat(is_open, offsets[:-1]).all():
        is_infeasible = True
    pairs = tuple(_pairs(merged, is_open))
    blocks = [offsets, *(np.array([p.start + len(p.rows)]) for p in pairs)]
    return Program(
        merged,
        offsets,
        np.unique(np.concatenate(blocks)),
        np.concatenate([np.where(is_open, loss, 0.0), *(p.loss for p in pairs)]),
        np.concatenate([is_open, np.ones(sum(len(p.rows) for p in pairs), dtype=bool)]),
        tuple(rows),
        pairs,
        is_infeasible or any(not len(p.rows) for p in pairs),
    )


def _pairs(merged: Merged, is_open: npt.NDArray[np.bool_]) -> Iterator[Pair]:
    start = len(is_open)
    for (first, second), table in sorted(merged.pairs.tables.items()):
        u, v = merged.offsets[first], merged.offsets[second]
        may_meet = np.isfinite(table)
        may_meet &= is_open[u : u + table.shape[0], None]
        may_meet &= is_open[None, v : v + table.shape[1]]
        rows, columns = np.nonzero(may_meet)
        yield Pair(first, second, start, rows, columns, table[may_meet])
        start += len(rows)


def _breaks_empty(merged: Merged) -> bool:
    """Whether a problem without groups has a budget or a count that 0 breaks."""
    return any(
        (lower is not None and lower > 0) or (upper is not None and upper < 0)
        for _, _, (lower, upper) in named_rows(merged)
    )
