"""What bounds a problem besides its options, checked against its groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mpsolve.model.budget import Budget, parse_budget
from mpsolve.model.coupling import Coupling, coupling_fault
from mpsolve.model.faults import Faults
from mpsolve.model.inventory import Inventory, inventory_fault

if TYPE_CHECKING:
    from mpsolve.model.problem import Problem

__all__ = ["Constraints"]


#: What may be made small: the sum of all losses, or the largest of them.
OBJECTIVES = ("sum", "max")


class Given(NamedTuple):
    """Constraints as a caller writes them, before anybody has checked them."""

    budgets: Mapping[str, Any] | None = None
    ties: Iterable[Iterable[str | int]] = ()
    fixed: Mapping[str, str] | None = None
    inventory: object = None
    couplings: Iterable[Coupling] = ()
    objective: str = "sum"
    max_distinct: int | None = None


@dataclass(frozen=True)
class Constraints:
    """What a problem asks of a layout, and what is to be small.

    Attributes
    ----------
    budgets : mapping of str to Budget
    ties : tuple of tuples of int
        Disjoint sets of groups, by position.
    fixed : mapping of int to int
        Option by group, both by position.
    inventory : Inventory or None
    couplings : tuple of Coupling
    objective : {"sum", "max"}
    max_distinct : int or None
    """

    budgets: Mapping[str, Budget]
    ties: tuple[tuple[int, ...], ...]
    fixed: Mapping[int, int]
    inventory: Inventory | None
    couplings: tuple[Coupling, ...]
    objective: str = "sum"
    max_distinct: int | None = None

    def with_budgets(
        self, budgets: Mapping[str, Any], resources: set[str], faults: Faults
    ) -> Constraints:
        """Return the same constraints with other budgets."""
        return replace(self, budgets=_read_budgets(budgets, resources, faults))

    def as_given(self, problem: Problem) -> Given:
        """Return the same constraints in the caller's words."""
        fixed = {
            problem.layers[i]: problem.precisions_of(i)[option]
            for i, option in self.fixed.items()
        }
        return Given(
            self.budgets,
            self.ties,
            fixed,
            self.inventory,
            self.couplings,
            self.objective,
            self.max_distinct,
        )


def read_constraints(
    problem: Problem, resources: set[str], given: Given, faults: Faults
) -> Constraints:
    """Check the constraints of a problem against its groups and resources.

    Parameters
    ----------
    problem : Problem
        Whose groups and options the constraints name.
    resources : set of str
        Names of the resources.
    given : Given
    faults : Faults
        Receives what is wrong.

    Returns
    -------
    Constraints
        Complete only where no fault was added.
    """
    ties = _read_ties(problem, given.ties, faults)
    return Constraints(
        budgets=_read_budgets(given.budgets or {}, resources, faults),
        ties=ties,
        fixed=_read_fixed(problem, given.fixed or {}, ties, faults),
        inventory=_read_inventory(problem, given.inventory, faults),
        couplings=_read_couplings(problem, given.couplings, faults),
        objective=_read_objective(given.objective, faults),
        max_distinct=_read_max_distinct(given.max_distinct, faults),
    )


def _read_objective(given: object, faults: Faults) -> str:
    if given not in OBJECTIVES:
        faults.add("objective", f'must be "sum" or "max". Got {given!r}')
    return str(given)


def _read_max_distinct(given: object, faults: Faults) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        faults.add("max_distinct", f"must be an int >= 1 or None. Got {given!r}")
        return None
    return given


def _read_budgets(
    given: Mapping[str, Any], resources: set[str], faults: Faults
) -> Mapping[str, Budget]:
    budgets = {}
    for name, value in given.items():
        path = f"budgets[{name!r}]"
        if name not in resources:
            known = ", ".join(sorted(resources)) or "none"
            faults.add(path, f"no option uses that resource. Known are: {known}")
        budget, message = parse_budget(value)
        if budget is None:
            faults.add(path, message)
        else:
            budgets[name] = budget
    return MappingProxyType(budgets)


def _position(problem: Problem, group: object, path: str, faults: Faults) -> int | None:
    """Return the position of a group given by name or position."""
    if isinstance(group, int) and not isinstance(group, bool):
        position = group if 0 <= group < problem.num_groups else None
    else:
        position = problem.layers.find(group)
    if position is None:
        faults.add(path, f"no group is named {group!r}")
    return position


def _read_ties(
    problem: Problem, given: Iterable[Iterable[str | int]], faults: Faults
) -> tuple[tuple[int, ...], ...]:
    """Read ties, join those that overlap, and check their common precisions."""
    joined: dict[int, set[int]] = {}
    for t, tie in enumerate(given):
        if isinstance(tie, str):
            faults.add(f"ties[{t}]", f"must be a list of groups. Got {tie!r}")
            continue
        members = set()
        for m, group in enumerate(tie):
            position = _position(problem, group, f"ties[{t}][{m}]", faults)
            if position is not None:
                members.add(position)
                members |= joined.get(position, set())
        for position in members:
            joined[position] = members
    distinct = {id(members): members for members in joined.values()}
    ties = sorted(tuple(sorted(m)) for m in distinct.values() if len(m) > 1)
    for tie in ties:
        if not set.intersection(*(set(problem.precisions_of(i)) for i in tie)):
            names = ", ".join(repr(problem.layers[i]) for i in tie)
            faults.add("ties", f"{names} have no precision in common")
    return tuple(ties)


def _read_fixed(
    problem: Problem,
    given: Mapping[str, str],
    ties: tuple[tuple[int, ...], ...],
    faults: Faults,
) -> Mapping[int, int]:
    fixed: dict[int, int] = {}
    for group, precision in given.items():
        path = f"fixed[{group!r}]"
        position = _position(problem, group, path, faults)
        if position is None:
            continue
        names = problem.precisions_of(position)
        if precision in names:
            fixed[position] = names.index(precision)
        else:
            allowed = ", ".join(names)
            faults.add(path, f"must be one of {allowed}. Got {precision!r}")
    for tie in ties:
        pinned = {i: problem.precisions_of(i)[fixed[i]] for i in tie if i in fixed}
        if len(set(pinned.values())) > 1:
            said = ", ".join(f"{problem.layers[i]!r}: {p}" for i, p in pinned.items())
            faults.add("fixed", f"tied groups are fixed to different options ({said})")
        for precision in set(pinned.values()):
            for i in tie:
                if precision not in problem.precisions_of(i):
                    layer = problem.layers[i]
                    faults.add(
                        "fixed", f"{layer!r} is tied to {precision!r}, which it lacks"
                    )
    return MappingProxyType(fixed)


def _read_inventory(
    problem: Problem, given: object, faults: Faults
) -> Inventory | None:
    if given is None:
        return None
    if not isinstance(given, Inventory):
        if not isinstance(given, Mapping):
            faults.add("inventory", f"must be a mapping of counts. Got {given!r}")
            return None
        given = Inventory(given)
    if message := inventory_fault(given, problem.precisions):
        faults.add("inventory", message)
    return given


def _read_couplings(
    problem: Problem, given: Iterable[Coupling], faults: Faults
) -> tuple[Coupling, ...]:
    couplings = []
    options = np.diff(problem.offsets).tolist()
    for c, coupling in enumerate(given):
        path = f"couplings[{c}]"
        if not isinstance(coupling, Coupling):
            faults.add(path, f"must be a Coupling. Got {type(coupling).__name__}")
            continue
        first = _position(problem, coupling.first, f"{path}.first", faults)
        second = _position(problem, coupling.second, f"{path}.second", faults)
        couplings.append(coupling)
        if first is None or second is None:
            continue
        if first == second:
            faults.add(path, f"joins {coupling.first!r} with itself")
            continue
        if message := coupling_fault(coupling, options[first], options[second]):
            faults.add(f"{path}.table", message)
    return tuple(couplings)
