"""Problems as JSON: groups of options, or one table where all groups are alike."""

from __future__ import annotations

import gc
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.io.records import (
    BudgetRecord,
    CouplingRecord,
    GroupRecord,
    GroupsRecord,
    InventoryRecord,
    OptionRecord,
    ProblemRecord,
    TableRecord,
)
from mpsolve.io.text import encode_record
from mpsolve.io.usages import written_usage
from mpsolve.model.budget import Budget
from mpsolve.model.coupling import Coupling
from mpsolve.model.group import Group, Option
from mpsolve.model.inventory import Inventory
from mpsolve.model.problem import DEFAULT_UNITS, Problem

__all__ = ["decode_problem", "encode_problem"]

DECODERS = tuple(msgspec.json.Decoder(form) for form in (TableRecord, GroupsRecord))

#: The end of a key. Strings may hold it too, but then with a backslash before it.
KEY = re.compile(rb'"\s*:')


def decode_problem(data: bytes, where: str = "") -> Problem:
    """Read a problem from JSON.

    Parameters
    ----------
    data : bytes
    where : str
        The file it came from, for the message.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        With every fault: where, the value, and what is allowed.
    """
    record = _decode(data)
    if record is not None:
        with suppress(InvalidProblemError):
            return build_problem(record)
    # Something is wrong, or written as only the careful way reads it. Most files never
    # need what that imports.
    from mpsolve.io.problem_faults import find_faults

    return build_problem(find_faults(data, build_problem, where))


def _decode(data: bytes) -> ProblemRecord | None:
    """Decode the common case at full speed, or return None."""
    for decoder in DECODERS:
        try:
            with _no_collection():
                record = decoder.decode(data)
        except msgspec.ValidationError:
            continue
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return None if _may_repeat_keys(data, record) else record
    return None


def _may_repeat_keys(data: bytes, record: ProblemRecord) -> bool:
    """Whether a file may have a key twice, of which the decoder keeps the last."""
    if isinstance(record, TableRecord):
        usage: dict[str, Any] = {name: [] for name in record.usage}
        record = msgspec.structs.replace(record, loss=[], usage=usage)
    return _num_keys(data) != _num_keys(msgspec.json.encode(record))


def _num_keys(data: bytes) -> int:
    return sum(1 for _ in KEY.finditer(data))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from visiting a million young rows."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def build_problem(record: ProblemRecord) -> Problem:
    """Build the problem of a record whose tables may still be wrong."""
    inventory = record.inventory
    common: dict[str, Any] = {
        "budgets": {k: Budget(b.lower, b.upper) for k, b in record.budgets.items()},
        "ties": record.ties,
        "fixed": record.fixed,
        "inventory": None
        if inventory is None
        else Inventory(inventory.counts, exact=inventory.exact),
        "couplings": [_coupling(c, i) for i, c in enumerate(record.couplings)],
        "objective": record.objective,
        "max_distinct": record.max_distinct,
        "maximize": record.maximize,
        "units": record.units,
        "name": record.name,
        "source": record.source,
        "licence": record.licence,
    }
    if isinstance(record, GroupsRecord):
        groups = (
            Group(g.name, [Option(o.precision, o.loss, o.usage) for o in g.options])
            for g in record.groups
        )
        return Problem(groups, **common)
    if not isinstance(record, TableRecord):
        msg = f"unknown form {type(record).__name__}"
        raise TypeError(msg)
    width = len(record.precisions)
    num_layers = len(record.loss)
    return Problem.from_arrays(
        _array("loss", record.loss, width, num_layers),
        {
            name: _array(f"usage[{name!r}]", rows, width, num_layers)
            for name, rows in record.usage.items()
        },
        layers=record.layers,
        precisions=record.precisions,
        **common,
    )


def _array(path: str, rows: list[Any], width: int, num_layers: int) -> Any:
    """Make an array of rows without looking at each of them in Python."""
    if len(rows) != num_layers:
        message = f"must have {num_layers} rows, one a layer as loss. Got {len(rows)}"
        raise InvalidProblemError([Fault(path, message)])
    if set(map(len, rows)) != {width}:
        faults = [
            Fault(
                f"{path}[{i}]",
                f"must have {width} values, one for each of precisions. Got {len(row)}",
            )
            for i, row in enumerate(rows)
            if len(row) != width
        ]
        raise InvalidProblemError(faults)
    # One flat list: NumPy reads it twice as fast as a list of rows.
    return np.array(list(chain.from_iterable(rows))).reshape(num_layers, width)


def _coupling(record: CouplingRecord, index: int) -> Coupling:
    if len(set(map(len, record.table))) > 1:
        message = "must have rows of the same length"
        raise InvalidProblemError([Fault(f"couplings[{index}].table", message)])
    table = [[math.inf if v is None else v for v in row] for row in record.table]
    return Coupling(record.first, record.second, table)


def encode_problem(problem: Problem) -> bytes:
    """Write a problem as JSON: a table where all groups are alike.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    bytes

    Raises
    ------
    InvalidProblemError
        If the problem has no groups.
    """
    if not problem.num_groups:
        raise InvalidProblemError([Fault("groups", "a file needs at least one group")])
    inventory = problem.inventory
    head: dict[str, Any] = {
        "format": "mpsolve/problem",
        "version": 1,
        "name": problem.name,
        "source": problem.source,
        "licence": problem.licence,
        "maximize": problem.maximize,
        "objective": problem.objective,
        "max_distinct": problem.max_distinct,
        "units": {
            name: resource.unit
            for name, resource in problem.resources.items()
            if resource.unit or name in DEFAULT_UNITS
        },
        "budgets": {
            name: BudgetRecord(lower=budget.lower, upper=budget.upper)
            for name, budget in problem.budgets.items()
        },
        "ties": [[problem.layers[i] for i in tie] for tie in problem.ties],
        "fixed": {
            problem.layers[i]: problem.precisions_of(i)[option]
            for i, option in problem.fixed.items()
        },
        "inventory": None
        if inventory is None
        else InventoryRecord(counts=dict(inventory.counts), exact=inventory.exact),
        "couplings": [
            CouplingRecord(
                first=c.first,
                second=c.second,
                table=[
                    [None if v == math.inf else v for v in row]
                    for row in c.table.tolist()
                ],
            )
            for c in problem.couplings
        ],
    }
    usage: dict[str, Any] = {
        name: written_usage(resource, problem.offsets)
        for name, resource in problem.resources.items()
    }
    with _no_collection():
        if problem.width is not None:
            shape = (problem.num_groups, problem.width)
            numbered = problem.layers.are_numbered
            return encode_record(
                TableRecord(
                    **head,
                    precisions=list(problem.precisions),
                    layers=None if numbered else list(problem.layers),
                    loss=problem.loss.reshape(shape).tolist(),
                    usage={k: v.reshape(shape).tolist() for k, v in usage.items()},
                )
            )
        return encode_record(GroupsRecord(**head, groups=_groups(problem, usage)))


def _groups(problem: Problem, usage: dict[str, Any]) -> list[GroupRecord]:
    losses = problem.loss.tolist()
    columns = {name: values.tolist() for name, values in usage.items()}
    return [
        GroupRecord(
            name=layer,
            options=[
                OptionRecord(
                    precision=precision,
                    loss=losses[j],
                    usage={name: values[j] for name, values in columns.items()},
                )
                for precision, j in zip(
                    problem.precisions_of(i), problem.options_of(i), strict=True
                )
            ],
        )
        for i, layer in enumerate(problem.layers)
    ]
