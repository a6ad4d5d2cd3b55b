"""ExLlamaV3's measurement of layers swapped for those of other quantized models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import PurePath
from typing import Any

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.integrations.tables import ragged_problem, unique_names
from mpsolve.io.files import read_bytes
from mpsolve.model.problem import Problem

__all__ = ["members", "problem"]

#: The option that leaves a group in the base model.
BASE = "base"


def problem(
    measurement: str | PathLike[str] | Mapping[str, Any],
    extra_bits: float | None = None,
) -> Problem:
    """Return the problem of a measurement file: which groups to take from where.

    Losses are the measured changes of the KL divergence as they stand, negative ones
    included; ExLlamaV3's own search shrinks those by a power. A group's name is that
    of its first layer.

    Parameters
    ----------
    measurement : path or mapping
        ``measurement.json`` of ``util/measure.py``, or its content.
    extra_bits : float, optional
        How many bits the layout may take beyond the base model: the target bitrate
        times the number of weights, minus the base model's bits.

    Returns
    -------
    Problem
        Its resource is ``"bits"``, beyond the base model.

    Raises
    ------
    InvalidProblemError
        With everything that the measurement lacks.

    Examples
    --------
    >>> group = {"layers": ["l.0"], "candidates": [{"dkld": -0.1, "dbits": 100}]}
    >>> problem({"alts": [{"dir": "/q/4bpw"}], "groups": [group]}, 150)
    Problem(1 groups, 2 options, bits <= 150)
    """
    groups = _groups(measurement)
    names = _sources(measurement, max(len(g["candidates"]) for g in groups))
    return ragged_problem(
        unique_names(group["layers"][0] for group in groups),
        [[BASE, *names[: len(group["candidates"])]] for group in groups],
        [[0.0, *(float(c["dkld"]) for c in g["candidates"])] for g in groups],
        {"bits": [[0, *(c["dbits"] for c in g["candidates"])] for g in groups]},
        None if extra_bits is None else {"bits": extra_bits},
        units={"bits": "bit"},
        source="ExLlamaV3 measurement",
    )


def members(
    measurement: str | PathLike[str] | Mapping[str, Any],
) -> dict[str, list[str]]:
    """Return the layers of each group of `problem`, for the writer.

    Parameters
    ----------
    measurement : path or mapping
        As for `problem`.

    Returns
    -------
    dict of str to list of str

    Examples
    --------
    >>> members({"groups": [{"layers": ["l.0.a", "l.0.b"], "candidates": []}]})
    {'l.0.a': ['l.0.a', 'l.0.b']}
    """
    groups = _groups(measurement)
    names = unique_names(group["layers"][0] for group in groups)
    return {n: list(g["layers"]) for n, g in zip(names, groups, strict=True)}


def _read(measurement: str | PathLike[str] | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(measurement, Mapping):
        return measurement
    try:
        content = json.loads(read_bytes(measurement))
    except ValueError as error:
        fault = Fault("", f"is not JSON: {error}")
        raise InvalidProblemError([fault], str(measurement)) from None
    return content if isinstance(content, Mapping) else {}


def _groups(
    measurement: str | PathLike[str] | Mapping[str, Any],
) -> list[Mapping[str, Any]]:
    groups = _read(measurement).get("groups")
    if not isinstance(groups, list) or not groups:
        fault = Fault("groups", "must be a list of at least one group")
        raise InvalidProblemError([fault])
    faults = []
    for i, group in enumerate(groups):
        if not group.get("layers"):
            faults.append(Fault(f"groups[{i}].layers", "must name a layer"))
        for j, candidate in enumerate(group.get("candidates", ())):
            faults += [
                Fault(f"groups[{i}].candidates[{j}].{key}", "is missing")
                for key in ("dkld", "dbits")
                if key not in candidate
            ]
        if "candidates" not in group:
            faults.append(Fault(f"groups[{i}].candidates", "is missing"))
    if faults:
        raise InvalidProblemError(faults)
    return groups


def _sources(
    measurement: str | PathLike[str] | Mapping[str, Any], size: int
) -> list[str]:
    """Name the alternatives by the last part of their folders."""
    alternatives = _read(measurement).get("alts") or []
    names = [PurePath(str(a.get("dir", ""))).name for a in alternatives]
    names += [f"alternative{i}" for i in range(len(names), size)]
    return unique_names(name or f"alternative{i}" for i, name in enumerate(names))
