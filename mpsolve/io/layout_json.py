"""Layouts as JSON files, with what was proven about them."""

from __future__ import annotations

import math
from os import PathLike

import msgspec

from mpsolve.errors import Fault, InvalidLayoutError, InvalidProblemError
from mpsolve.io.files import read_bytes, write_bytes
from mpsolve.io.records import LayoutRecord
from mpsolve.io.text import encode_record
from mpsolve.model.faults import MOST_FAULTS
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem
from mpsolve.result import Result
from mpsolve.verification import verify

__all__ = ["load_layout", "read_layout", "save_layout"]


def save_layout(
    layout: Layout, path: str | PathLike[str], result: Result | None = None
) -> None:
    """Write a layout to a JSON file, complete or not at all.

    Parameters
    ----------
    layout : Layout
    path : str or PathLike
    result : Result, optional
        The result that it comes from, whose bound, reason and method go to the file.

    Examples
    --------
    >>> import mpsolve, tempfile, pathlib
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.3, 0.1]], layers=["conv1"], precisions=["int4", "int8"])
    >>> layout = mpsolve.Layout(problem, [1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "layout.json")
    ...     save_layout(layout, path)
    ...     load_layout(path, problem) == layout
    True
    """
    verification = verify(layout.problem, layout)
    record = LayoutRecord(
        format="mpsolve/layout",
        version=1,
        problem=layout.problem.name,
        loss=verification.loss,
        usage=dict(verification.usage),
        choices=dict(layout),
    )
    if result is not None:
        record.bound = result.bound if math.isfinite(result.bound) else None
        record.reason = str(result.reason)
        record.limit = "" if result.limit is None else str(result.limit)
        record.method = result.method
        record.rel_gap, record.abs_gap = result.rel_gap, result.abs_gap
    write_bytes(path, encode_record(record))


def load_layout(path: str | PathLike[str], problem: Problem) -> Layout:
    """Read a layout of a problem from a JSON file.

    Parameters
    ----------
    path : str or PathLike
    problem : Problem
        Whose groups it decides.

    Returns
    -------
    Layout

    Raises
    ------
    InvalidLayoutError
        With every fault of the file, or every group that it does not fit.
    """
    record = read_layout(path)
    try:
        return Layout.from_names(problem, record.choices)
    except InvalidLayoutError as error:
        faults = error.faults
    if len(faults) > MOST_FAULTS:
        more = Fault("", f"and {len(faults) - MOST_FAULTS:,} more")
        faults = (*faults[:MOST_FAULTS], more)
    raise InvalidLayoutError(faults, str(path))


def read_layout(path: str | PathLike[str]) -> LayoutRecord:
    """Read a layout file as it is, without a problem to hold it against.

    Parameters
    ----------
    path : str or PathLike

    Returns
    -------
    LayoutRecord
        With what the file claims: loss, usage, bound, reason, method.

    Raises
    ------
    InvalidLayoutError
        With every fault of the file.
    """
    from mpsolve.io.check import Checker, record_type
    from mpsolve.io.problem_faults import check_head, raise_faults
    from mpsolve.io.tree import parse_tree

    faults: list[Fault] = []
    try:
        tree = parse_tree(read_bytes(path), str(path))
        check_head(tree, "layout", str(path))
        clean = Checker(faults).clean(tree, record_type(LayoutRecord))
        raise_faults(faults, str(path))
    except InvalidProblemError as error:
        raise InvalidLayoutError(error.faults, str(path)) from None
    return msgspec.convert(clean, LayoutRecord)
