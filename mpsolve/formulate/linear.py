"""An integer program as the matrix that linear solvers, LP and MPS files are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.formulate.objective import Objective, make_objective, plain_objective
from mpsolve.formulate.program import Program
from mpsolve.formulate.rows import Cover, named_rows

__all__ = ["LinearModel", "linear_model", "plain_linear_model"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearModel:
    """``min objective @ x`` under ``row_lower <= A @ x <= row_upper``, columns in 0..1.

    Attributes
    ----------
    program : Program
    objective : Objective
    upper : ndarray of float64, shape (num_columns,)
        1 for open columns, 0 for closed ones; all lower bounds are 0.
    num_integer : int
        The first columns, those of options, are binary; the others follow from them.
    row_ids, column_ids, values : ndarray, shape (num_nonzeros,)
        The matrix, row after row, columns ascending within each.
    row_lower, row_upper : ndarray of float64, shape (num_rows,)
    covers : tuple of Cover
        Cuts, which are the last rows.
    """

    program: Program
    objective: Objective
    upper: Floats
    num_integer: int
    row_ids: Ints
    column_ids: Ints
    values: Floats
    row_lower: Floats
    row_upper: Floats
    covers: tuple[Cover, ...] = ()

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return len(self.row_lower)

    @property
    def num_columns(self) -> int:
        """Number of columns."""
        return len(self.upper)

    @property
    def row_starts(self) -> Ints:
        """Where each row's entries begin, shape (num_rows + 1,)."""
        return np.searchsorted(self.row_ids, np.arange(self.num_rows + 1))


def linear_model(
    program: Program,
    objective: Objective | None = None,
    covers: Sequence[Cover] = (),
) -> LinearModel:
    """Write a program in numbers that float64 solvers can be trusted with.

    Parameters
    ----------
    program : Program
    objective : Objective, optional
        Made by `make_objective` where it is not given.
    covers : sequence of Cover
        Cuts, appended as rows.

    Returns
    -------
    LinearModel
        Every layout of the program satisfies it; one that is over a budget may too, by
        less than solvers tell apart.
    """
    if objective is None:
        objective = make_objective(program)
    rows = [row.scaled(program.offsets) for row in program.rows]
    return _linear_model(program, objective, rows, covers)


def plain_linear_model(program: Program) -> LinearModel:
    """Write a program in the problem's own numbers, for people and papers.

    Parameters
    ----------
    program : Program

    Returns
    -------
    LinearModel
        Losses as they are, and every budget and count, in the integers that usages were
        scaled to.
    """
    rows = []
    for _, values, (lower, upper) in named_rows(program.merged):
        sides = (
            -np.inf if lower is None else float(lower),
            np.inf if upper is None else float(upper),
        )
        rows.append((values.astype(np.float64), *sides))
    return _linear_model(program, plain_objective(program), rows, ())


def _linear_model(
    program: Program,
    objective: Objective,
    rows: Sequence[tuple[Floats, float, float]],
    covers: Sequence[Cover],
) -> LinearModel:
    num_options, num_groups = program.num_options, len(program.offsets) - 1
    ids = [np.repeat(np.arange(num_groups), np.diff(program.offsets))]
    columns, values = [np.arange(num_options)], [np.ones(num_options)]
    lower, upper = [np.ones(num_groups)], [np.ones(num_groups)]
    count = num_groups

    def add(row: Ints | int, column: Ints, value: Floats) -> None:
        ids.append(np.broadcast_to(row, column.shape))
        columns.append(column)
        values.append(value)

    for coefficients, low, high in rows:
        used = np.flatnonzero(coefficients)
        add(count, used, coefficients[used])
        lower.append(np.array([low]))
        upper.append(np.array([high]))
        count += 1
    for pair in program.pairs:
        own = pair.start + np.arange(len(pair.rows))
        sides = ((pair.first, pair.rows), (pair.second, pair.columns))
        for group, options in sides:
            first, last = program.offsets[group : group + 2]
            size = int(last - first)
            add(count + np.arange(size), np.arange(first, last), np.full(size, -1.0))
            add(count + options, own, np.ones(len(own)))
            lower.append(np.zeros(size))
            upper.append(np.zeros(size))
            count += size
    for cover in covers:
        add(count, cover.options, np.ones(len(cover.options)))
        lower.append(np.array([-np.inf]))
        upper.append(np.array([float(cover.most)]))
        count += 1
    row_ids, column_ids = np.concatenate(ids), np.concatenate(columns)
    order = np.lexsort((column_ids, row_ids))
    return LinearModel(
        program=program,
        objective=objective,
        upper=objective.is_open.astype(np.float64),
        num_integer=num_options,
        row_ids=row_ids[order],
        column_ids=column_ids[order],
        values=np.concatenate(values)[order],
        row_lower=np.concatenate(lower),
        row_upper=np.concatenate(upper),
        covers=tuple(covers),
    )
