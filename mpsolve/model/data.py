"""What a problem holds, read-only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mpsolve.model.budget import Budget
from mpsolve.model.columns import Columns
from mpsolve.model.constraints import Constraints
from mpsolve.model.coupling import Coupling
from mpsolve.model.inventory import Inventory
from mpsolve.model.names import Names
from mpsolve.model.resource import Resource

__all__ = ["ProblemData"]


class ProblemData:
    """The data of a problem; :class:`mpsolve.Problem` builds it and answers for it."""

    _columns: Columns
    _resources: Mapping[str, Resource]
    _constraints: Constraints
    _maximize: bool
    _name: str
    _source: str
    _licence: str

    @property
    def name(self) -> str:
        """What the problem is called; may be empty."""
        return self._name

    @property
    def source(self) -> str:
        """Where its numbers come from; may be empty."""
        return self._source

    @property
    def licence(self) -> str:
        """Licence of its numbers; may be empty."""
        return self._licence

    @property
    def maximize(self) -> bool:
        """Whether `loss` holds gains, whose sum is to be as large as possible."""
        return self._maximize

    @property
    def num_groups(self) -> int:
        """Number of groups."""
        return len(self._columns.layers)

    @property
    def num_options(self) -> int:
        """Number of options of all groups together."""
        return int(self._columns.loss.size)

    @property
    def width(self) -> int | None:
        """Number of options where all groups have the same ones, else None."""
        return self._columns.width

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where each group's options begin, shape (num_groups + 1,); read-only."""
        return self._columns.offsets

    @property
    def loss(self) -> npt.NDArray[np.float64]:
        """Loss (or gain) of every option, shape (num_options,); read-only."""
        return self._columns.loss

    @property
    def resources(self) -> Mapping[str, Resource]:
        """The resources, each with the usage of every option in exact integers."""
        return self._resources

    @property
    def budgets(self) -> Mapping[str, Budget]:
        """The budgets, in the caller's units."""
        return self._constraints.budgets

    @property
    def ties(self) -> tuple[tuple[int, ...], ...]:
        """Sets of groups (by position) that must get the same precision; disjoint."""
        return self._constraints.ties

    @property
    def fixed(self) -> Mapping[int, int]:
        """Option that is already decided, by the group's position."""
        return self._constraints.fixed

    @property
    def inventory(self) -> Inventory | None:
        """How many layers get each precision."""
        return self._constraints.inventory

    @property
    def couplings(self) -> tuple[Coupling, ...]:
        """Losses on pairs of groups."""
        return self._constraints.couplings

    @property
    def coupled_groups(self) -> tuple[tuple[int, int], ...]:
        """Positions of the two groups of every coupling."""
        couplings = self._constraints.couplings
        known = self.__dict__.get("_coupled")
        # A problem under other constraints starts as a copy of this one.
        if known is None or known[0] is not couplings:
            index = {name: i for i, name in enumerate(self.layers)} if couplings else {}
            known = (
                couplings,
                tuple((index[c.first], index[c.second]) for c in couplings),
            )
            self.__dict__["_coupled"] = known
        return known[1]

    @property
    def objective(self) -> str:
        """What is to be small: ``"sum"`` of the losses, or the largest (``"max"``)."""
        return self._constraints.objective

    @property
    def max_distinct(self) -> int | None:
        """How many different precisions a layout may use; None for any number."""
        return self._constraints.max_distinct

    @property
    def layers(self) -> Names:
        """Names of the groups."""
        return self._columns.layers

    @property
    def precisions(self) -> tuple[str, ...]:
        """The distinct names of options, in order of first appearance."""
        return self._columns.precisions

    @cached_property
    def codes(self) -> npt.NDArray[np.int32]:
        """Index into `precisions` of every option, shape (num_options,); read-only."""
        codes = self._columns.codes
        if codes is None:
            columns = np.arange(self.width or 0, dtype=np.int32)
            codes = np.tile(columns, self.num_groups)
        codes.flags.writeable = False
        return codes
