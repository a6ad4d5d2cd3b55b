"""What a peer is: something that builds its model and solves it."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from benchmarks.race.peers.columns import Columns, Integers
from benchmarks.race.peers.program import Program

__all__ = ["Claim", "Peer"]


@dataclass(frozen=True)
class Claim:
    """What a solver says, before anybody has checked it.

    Attributes
    ----------
    reason : str
        OPTIMAL, FEASIBLE, INFEASIBLE or NO_SOLUTION_FOUND.
    choices : ndarray of int64, shape (num_groups,), or None
        The option of each group; None where there is no layout.
    bound : float
        Dual bound in the losses of the arrays, infinite where there is none.
    """

    reason: str
    choices: Integers | None
    bound: float


class Peer(abc.ABC):
    """A general solver."""

    #: Whether leaving out dominated options made it faster.
    drop_dominated: ClassVar[bool] = True
    #: Every setting that differs from the solver's defaults, for the records.
    settings: ClassVar[Mapping[str, Any]]

    def settings_for(self, columns: Columns) -> Mapping[str, Any]:
        """Return the settings that a problem gets."""
        del columns
        return self.settings

    @staticmethod
    @abc.abstractmethod
    def version() -> str:
        """Return the version of the package, and of the solver where it is known."""

    @abc.abstractmethod
    def build(self, columns: Columns) -> Any:
        """Make the solver's own model, by the fastest way its interface offers."""

    @abc.abstractmethod
    def build_program(self, program: Program) -> Any:
        """The same for a problem with several rows, counts or couplings."""

    @abc.abstractmethod
    def solve(self, model: Any, columns: Columns, time_limit: float) -> Claim:
        """Solve the model with a gap of zero, on one thread."""
