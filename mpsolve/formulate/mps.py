"""Problems as MPS files: the format that every solver of integer programs reads.

Free MPS, as CPLEX, HiGHS, SCIP and CBC understand it, and said to be free in the first
line, without which CBC guesses. It minimises; gains are written as losses of the
opposite sign, because readers differ in how they take OBJSENSE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mpsolve.formulate.formulation import Formulation
from mpsolve.formulate.linear import LinearModel, linear_model, plain_linear_model
from mpsolve.formulate.names import column_names, row_names
from mpsolve.formulate.program import make_program
from mpsolve.formulate.text import heading
from mpsolve.model.problem import Problem

__all__ = ["mps_text", "to_mps"]


def to_mps(problem: Problem, *, scaled: bool = True) -> Formulation[str]:
    """Write a problem as the text of an MPS file.

    Parameters
    ----------
    problem : Problem
    scaled : bool
        True: losses and rows scaled to what float64 solvers can tell apart. False: the
        problem's own numbers, whose objective is the loss itself.

    Returns
    -------
    Formulation
        Its `model` is the text, its `variables` are the names.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.25, 0.0]], {"memory": [[1, 2]]}, {"memory": 1},
    ...     layers=["fc"], precisions=["int4", "int8"])
    >>> formulation = to_mps(problem, scaled=False)
    >>> print(formulation.model[formulation.model.index("ROWS"):])
    ROWS
     N loss
     E one.fc
     L sum.memory
    COLUMNS
     M1 'MARKER' 'INTORG'
     x.fc.int4 loss 0.25 one.fc 1
     x.fc.int4 sum.memory 1
     x.fc.int8 one.fc 1 sum.memory 2
     M2 'MARKER' 'INTEND'
    RHS
     RHS one.fc 1 sum.memory 1
    BOUNDS
     BV BND x.fc.int4
     FX BND x.fc.int8 0
    ENDATA
    <BLANKLINE>
    >>> dict(formulation.layout({"x.fc.int4": 1.0}))
    {'fc': 'int4'}
    """
    program = make_program(problem.merged)
    model = linear_model(program) if scaled else plain_linear_model(program)
    columns = column_names(program)
    rows = row_names(model, is_plain=not scaled)
    comments = "".join(f"* {line}\n" for line in heading(model, is_scaled=scaled))
    text = comments + mps_text(model, columns, rows)
    return Formulation(text, columns, columns, program, model.objective)


def mps_text(model: LinearModel, columns: Sequence[str], rows: Sequence[str]) -> str:
    """Return a linear model as free MPS.

    Parameters
    ----------
    model : LinearModel
    columns, rows : sequence of str
        Their names, without blanks.

    Returns
    -------
    str
    """
    return "".join(_lines(model, columns, rows))


def _lines(
    model: LinearModel, columns: Sequence[str], rows: Sequence[str]
) -> Iterator[str]:
    lower, upper = model.row_lower.tolist(), model.row_upper.tolist()
    yield "NAME mpsolve FREE\nROWS\n N loss\n"
    for name, low, high in zip(rows, lower, upper, strict=True):
        yield f" {_kind(low, high)} {name}\n"
    yield "COLUMNS\n M1 'MARKER' 'INTORG'\n"
    order = np.lexsort((model.row_ids, model.column_ids))
    starts = np.searchsorted(
        model.column_ids[order], np.arange(model.num_columns + 1)
    ).tolist()
    entry_rows, entries = model.row_ids[order].tolist(), model.values[order].tolist()
    for j, (name, cost) in enumerate(
        zip(columns, model.objective.values.tolist(), strict=True)
    ):
        if j == model.num_integer:
            yield " M2 'MARKER' 'INTEND'\n"
        span = range(starts[j], starts[j + 1])
        pairs = [f"{rows[entry_rows[e]]} {_number(entries[e])}" for e in span]
        if cost:
            pairs.insert(0, f"loss {_number(cost)}")
        yield from (f" {name} {line}\n" for line in _two_by_two(pairs))
    if model.num_columns == model.num_integer:
        yield " M2 'MARKER' 'INTEND'\n"
    yield "RHS\n"
    sides = [
        (name, high if high < np.inf else low)
        for name, low, high in zip(rows, lower, upper, strict=True)
    ]
    pairs = [f"{name} {_number(side)}" for name, side in sides if side]
    yield from (f" RHS {line}\n" for line in _two_by_two(pairs))
    ranges = [
        f"{name} {_number(high - low)}"
        for name, low, high in zip(rows, lower, upper, strict=True)
        if _kind(low, high) == "L" and low > -np.inf
    ]
    if ranges:
        yield "RANGES\n"
        yield from (f" RNG {line}\n" for line in _two_by_two(ranges))
    yield "BOUNDS\n"
    for j, (name, most) in enumerate(zip(columns, model.upper.tolist(), strict=True)):
        if not most:
            yield f" FX BND {name} 0\n"
        else:
            yield (
                f" BV BND {name}\n" if j < model.num_integer else f" UP BND {name} 1\n"
            )
    yield "ENDATA\n"


def _kind(lower: float, upper: float) -> str:
    """Return the letter of a row; at most, with a range, where it has two sides."""
    if lower == upper:
        return "E"
    return "L" if upper < np.inf else "G" if lower > -np.inf else "N"


def _two_by_two(pairs: Sequence[str]) -> Iterator[str]:
    return (" ".join(pairs[i : i + 2]) for i in range(0, len(pairs), 2))


def _number(value: float) -> str:
    """Return the shortest text that is read back as the same float."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
