"""Inventories: how many layers may get each precision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["Inventory", "at_most"]


@dataclass(frozen=True)
class Inventory:
    """How many layers get each precision.

    A layer of a tie counts for itself, so a tie of three layers takes three of its
    precision. Precisions that are not named are not bounded.

    Parameters
    ----------
    counts : mapping of str to int
        Number of layers for each precision, at least 0.
    exact : bool
        True: exactly that many layers. False: at most that many.

    Examples
    --------
    >>> Inventory({"fp64": 1, "fp32": 2, "fp16": 2})
    Inventory(fp64×1, fp32×2, fp16×2)
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    exact: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", MappingProxyType(dict(self.counts)))

    def __repr__(self) -> str:
        text = ", ".join(f"{name}×{count}" for name, count in self.counts.items())
        return f"Inventory({text})" if self.exact else f"at_most({text})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Inventory):
            return NotImplemented
        return dict(self.counts) == dict(other.counts) and self.exact == other.exact

    def __hash__(self) -> int:
        return hash((frozenset(self.counts.items()), self.exact))


def at_most(counts: Mapping[str, int]) -> Inventory:
    """Bound how many layers get each precision, without asking for exact numbers.

    Parameters
    ----------
    counts : mapping of str to int
        Largest number of layers for each precision.

    Returns
    -------
    Inventory
        With ``exact=False``.

    Examples
    --------
    >>> at_most({"fp64": 1})
    at_most(fp64×1)
    """
    return Inventory(counts, exact=False)


def inventory_fault(inventory: Inventory, precisions: tuple[str, ...]) -> str:
    """Say what is wrong with an inventory, or return an empty string."""
    for name, count in inventory.counts.items():
        if name not in precisions:
            known = ", ".join(precisions)
            return f"no layer has a precision {name!r}. Known are: {known}"
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            return f"the count of {name!r} must be an int >= 0. Got {count!r}"
    return ""
