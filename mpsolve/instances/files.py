"""Instances that others keep, in JSON files of tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.io.files import read_bytes
from mpsolve.model.group import Group, Option
from mpsolve.model.problem import Problem

__all__ = ["read"]


def read(path: str | PathLike[str]) -> Problem:
    """Read an instance that others keep, from a JSON file of tables.

    For collections whose licence does not let them come with mpsolve.

    Parameters
    ----------
    path : str or PathLike
        An object with ``layers``, ``precisions``, ``loss`` and ``usage``: n names, n
        lists of names, n lists of numbers, and such lists for each resource; and
        ``budgets``: ``[lower, upper]`` for each bounded resource, ``ties``, ``name``,
        ``source`` and ``licence`` if there are any. Other keys are not looked at.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        With what is missing or does not fit.
    """
    where = str(path)
    try:
        data = json.loads(read_bytes(path))
    except ValueError as error:
        raise InvalidProblemError([Fault("", f"is not JSON: {error}")], where) from None
    if not isinstance(data, Mapping):
        raise InvalidProblemError([Fault("", "must be an object")], where)
    wanted = ("layers", "precisions", "loss", "usage")
    faults = [Fault(key, "is missing") for key in wanted if key not in data]
    if not faults:
        n = len(data["layers"])
        tables = {"precisions": data["precisions"], "loss": data["loss"]}
        tables |= {f"usage[{r!r}]": table for r, table in data["usage"].items()}
        lengths = [len(row) for row in data["precisions"]]
        for key, table in tables.items():
            found = [len(row) for row in table]
            if len(found) != n or found != lengths:
                faults.append(Fault(key, f"must have {n} rows as those of precisions"))
    if faults:
        raise InvalidProblemError(faults, where)
    groups = [
        Group(
            layer,
            [
                Option(
                    precision,
                    data["loss"][i][j],
                    {name: table[i][j] for name, table in data["usage"].items()},
                )
                for j, precision in enumerate(data["precisions"][i])
            ],
        )
        for i, layer in enumerate(data["layers"])
    ]
    try:
        return Problem(
            groups,
            budgets={n: tuple(sides) for n, sides in data.get("budgets", {}).items()},
            ties=data.get("ties", ()),
            name=data.get("name", ""),
            source=data.get("source", ""),
            licence=data.get("licence", ""),
        )
    except InvalidProblemError as error:
        raise InvalidProblemError(error.faults, where) from None
