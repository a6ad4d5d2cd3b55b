"""Groups and options: one decision and its choices, as Python objects."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Group", "Option"]


@dataclass(frozen=True)
class Option:
    """One choice of a group: a precision of a layer.

    Parameters
    ----------
    precision : str
        Name of the option, unique in its group.
    loss : float
        What choosing it adds to the total loss; finite, any sign.
    usage : mapping of str to int or float
        How much of each resource it takes (memory in bytes, time in ns, …); any sign.
        A resource that is not named is not used.

    Examples
    --------
    >>> Option("int8", loss=0.1, usage={"memory": 4096})
    Option(precision='int8', loss=0.1, usage={'memory': 4096})
    """

    precision: str
    loss: float
    usage: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """One decision: a layer, an expert, a sub-graph.

    Parameters
    ----------
    name : str
        Name of the group, unique in its problem.
    options : sequence of Option
        At least one; groups may have different options.

    Examples
    --------
    >>> Group("conv1", [Option("int4", 0.3), Option("int8", 0.1)]).name
    'conv1'
    """

    name: str
    options: Sequence[Option]

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))


def is_real(value: object) -> bool:
    """Whether a value is a number that can be finite: not a bool, not a string."""
    if isinstance(value, bool):
        return False
    try:
        math.isfinite(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    except OverflowError:  # an integer above the largest float is still a number
        return True
    return True
