"""Budgets: bounds on the total usage of a resource."""

import math
from dataclasses import dataclass

from mpsolve.model.group import is_real

__all__ = ["Budget", "Number"]

Number = int | float


@dataclass(frozen=True)
class Budget:
    """Bounds on a resource's total: ``lower <= sum of usages <= upper``.

    Parameters
    ----------
    lower, upper : int, float or None
        In the units of the resource; None leaves the side open. Equal sides make an
        equality.

    Examples
    --------
    >>> str(Budget(None, 12_000_000))
    '<= 12000000'
    >>> str(Budget(3, 3)), str(Budget(1, None)), str(Budget(1, 2.5))
    ('== 3', '>= 1', 'in [1, 2.5]')
    """

    lower: Number | None = None
    upper: Number | None = None

    def __str__(self) -> str:
        if self.lower is None:
            return "unbounded" if self.upper is None else f"<= {self.upper}"
        if self.upper is None:
            return f">= {self.lower}"
        if self.lower == self.upper:
            return f"== {self.upper}"
        return f"in [{self.lower}, {self.upper}]"

    @property
    def is_open(self) -> bool:
        """Whether neither side bounds anything."""
        return self.lower is None and self.upper is None


def parse_budget(value: object) -> tuple[Budget | None, str]:
    """Read a budget as users write it.

    Parameters
    ----------
    value : Budget, int, float, None, or pair of those
        A number is an upper bound; a pair is (lower, upper).

    Returns
    -------
    budget : Budget or None
        None where the value cannot be meant.
    message : str
        What is wrong, empty where nothing is.
    """
    if isinstance(value, Budget):
        sides: tuple[object, object] = (value.lower, value.upper)
    elif isinstance(value, tuple | list):
        if len(value) != 2:
            return None, f"must be an upper bound or (lower, upper). Got {value!r}"
        sides = (value[0], value[1])
    else:
        sides = (None, value)
    bounds: list[Number | None] = []
    for side, none_is in zip(sides, (-math.inf, math.inf), strict=True):
        if side is None or side == none_is:
            bounds.append(None)
        elif not is_real(side) or (isinstance(side, float) and not math.isfinite(side)):
            return None, f"must be a finite number or None. Got {side!r}"
        else:
            # NumPy scalars become the Python numbers they stand for.
            bounds.append(side.item() if hasattr(side, "item") else side)  # type: ignore[arg-type]
    lower, upper = bounds
    if lower is not None and upper is not None and lower > upper:
        return None, f"the lower side {lower} is above the upper side {upper}"
    return Budget(lower, upper), ""
