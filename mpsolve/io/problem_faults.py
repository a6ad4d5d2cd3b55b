"""Every fault of a problem file, found the slow and careful way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.io.check import Checker, found, record_type
from mpsolve.io.records import GroupsRecord, ProblemRecord, TableRecord
from mpsolve.io.tree import JSONObject, parse_tree
from mpsolve.model.faults import Faults

__all__ = ["check_head", "find_faults", "raise_faults"]

#: Keys that only a table has.
TABLE_KEYS = {"layers", "precisions", "loss", "usage"}

#: What stands on its own, whatever the names of groups and precisions are.
OPTIONS = ("groups", "layers", "precisions", "loss", "usage")


def find_faults(
    data: bytes, build: Callable[[ProblemRecord], Any], where: str = ""
) -> ProblemRecord:
    """Raise with every fault of a file, or return its record where there is none.

    Parameters
    ----------
    data : bytes
    build : callable
        Builds the problem of a record; raises where the record cannot be meant.
    where : str
        The file it came from.

    Returns
    -------
    ProblemRecord

    Raises
    ------
    InvalidProblemError
    """
    tree = parse_tree(data, where)
    check_head(tree, "problem", where)
    faults: list[Fault] = []
    form: type[ProblemRecord] = GroupsRecord
    if TABLE_KEYS & tree.keys() and "groups" not in tree:
        form = TableRecord
    checker = Checker(faults)
    clean = checker.clean(tree, record_type(form))
    record = msgspec.convert(clean, form)
    if isinstance(record, TableRecord):
        _make_rectangular(record, faults)
    _mend_couplings(record, faults)
    broken = {fault.path for fault in faults}
    for attempt in (record, _with_distinct_names(record)):
        for fault in _faults_of(attempt, build):
            can_be_judged = checker.names_are_sure or fault.path.startswith(OPTIONS)
            if can_be_judged and fault.path not in broken and fault not in faults:
                faults.append(fault)
    raise_faults(faults, where)
    return record


def raise_faults(faults: list[Fault], where: str) -> None:
    """Raise with the faults of a file, if there are any."""
    collected = Faults(where)
    for fault in faults:
        collected.add(fault.path, fault.message)
    collected.raise_if_any()


def check_head(tree: Any, kind: str, where: str) -> None:
    """Raise where a tree does not say that it is a file of this kind and version."""
    wanted = f'{{"format": "mpsolve/{kind}", "version": 1, …}}'
    if not isinstance(tree, JSONObject):
        message = f"must be an object, {wanted}. Got {found(tree)}"
    elif tree.get("format") != f"mpsolve/{kind}":
        got = f"Got {found(tree['format'])}" if "format" in tree else "It is missing"
        message = f'format: must be "mpsolve/{kind}", as in {wanted}. {got}'
    elif tree.get("version") != 1 or isinstance(tree["version"], bool):
        got = f"Got {found(tree['version'])}" if "version" in tree else "It is missing"
        message = f"version: must be 1, the only one this mpsolve knows. {got}"
    else:
        return
    raise InvalidProblemError([Fault("", message)], where)


def _faults_of(
    record: ProblemRecord, build: Callable[[ProblemRecord], Any]
) -> tuple[Fault, ...]:
    try:
        build(record)
    except InvalidProblemError as error:
        return error.faults
    return ()


def _make_rectangular(record: TableRecord, faults: list[Fault]) -> None:
    """Report rows that are too many, too few, too long or too short, and mend them."""
    width, num_layers = len(record.precisions), len(record.loss)
    tables = {"loss": record.loss}
    tables |= {f"usage[{name!r}]": rows for name, rows in record.usage.items()}
    for path, rows in tables.items():
        if len(rows) != num_layers:
            message = f"must have {num_layers} rows, as loss has. Got {len(rows)}"
            faults.append(Fault(path, message))
            rows[:] = [*rows[:num_layers], *([] for _ in range(num_layers - len(rows)))]
            continue
        for i, row in enumerate(rows):
            if len(row) != width:
                message = f"must have {width} values, one a precision. Got {len(row)}"
                faults.append(Fault(f"{path}[{i}]", message))
    for rows in tables.values():
        for row in rows:
            row[:] = [*row[:width], *([0] * (width - len(row)))]
    if record.layers is not None and len(record.layers) != num_layers:
        message = f"must name the {num_layers} rows of loss. Got {len(record.layers)}"
        faults.append(Fault("layers", message))
        missing = [f"(missing, {i})" for i in range(len(record.layers), num_layers)]
        record.layers = [*record.layers[:num_layers], *missing]


def _mend_couplings(record: ProblemRecord, faults: list[Fault]) -> None:
    """Report coupling tables whose rows differ in length, and mend them."""
    for c, coupling in enumerate(record.couplings):
        if len(set(map(len, coupling.table))) > 1:
            message = "must have rows of the same length"
            faults.append(Fault(f"couplings[{c}].table", message))
            coupling.table = [[]]


def _with_distinct_names(record: ProblemRecord) -> ProblemRecord:
    """Rename what is named twice, so that the constraints can be checked too."""
    if isinstance(record, TableRecord):
        return msgspec.structs.replace(
            record,
            precisions=_distinct(record.precisions),
            layers=None if record.layers is None else _distinct(record.layers),
        )
    if not isinstance(record, GroupsRecord):
        return record
    names = _distinct([group.name for group in record.groups])
    groups = []
    for group, name in zip(record.groups, names, strict=True):
        precisions = _distinct([option.precision for option in group.options])
        options = [
            msgspec.structs.replace(option, precision=precision)
            for option, precision in zip(group.options, precisions, strict=True)
        ]
        groups.append(msgspec.structs.replace(group, name=name, options=options))
    return msgspec.structs.replace(record, groups=groups)


def _distinct(names: list[str]) -> list[str]:
    seen: set[str] = set()
    distinct = []
    for i, name in enumerate(names):
        distinct.append(f"{name} (again, {i})" if name in seen else name)
        seen.add(name)
    return distinct
