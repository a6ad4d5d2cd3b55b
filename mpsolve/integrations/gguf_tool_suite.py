"""GGUF-Tool-Suite: KL divergence by tensor and by type, with ties by pattern."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from os import PathLike

from mpsolve.errors import Fault, InvalidParameterError
from mpsolve.integrations.assign import CannotExpressError
from mpsolve.integrations.csv_tables import raise_in, read_rows
from mpsolve.integrations.gguf_sizes import tensor_bytes
from mpsolve.integrations.tables import ragged_problem
from mpsolve.io.files import read_bytes
from mpsolve.model.problem import BudgetLike, Problem

__all__ = ["problem", "read_map"]

#: Column of the file that holds the types.
TYPES = "QTYPE"

MAP_LINE = re.compile(r"(?P<file>[^:]*):(?P<hash>[^:]*):(?P<tensor>[^:]+):(?P<rest>.+)")


def problem(
    tensors: str | PathLike[str],
    types: str | PathLike[str],
    sizes: Mapping[str, Mapping[str, int]] | Mapping[str, int],
    *,
    allowed: Iterable[str] | None = None,
    ties: Iterable[str] = (),
    budgets: Mapping[str, BudgetLike] | None = None,
) -> Problem:
    """Return the problem of a GGUF-Tool-Suite model: which type for each tensor.

    The loss is that suite's model: the divergence that one tensor causes at the
    lowest type that was measured, times the divergence of the whole model in a type.

    Parameters
    ----------
    tensors : path
        ``kld_results.csv`` or ``ppl_results.csv`` of the tensors: a column `QTYPE` and
        one for each tensor. Of several rows the one with the largest sum counts.
    types : path
        That of ``group0``: a row for each type, and one column besides `QTYPE`.
    sizes : mapping
        Bytes by type by tensor, see `read_map`; or the number of weights by tensor,
        for types whose blocks are known.
    allowed : iterable of str, optional
        Types to choose from; all of the file where nothing is said.
    ties : iterable of str
        Regular expressions with one group: tensors in which the whole pattern matches
        and the group is the same get the same type.
    budgets : mapping, optional
        On ``"memory"``, in bytes.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        With every fault of the files and its line.
    InvalidParameterError
        If a type is not in the file, its bytes are unknown, or a tie has no group.
    """
    divergence = _tensor_divergence(tensors)
    by_type = _type_divergence(types)
    chosen = list(by_type) if allowed is None else list(allowed)
    unknown = [name for name in chosen if name not in by_type]
    if unknown:
        msg = f"allowed: {types} has no type {', '.join(map(repr, unknown))}"
        raise InvalidParameterError(msg)
    layers = [name for name in divergence if name in sizes]
    if not layers:
        msg = f"sizes: has none of the tensors of {tensors}, such as {min(divergence)}"
        raise InvalidParameterError(msg)
    memory = [[_size(sizes[name], kind, name) for kind in chosen] for name in layers]
    return ragged_problem(
        layers,
        [chosen] * len(layers),
        [[divergence[name] * by_type[kind] for kind in chosen] for name in layers],
        {"memory": memory},
        budgets,
        ties=_ties(layers, ties),
        source="GGUF-Tool-Suite",
    )


def read_map(path: str | PathLike[str]) -> dict[str, int]:
    """Return the bytes of each tensor from a ``tensors.<type>.map``.

    Parameters
    ----------
    path : str or PathLike

    Returns
    -------
    dict of str to int

    Raises
    ------
    InvalidProblemError
        With every line that is none of a map.
    """
    sizes, faults = {}, []
    lines = read_bytes(path).decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = MAP_LINE.fullmatch(line.strip())
        size = re.search(r"(?:^|:)bytes=(\d+)(?:$|:)", match["rest"]) if match else None
        if match is None or size is None:
            message = "must be file:hash:tensor:…:bytes=N"
            faults.append(Fault(f"line {number}", message))
        else:
            sizes[match["tensor"]] = int(size[1])
    raise_in(faults, str(path))
    return sizes


def _tensor_divergence(path: str | PathLike[str]) -> dict[str, float]:
    header, rows = read_rows(path, [TYPES], 2)
    faults: list[Fault] = []
    columns = [name for name in header if name != TYPES]
    best: dict[str, float] = {}
    for row in rows:
        values = {
            name: row.number(name, faults, float) for name in columns if row[name]
        }
        if not best or sum(values.values()) > sum(best.values()):
            best = values
    raise_in(faults, str(path))
    return best


def _type_divergence(path: str | PathLike[str]) -> dict[str, float]:
    header, rows = read_rows(path, [TYPES], 2)
    column = next(name for name in header if name != TYPES)
    faults: list[Fault] = []
    values = {row[TYPES]: row.number(column, faults, float) for row in rows}
    raise_in(faults, str(path))
    return values


def _size(entry: Mapping[str, int] | int, kind: str, tensor: str) -> int:
    if isinstance(entry, Mapping):
        if kind in entry:
            return int(entry[kind])
        msg = f"sizes[{tensor!r}]: has no type {kind!r}; it has {', '.join(entry)}"
        raise InvalidParameterError(msg)
    try:
        return tensor_bytes(int(entry), kind)
    except CannotExpressError as error:
        msg = f"sizes[{tensor!r}]: {error}"
        raise InvalidParameterError(msg) from None


def _ties(layers: list[str], patterns: Iterable[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for pattern in patterns:
        compiled = re.compile(pattern)
        if compiled.groups != 1:
            msg = f"ties: {pattern!r} must have one group, in which tied tensors agree"
            raise InvalidParameterError(msg)
        same: dict[str, list[str]] = defaultdict(list)
        for layer in layers:
            if match := compiled.fullmatch(layer):
                same[match[1]].append(layer)
        found += [members for members in same.values() if len(members) > 1]
    return found
