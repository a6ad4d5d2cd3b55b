"""What HAWQ-V3 published: two networks, three resources, three budgets of each.

>>> from mpsolve.instances import hawq
>>> hawq.describe("resnet50-memory-25").share
25
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mpsolve.errors import InvalidParameterError
from mpsolve.model.budget import Number

__all__ = ["Setting", "describe", "names", "path"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Setting:
    """A budget of a network, and the layout that was published for it.

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


def describe(name: str) -> Setting:
    """Return the setting of an instance.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Setting

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


@cache
def _index() -> dict[str, Setting]:
    records = json.loads((FOLDER / "hawq.json").read_text("utf-8"))
    return {name: Setting(name, **record) for name, record in records.items()}
