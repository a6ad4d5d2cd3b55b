"""The library of real instances: what each is, its proven optimum, and the tools' own.

>>> from mpsolve.instances import library
>>> entry = library.describe("modelopt-gradient-7.0")
>>> entry.tool, round(entry.theirs / entry.optimum, 3)
('ModelOpt 0.47.0, gradient', 1.135)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from mpsolve.errors import Fault, InvalidParameterError, InvalidProblemError
from mpsolve.io.files import read_bytes
from mpsolve.model.budget import Budget, Number
from mpsolve.model.group import Group, Option
from mpsolve.model.problem import Problem

__all__ = ["Entry", "describe", "load", "names", "read"]

FOLDER = Path(__file__).parent

#: When the optima of the published layouts were proven.
PROVEN = "2026-11-21"


@dataclass(frozen=True)
class Entry:
    """What the library knows about an instance.

    Attributes
    ----------
    name : str
    network : str
    tool : str
        Whose own answer `theirs` is.
    resource : str
        Which resource has a budget.
    upper : int or float
        The budget, in the resource's unit.
    loss : str
        What the losses mean.
    optimum : float
        The proven least loss.
    proven : str
        The day of the proof.
    theirs : float or None
        Loss of the tool's own layout within the same budget.
    source, licence : str
    """

    name: str
    network: str
    tool: str
    resource: str
    upper: Number
    loss: str
    optimum: float
    proven: str
    theirs: float | None
    source: str
    licence: str


def names() -> tuple[str, ...]:
    """Return the names of all instances: the published ones, then those of tools.

    Examples
    --------
    >>> len(names()), names()[-1]
    (39, 'modelopt-llama-7.0')
    """
    from mpsolve import instances

    return (*instances.names(), *_index())


def describe(name: str) -> Entry:
    """Return what the library knows about an instance.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Entry

    Raises
    ------
    InvalidParameterError
        If there is no such instance.
    """
    problem = load(name)
    about: dict[str, Any] = {"source": problem.source, "licence": problem.licence}
    if name in _index():
        record = {key: x for key, x in _index()[name].items() if key != "file"}
        return Entry(name=name, **record, **about)
    return _published(name, about)


def load(name: str) -> Problem:
    """Return the problem of an instance, with its one budget.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidParameterError
        If there is no such instance.

    Examples
    --------
    >>> load("nncf-hessian-0.6")
    Problem(56 groups, 112 options, memory <= 35389440)
    """
    from mpsolve import instances

    if name in instances.names():
        return instances.load(name)
    if name not in _index():
        msg = f"name must be one of {', '.join(names())}. Got {name!r}"
        raise InvalidParameterError(msg)
    record = _index()[name]
    problem = Problem.load(FOLDER / record["file"])
    return problem.with_budgets({record["resource"]: Budget(None, record["upper"])})


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


@cache
def _index() -> dict[str, dict[str, Any]]:
    records: dict[str, dict[str, Any]] = json.loads(
        (FOLDER / "tools.json").read_text("utf-8")
    )
    return records


@cache
def _optima() -> dict[str, float]:
    optima: dict[str, float] = json.loads(
        (FOLDER / "hawq-optima.json").read_text("utf-8")
    )
    return optima


def _published(name: str, about: dict[str, Any]) -> Entry:
    from mpsolve import instances
    from mpsolve.verification import verify

    instance = instances.describe(name)
    return Entry(
        name=name,
        network=instance.network,
        tool="HAWQ-V3, as published",
        resource=instance.resource,
        upper=instance.upper,
        loss="Hessian trace × squared weight error",
        optimum=_optima()[name],
        proven=PROVEN,
        theirs=verify(instances.load(name), instances.published(name)).loss,
        **about,
    )
