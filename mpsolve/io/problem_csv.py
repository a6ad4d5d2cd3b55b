"""Problems as CSV tables: one row an option, and nothing but options."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.io.problem_faults import raise_faults
from mpsolve.io.usages import written_usage
from mpsolve.model.group import Group, Option
from mpsolve.model.problem import DEFAULT_UNITS, Problem

__all__ = ["decode_csv", "encode_csv"]

FIRST_COLUMNS = ["layer", "precision", "loss"]

INTEGER = re.compile(r"[+-]?[0-9]+")
FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

#: ``latency [ms]``: a resource and its unit.
RESOURCE = re.compile(r"(?P<name>.*?)(\s*\[(?P<unit>[^\[\]]*)\])?")

LARGEST_INT64 = 2**63 - 1


def decode_csv(data: bytes, where: str = "") -> Problem:
    r"""Read a problem from a CSV table.

    The header is ``layer,precision,loss`` and the names of the resources, with a unit
    in brackets where it is not the usual one: ``latency [ms]``. Layers may have
    different precisions.

    Parameters
    ----------
    data : bytes
    where : str
        The file it came from.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        With every fault and its line.

    Examples
    --------
    >>> decode_csv(b"layer,precision,loss,memory\nfc,int4,0.3,10\nfc,int8,0.1,20\n")
    Problem(1 groups, 2 options)
    """
    faults: list[Fault] = []
    rows = _rows(data, where)
    _, header = next(rows)
    names, units = _read_header([cell.strip() for cell in header], faults)
    raise_faults(faults, where)
    options: dict[str, dict[str, Option]] = {}
    lines: dict[tuple[str, str], int] = {}
    for line, cells in rows:
        if len(cells) != len(header):
            message = f"must have {len(header)} cells, as the header. Got {len(cells)}"
            faults.append(Fault(f"line {line}", message))
            continue
        layer, precision, *numbers = (cell.strip() for cell in cells)
        for column, name in (("layer", layer), ("precision", precision)):
            if not name:
                faults.append(Fault(f"line {line}, {column}", "must be a name. Got ''"))
        values = []
        for column, text in zip(["loss", *names], numbers, strict=True):
            value, message = _number(text, is_loss=column == "loss")
            values.append(value)
            if message:
                faults.append(Fault(f"line {line}, {column}", message))
        first = lines.setdefault((layer, precision), line)
        if first != line:
            message = f"{layer!r} as {precision!r} is already in line {first}"
            faults.append(Fault(f"line {line}", message))
        usage = dict(zip(names, values[1:], strict=True))
        options.setdefault(layer, {})[precision] = Option(precision, values[0], usage)
    if not options and not faults:
        faults.append(Fault("", "has a header and no options"))
    raise_faults(faults, where)
    try:
        return Problem(
            (Group(layer, list(rows.values())) for layer, rows in options.items()),
            units=units,
        )
    except InvalidProblemError as error:
        raise InvalidProblemError(error.faults, where) from None


def _rows(data: bytes, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, with their line numbers."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"must be UTF-8. The byte 0x{data[error.start]:02x} is not"
        fault = Fault(f"line {line}", message)
        raise InvalidProblemError([fault], where) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        fault = Fault(f"line {reader.line_num}", f"is not CSV: {error}")
        raise InvalidProblemError([fault], where) from None


def _read_header(
    header: list[str], faults: list[Fault]
) -> tuple[list[str], dict[str, str]]:
    """Return the resources of a header, and the units that it gives."""
    names: list[str] = []
    units: dict[str, str] = {}
    if header[:3] != FIRST_COLUMNS:
        got = ",".join(header[:3])
        message = f"must begin with layer,precision,loss. Got {got!r}"
        faults.append(Fault("line 1", message))
    for cell in header[3:]:
        match = RESOURCE.fullmatch(cell)
        name = match["name"] if match else cell
        if not name:
            faults.append(Fault("line 1", "a resource has no name"))
        elif name in names:
            faults.append(Fault("line 1", f"the resource {name!r} has two columns"))
        names.append(name)
        if match and match["unit"] is not None:
            units[name] = match["unit"]
    return names, units


def _number(text: str, *, is_loss: bool) -> tuple[int | float, str]:
    """Return the number of a cell, or 0 and what is wrong with it."""
    if INTEGER.fullmatch(text) and not is_loss:
        value = int(text) if len(text) < 25 else LARGEST_INT64 + 1
        if abs(value) <= LARGEST_INT64:
            return value, ""
        return 0, f"must be within ±(2^63 - 1). Got {text}"
    if FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number, ""
    return 0, f"must be a finite number. Got {text!r}"


def encode_csv(problem: Problem) -> bytes:
    """Write the options of a problem as a CSV table.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    bytes

    Raises
    ------
    InvalidProblemError
        If the problem has more than options, naming what would be lost.
    """
    lost = [
        name
        for name in ("budgets", "ties", "fixed", "inventory", "couplings", "maximize")
        if getattr(problem, name)
    ]
    lost += ["objective"] if problem.objective != "sum" else []
    lost += ["max_distinct"] if problem.max_distinct is not None else []
    if lost:
        message = f"a CSV table has no place for {', '.join(lost)}; use .json"
        raise InvalidProblemError([Fault("", message)])
    if not problem.num_groups:
        raise InvalidProblemError([Fault("groups", "a file needs at least one group")])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    resources = problem.resources.values()
    writer.writerow(
        FIRST_COLUMNS
        + [
            r.name
            if r.unit == DEFAULT_UNITS.get(r.name, "")
            else f"{r.name} [{r.unit}]"
            for r in resources
        ]
    )
    losses = problem.loss.tolist()
    columns = [written_usage(r, problem.offsets).tolist() for r in resources]
    writer.writerows(
        (layer, precision, repr(losses[j]), *(repr(column[j]) for column in columns))
        for i, layer in enumerate(problem.layers)
        for precision, j in zip(
            problem.precisions_of(i), problem.options_of(i), strict=True
        )
    )
    return text.getvalue().encode("utf-8")
