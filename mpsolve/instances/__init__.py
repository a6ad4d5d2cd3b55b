"""Real problems with published answers: the 18 of HAWQ-V3.

>>> from mpsolve import instances
>>> problem = instances.load("resnet50-memory-25")
>>> problem
Problem(52 groups, 104 options, memory <= 14653440, 4 ties)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mpsolve.errors import InvalidParameterError
from mpsolve.io import load_problem
from mpsolve.model.budget import Budget, Number
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem

__all__ = ["Instance", "describe", "load", "names", "path", "published"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Instance:
    """What is known about an instance.

    Attributes
    ----------
    name : str
        As in ``resnet50-memory-25``.
    network : str
    resource : str
        Which resource has a budget.
    share : int
        Where the budget lies between all int4 and all int8, in percent.
    upper : int or float
        The budget in the resource's unit.
    published : str
        Bits of each layer in the layout that was published.
    """

    name: str
    network: str
    resource: str
    share: int
    upper: Number
    published: str


def names() -> tuple[str, ...]:
    """Return the names of the instances.

    Examples
    --------
    >>> len(names()), names()[0]
    (18, 'resnet18-memory-75')
    """
    return tuple(_index())


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

    Examples
    --------
    >>> describe("resnet18-bops-50").upper
    67821895680
    """
    if name not in _index():
        known = ", ".join(_index())
        msg = f"name must be one of {known}. Got {name!r}"
        raise InvalidParameterError(msg)
    return _index()[name]


def path(network: str) -> Path:
    """Return the problem file of a network.

    Parameters
    ----------
    network : {"resnet18", "resnet50"}

    Returns
    -------
    Path

    Examples
    --------
    >>> path("resnet50").name
    'hawq-resnet50.json'
    """
    known = sorted({instance.network for instance in _index().values()})
    if network not in known:
        msg = f"network must be one of {', '.join(known)}. Got {network!r}"
        raise InvalidParameterError(msg)
    return FOLDER / f"hawq-{network}.json"


def load(name: str) -> Problem:
    """Return the problem of an instance.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Problem
        With the usages of all three resources, and one budget.

    Raises
    ------
    InvalidParameterError
        If there is no such instance.
    """
    instance = describe(name)
    problem = _network(instance.network)
    return problem.with_budgets({instance.resource: Budget(None, instance.upper)})


def published(name: str) -> Layout:
    """Return the layout that the authors published for an instance.

    Parameters
    ----------
    name : str
        One of `names`.

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
    problem = load(name)
    bits = describe(name).published
    precisions = (f"int{bit}" for bit in bits)
    layout = dict(zip(problem.layers, precisions, strict=True))
    return Layout.from_names(problem, layout)


@cache
def _index() -> dict[str, Instance]:
    records = json.loads((FOLDER / "hawq.json").read_text("utf-8"))
    return {name: Instance(name, **record) for name, record in records.items()}


@cache
def _network(network: str) -> Problem:
    return load_problem(path(network))
