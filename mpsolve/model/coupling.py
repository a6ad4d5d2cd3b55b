"""Couplings: losses on pairs of groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Coupling"]


@dataclass(frozen=True, eq=False)
class Coupling:
    """A loss on a pair of groups.

    Parameters
    ----------
    first, second : str
        Names of the two groups.
    table : array_like of float, shape (options of first, options of second)
        ``table[i, j]`` is added to the loss where option i of the first group meets
        option j of the second; ``inf`` forbids the pair.

    Examples
    --------
    >>> Coupling("conv1", "conv2", [[0.0, 1.0], [float("inf"), 0.0]]).table.shape
    (2, 2)
    """

    first: str
    second: str
    table: npt.NDArray[np.float64]

    def __init__(
        self, first: str, second: str, table: npt.ArrayLike | Sequence[Sequence[float]]
    ) -> None:
        values = np.array(table, dtype=np.float64)
        values.flags.writeable = False
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "second", second)
        object.__setattr__(self, "table", values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Coupling):
            return NotImplemented
        return (
            self.first == other.first
            and self.second == other.second
            and np.array_equal(self.table, other.table)
        )

    def __hash__(self) -> int:
        return hash((self.first, self.second, self.table.shape))


def coupling_fault(coupling: Coupling, num_first: int, num_second: int) -> str:
    """Say what is wrong with a coupling's table, or return an empty string."""
    table = coupling.table
    if table.shape != (num_first, num_second):
        return (
            f"must have shape ({num_first}, {num_second}), the options of "
            f"{coupling.first!r} by those of {coupling.second!r}. Got {table.shape}"
        )
    # A nan makes the minimum nan, which nothing is below.
    if table.size and not table.min() > -np.inf:
        i, j = np.argwhere(np.isnan(table) | (table == -np.inf))[0]
        return f"[{i}, {j}] must be finite or inf. Got {table[i, j]}"
    return ""
