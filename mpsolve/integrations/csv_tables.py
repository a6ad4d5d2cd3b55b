"""CSV files of hosts: a header, and rows by its names, every fault with its line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable
from os import PathLike
from typing import TypeVar

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.io.files import read_bytes

__all__ = ["Row", "raise_in", "read_rows"]

Number = TypeVar("Number", int, float)


class Row(dict[str, str]):
    """Cells by the names of the header, and the line they stand in."""

    line: int = 0

    def number(
        self, column: str, faults: list[Fault], kind: Callable[[str], Number]
    ) -> Number:
        """Return a cell as a finite number, or record what is wrong with it."""
        text = self[column].strip()
        try:
            value = kind(text.rstrip("%"))
            if math.isfinite(value):
                return value
        except ValueError:
            pass
        place = f"line {self.line}, {column}"
        faults.append(Fault(place, f"must be a finite number. Got {text!r}"))
        return kind("0")


def read_rows(
    path: str | PathLike[str], required: Iterable[str] = (), exact: int | None = None
) -> tuple[list[str], list[Row]]:
    """Read a CSV file with a header.

    Parameters
    ----------
    path : str or PathLike
    required : iterable of str
        Columns that must be there.
    exact : int, optional
        How many columns there must be at least.

    Returns
    -------
    columns : list of str
    rows : list of Row

    Raises
    ------
    InvalidProblemError
        With every fault and its line.
    """
    where = str(path)
    try:
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidProblemError([Fault("", "must be UTF-8")], where) from None
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [cell.strip() for cell in next(reader)]
    faults = [
        Fault("line 1", f"must have a column {name!r}. Got {', '.join(header)}")
        for name in required
        if name not in header
    ]
    if exact is not None and len(header) < exact:
        message = f"must have at least {exact} columns. Got {len(header)}"
        faults.append(Fault("line 1", message))
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            message = f"must have {len(header)} cells. Got {len(cells)}"
            faults.append(Fault(f"line {reader.line_num}", message))
            continue
        row = Row(zip(header, (cell.strip() for cell in cells), strict=True))
        row.line = reader.line_num
        rows.append(row)
    if not rows and not faults:
        faults.append(Fault("", "has a header and no rows"))
    raise_in(faults, where)
    return header, rows


def raise_in(faults: list[Fault], where: str) -> None:
    """Raise the faults of a file, if there are any."""
    if faults:
        raise InvalidProblemError(faults, where)
