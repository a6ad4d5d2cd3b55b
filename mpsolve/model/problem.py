"""The problem: groups of options, their losses and usages, and what bounds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from os import PathLike
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from mpsolve.model.budget import Budget, Number
from mpsolve.model.columns import (
    Columns,
    columns_from_arrays,
    columns_from_groups,
    total_overflows,
)
from mpsolve.model.constraints import Constraints, Given, read_constraints
from mpsolve.model.coupling import Coupling
from mpsolve.model.faults import Faults
from mpsolve.model.group import Group
from mpsolve.model.inventory import Inventory
from mpsolve.model.merge import Merged, merge
from mpsolve.model.resource import Resource, make_resource
from mpsolve.model.twins import OVERFLOW, ProblemTwins
from mpsolve.model.view import GroupsView

__all__ = ["Problem"]

#: Units of resources that have an obvious one.
DEFAULT_UNITS = {"memory": "B", "time": "ns", "latency": "ns"}

BudgetLike = Budget | Number | None | tuple[Number | None, Number | None]


class Problem(ProblemTwins):
    """One option for each group, at the least loss within the budgets.

    A problem never changes once it is built. Build it from groups, where options differ
    from group to group, or with :meth:`from_arrays`, where they do not.

    Parameters
    ----------
    groups : iterable of Group
        The decisions, each with at least one option.
    budgets : mapping of str to number, (lower, upper) or Budget, optional
        Bounds on the total usage of a resource; a number is an upper bound.
    ties : iterable of iterables of str, optional
        Sets of groups that must get the same precision. Overlapping sets are joined.
    fixed : mapping of str to str, optional
        Groups whose precision is already decided.
    inventory : Inventory or mapping of str to int, optional
        How many layers get each precision; a mapping asks for exact numbers, see
        :func:`mpsolve.at_most` for bounds.
    couplings : iterable of Coupling, optional
        Losses on pairs of groups.
    objective : {"sum", "max"}
        ``"max"`` makes the largest loss of any group or coupling as small as possible
        (the smallest gain as large), and among those layouts the sum.
    max_distinct : int, optional
        How many different precisions a layout may use.
    maximize : bool
        True where `loss` holds gains, whose sum is to be as large as possible.
    units : mapping of str to str, optional
        Units of the resources' numbers. ``memory`` is in ``"B"`` (bytes) and ``time``
        in ``"ns"`` where nothing is said.
    name, source, licence : str
        What the problem is called, where its numbers come from, and their licence.

    Raises
    ------
    InvalidProblemError
        With every fault found: what, where, the value, and what is allowed.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem(
    ...     [
    ...         mpsolve.Group("conv1", [
    ...             mpsolve.Option("int4", loss=0.30, usage={"memory": 2048}),
    ...             mpsolve.Option("int8", loss=0.10, usage={"memory": 4096}),
    ...         ]),
    ...         mpsolve.Group("fc", [mpsolve.Option("fp16", 0.0, {"memory": 512})]),
    ...     ],
    ...     budgets={"memory": 4_000},
    ... )
    >>> problem
    Problem(2 groups, 3 options, memory <= 4000)
    """

    def __init__(
        self,
        groups: Iterable[Group],
        *,
        budgets: Mapping[str, BudgetLike] | None = None,
        ties: Iterable[Iterable[str | int]] = (),
        fixed: Mapping[str, str] | None = None,
        inventory: Inventory | Mapping[str, int] | None = None,
        couplings: Iterable[Coupling] = (),
        objective: str = "sum",
        max_distinct: int | None = None,
        maximize: bool = False,
        units: Mapping[str, str] | None = None,
        name: str = "",
        source: str = "",
        licence: str = "",
    ) -> None:
        faults = Faults()
        columns = columns_from_groups(groups, faults)
        self._build(
            columns,
            Given(budgets, ties, fixed, inventory, couplings, objective, max_distinct),
            units,
            maximize=maximize,
            about=(name, source, licence),
        )

    @classmethod
    def from_arrays(
        cls,
        loss: npt.ArrayLike,
        usage: Mapping[str, npt.ArrayLike] | None = None,
        budgets: Mapping[str, BudgetLike] | None = None,
        *,
        layers: Iterable[str] | None = None,
        precisions: Iterable[str] | None = None,
        ties: Iterable[Iterable[str | int]] = (),
        fixed: Mapping[str, str] | None = None,
        inventory: Inventory | Mapping[str, int] | None = None,
        couplings: Iterable[Coupling] = (),
        objective: str = "sum",
        max_distinct: int | None = None,
        maximize: bool = False,
        units: Mapping[str, str] | None = None,
        name: str = "",
        source: str = "",
        licence: str = "",
    ) -> Problem:
        """Build a problem whose groups all have the same options, from arrays.

        Nothing is built per group: a million groups cost one copy of the arrays.

        Parameters
        ----------
        loss : array_like of float, shape (num_groups, num_options)
            Finite, any sign.
        usage : mapping of str to array_like, shape (num_groups, num_options)
            Usage of each resource, integers or floats, any sign.
        budgets : mapping of str to number, (lower, upper) or Budget, optional
            Bounds on the total usage of a resource; a number is an upper bound.
        layers : iterable of str, optional
            Names of the rows; ``layer0, layer1, …`` where nothing is said.
        precisions : iterable of str, optional
            Names of the columns; ``option0, option1, …`` where nothing is said.
        ties, fixed, inventory, couplings, objective, max_distinct, maximize, units, \
name, source, licence
            As for :class:`Problem`.

        Returns
        -------
        Problem

        Raises
        ------
        InvalidProblemError
            With every fault found: what, where, the value, and what is allowed.

        Examples
        --------
        >>> import mpsolve
        >>> mpsolve.Problem.from_arrays(
        ...     [[0.3, 0.1], [0.2, 0.05]],
        ...     usage={"memory": [[2048, 4096], [512, 1024]]},
        ...     budgets={"memory": 5_000},
        ...     layers=["conv1", "fc"],
        ...     precisions=["int4", "int8"],
        ... )
        Problem(2 groups, 4 options, memory <= 5000)
        """
        faults = Faults()
        columns = columns_from_arrays(loss, usage or {}, layers, precisions, faults)
        problem = cls.__new__(cls)
        problem._build(
            columns,
            Given(budgets, ties, fixed, inventory, couplings, objective, max_distinct),
            units,
            maximize=maximize,
            about=(name, source, licence),
        )
        return problem

    def _build(
        self,
        columns: Columns,
        constraints: Given,
        units: Mapping[str, str] | None,
        *,
        maximize: bool,
        about: tuple[str, str, str],
    ) -> None:
        faults = Faults()
        known_units = {**DEFAULT_UNITS, **(units or {})}
        for unknown in set(units or {}) - set(columns.usage):
            faults.add(f"units[{unknown!r}]", "no option uses a resource of that name")
        resources: dict[str, Resource] = {}
        for resource_name, values in columns.usage.items():
            unit = known_units.get(resource_name, "")
            resource = make_resource(resource_name, values, columns.offsets, unit)
            if resource is None:
                faults.add(
                    f"usage[{resource_name!r}]",
                    "the largest total must stay below 2^62; use larger units",
                )
            else:
                resources[resource_name] = resource
        if total_overflows(columns):
            faults.add("loss", OVERFLOW)
        self._columns = columns
        self._resources = MappingProxyType(resources)
        self._maximize = bool(maximize)
        self._name, self._source, self._licence = about
        columns.loss.flags.writeable = False
        columns.offsets.flags.writeable = False
        self._constraints: Constraints = read_constraints(
            self, set(columns.usage), constraints, faults
        )
        faults.raise_if_any()

    # -- questions --------------------------------------------------------------

    def options_of(self, group: int) -> range:
        """Return the positions of a group's options in the flat arrays."""
        return range(int(self.offsets[group]), int(self.offsets[group + 1]))

    def precisions_of(self, group: int) -> tuple[str, ...]:
        """Return the names of a group's options."""
        if self.width is not None:
            return self.precisions
        options = self.options_of(group)
        codes = self.codes[options.start : options.stop].tolist()
        return tuple(self.precisions[code] for code in codes)

    @property
    def groups(self) -> Sequence[Group]:
        """The groups as Python objects, each made when it is asked for."""
        return GroupsView(self)

    @cached_property
    def merged(self) -> Merged:
        """The problem that solvers see: ties merged, fixed options alone, minimised."""
        return merge(self)

    def reachable(self, resource: str) -> tuple[Number, Number]:
        """Return the smallest and the largest total usage of a resource.

        Ties and fixed options count; other budgets, inventory and couplings do not.

        Parameters
        ----------
        resource : str
            Name of the resource.

        Returns
        -------
        smallest, largest : int or float
            In the resource's own units.
        """
        smallest, largest = self.merged.reachable(resource)
        scaled = self.resources[resource]
        return scaled.value(smallest), scaled.value(largest)

    # -- files ------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write the problem to a file, JSON or, by its suffix, CSV.

        The file is complete or not there: it is written beside its place and renamed.

        Parameters
        ----------
        path : str or PathLike
            ``.json`` holds everything; ``.csv`` holds a plain table of options, and a
            problem with more than that is refused.

        Raises
        ------
        InvalidProblemError
            If a CSV table cannot hold what the problem has.
        """
        from mpsolve.io import save_problem

        save_problem(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Problem:
        """Read a problem from a JSON or CSV file; see :func:`mpsolve.load`."""
        from mpsolve.io import load_problem

        return load_problem(path)

    # -- the rest ---------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        return (
            (self.layers, self.maximize, self.name, self.source, self.licence)
            == (other.layers, other.maximize, other.name, other.source, other.licence)
            and self._constraints == other._constraints
            and dict(self.resources) == dict(other.resources)
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.loss, other.loss)
            and self.precisions == other.precisions
            and np.array_equal(self.codes, other.codes)
        )

    def __hash__(self) -> int:
        return hash((self.num_groups, self.num_options, self.name))

    def __repr__(self) -> str:
        parts = [f"{self.num_groups} groups", f"{self.num_options} options"]
        parts += [f"{name} {budget}" for name, budget in self.budgets.items()]
        if self.ties:
            parts.append(f"{len(self.ties)} ties")
        if self.fixed:
            parts.append(f"{len(self.fixed)} fixed")
        if self.inventory is not None:
            parts.append(repr(self.inventory))
        if self.couplings:
            parts.append(f"{len(self.couplings)} couplings")
        if self.objective != "sum":
            parts.append(f"objective {self.objective}")
        if self.max_distinct is not None:
            parts.append(f"at most {self.max_distinct} precisions")
        if self.maximize:
            parts.append("maximize")
        return f"Problem({', '.join(parts)})"
