"""What each instance is, its proven optimum, and the tools' own answers.

>>> from mpsolve import instances
>>> instance = instances.describe("modelopt-gradient-7.0")
>>> instance.tool, round(instance.theirs / instance.optimum, 3)
('ModelOpt 0.47.0, gradient', 1.135)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mpsolve.errors import InvalidParameterError
from mpsolve.instances import hawq
from mpsolve.model.budget import Budget, Number
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem
from mpsolve.verification import verify

__all__ = ["Instance", "describe", "load", "names", "published"]

FOLDER = Path(__file__).parent

#: When the optima of the published layouts were proven.
PROVEN = "2026-11-21"


@dataclass(frozen=True)
class Instance:
    """What is known about an instance.

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
    return (*hawq.names(), *_index())


def describe(name: str) -> Instance:
    """Return what is known about an instance.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Instance

    Raises
    ------
    InvalidParameterError
        If there is no such instance.
    """
    problem = load(name)
    about: dict[str, Any] = {"source": problem.source, "licence": problem.licence}
    if name in _index():
        record = {key: x for key, x in _index()[name].items() if key != "file"}
        return Instance(name=name, **record, **about)
    return _described(name, about)


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
    if name in hawq.names():
        setting = hawq.describe(name)
        file, budget = hawq.path(setting.network), {setting.resource: setting.upper}
    elif name in _index():
        record = _index()[name]
        file, budget = FOLDER / record["file"], {record["resource"]: record["upper"]}
    else:
        msg = f"name must be one of {', '.join(names())}. Got {name!r}"
        raise InvalidParameterError(msg)
    uppers = {resource: Budget(None, upper) for resource, upper in budget.items()}
    return _problem(file).with_budgets(uppers)


def published(name: str) -> Layout:
    """Return the layout that the authors of HAWQ-V3 published for an instance.

    Parameters
    ----------
    name : str
        One of `hawq.names`.

    Returns
    -------
    Layout

    Raises
    ------
    InvalidParameterError
        If there is no such instance.

    Examples
    --------
    >>> published("resnet50-memory-25").counts()
    {'int4': 20, 'int8': 32}
    """
    bits = hawq.describe(name).published
    problem = load(name)
    precisions = (f"int{bit}" for bit in bits)
    layout = dict(zip(problem.layers, precisions, strict=True))
    return Layout.from_names(problem, layout)


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


@cache
def _problem(file: Path) -> Problem:
    return Problem.load(file)


def _described(name: str, about: dict[str, Any]) -> Instance:
    """Describe one of HAWQ-V3's."""
    setting = hawq.describe(name)
    return Instance(
        name=name,
        network=setting.network,
        tool="HAWQ-V3, as published",
        resource=setting.resource,
        upper=setting.upper,
        loss="Hessian trace × squared weight error",
        optimum=_optima()[name],
        proven=PROVEN,
        theirs=verify(load(name), published(name)).loss,
        **about,
    )
