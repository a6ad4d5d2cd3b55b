"""Problems as LP files: CPLEX's format, which people can read.

What CPLEX, Gurobi, HiGHS, SCIP and CBC agree on: one side to a row, so a row with two
sides becomes two; no constant in the objective; names of letters, digits, dots and
underscores. It minimises; gains are written as losses of the opposite sign.
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

__all__ = ["to_lp"]

#: Readers take no lines longer than 255 or 510 signs.
LINE = 80


def to_lp(problem: Problem, *, scaled: bool = True) -> Formulation[str]:
    r"""Write a problem as the text of an LP file.

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
    ...     [[0.5, 0.0], [0.25, 0.0]], {"memory": [[1, 2], [1, 2]]}, {"memory": 3},
    ...     layers=["conv1", "fc"], precisions=["int4", "int8"])
    >>> print(to_lp(problem, scaled=False).model)
    \ 2 layers, 2 groups, 4 options, 0 couplings
    \ loss = objective
    Minimize
     loss: 0.5 x.conv1.int4 + 0.25 x.fc.int4
    Subject To
     one.conv1: x.conv1.int4 + x.conv1.int8 = 1
     one.fc: x.fc.int4 + x.fc.int8 = 1
     sum.memory: x.conv1.int4 + 2 x.conv1.int8 + x.fc.int4 + 2 x.fc.int8 <= 3
    Binaries
     x.conv1.int4 x.conv1.int8 x.fc.int4 x.fc.int8
    End
    <BLANKLINE>
    """
    program = make_program(problem.merged)
    model = linear_model(program) if scaled else plain_linear_model(program)
    columns = column_names(program)
    rows = row_names(model, is_plain=not scaled)
    comments = [f"\\ {line}" for line in heading(model, is_scaled=scaled)]
    text = "\n".join([*comments, *_lines(model, columns, rows), ""])
    return Formulation(text, columns, columns, program, model.objective)


def _lines(
    model: LinearModel, columns: Sequence[str], rows: Sequence[str]
) -> Iterator[str]:
    first = columns[0] if columns else "nothing"
    yield "Minimize"
    losses = model.objective.values
    used = np.flatnonzero(losses)
    yield from _wrapped(" loss:", _terms(used, losses[used], columns) or [f"0 {first}"])
    yield "Subject To"
    starts = model.row_starts.tolist()
    for i, (name, lower, upper) in enumerate(
        zip(rows, model.row_lower.tolist(), model.row_upper.tolist(), strict=True)
    ):
        span = slice(starts[i], starts[i + 1])
        terms = _terms(model.column_ids[span], model.values[span], columns)
        terms = terms or [f"0 {first}"]
        if lower == upper:
            yield from _wrapped(f" {name}:", [*terms, f"= {_number(lower)}"])
            continue
        both = lower > -np.inf and upper < np.inf
        if upper < np.inf:
            yield from _wrapped(f" {name}:", [*terms, f"<= {_number(upper)}"])
        if lower > -np.inf:
            suffix = ".least" if both else ""
            yield from _wrapped(f" {name}{suffix}:", [*terms, f">= {_number(lower)}"])
    if not rows:
        yield f" nothing: {first} >= 0"
    is_closed = model.upper == 0.0
    pairs = range(model.num_integer, model.num_columns)
    if is_closed.any() or pairs:
        yield "Bounds"
        yield from (f" {columns[j]} = 0" for j in np.flatnonzero(is_closed).tolist())
        yield from (f" 0 <= {columns[j]} <= 1" for j in pairs if not is_closed[j])
    yield from _binaries(model, columns)
    yield "End"


def _binaries(model: LinearModel, columns: Sequence[str]) -> Iterator[str]:
    """Declare open options binary; closed ones general, which keeps their bounds."""
    is_open = model.upper[: model.num_integer] > 0.0
    for title, chosen in (("Binaries", is_open), ("Generals", ~is_open)):
        names = [columns[j] for j in np.flatnonzero(chosen).tolist()]
        if names:
            yield title
            yield from _wrapped("", names)


def _terms(used: np.ndarray, values: np.ndarray, columns: Sequence[str]) -> list[str]:
    """Return ``3 a``, ``- b``, ``+ 0.5 c``: each with its sign but a first plus."""
    terms: list[str] = []
    for j, value in zip(used.tolist(), values.tolist(), strict=True):
        sign = "- " if value < 0 else "+ " if terms else ""
        size = "" if abs(value) == 1.0 else f"{_number(abs(value))} "
        terms.append(f"{sign}{size}{columns[j]}")
    return terms


def _wrapped(start: str, words: Sequence[str]) -> Iterator[str]:
    line = start
    for word in words:
        if len(line) + len(word) >= LINE and line.strip():
            yield line
            line = "  "
        line += f" {word}"
    yield line


def _number(value: float) -> str:
    """Return the shortest text that is read back as the same float."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
