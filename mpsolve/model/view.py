"""A problem's groups as Python objects, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from mpsolve.model.group import Group, Option

if TYPE_CHECKING:
    from mpsolve.model.problem import Problem

__all__ = ["GroupsView"]


class GroupsView(Sequence[Group]):
    """A read-only sequence of a problem's groups.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def __len__(self) -> int:
        return self._problem.num_groups

    @overload
    def __getitem__(self, index: int) -> Group: ...
    @overload
    def __getitem__(self, index: slice) -> list[Group]: ...
    def __getitem__(self, index: int | slice) -> Group | list[Group]:
        if isinstance(index, slice):
            return [self._group(i) for i in range(*index.indices(len(self)))]
        return self._group(range(len(self))[index])

    def _group(self, group: int) -> Group:
        problem = self._problem
        names = problem.precisions_of(group)
        options = []
        for name, flat in zip(names, problem.options_of(group), strict=True):
            usage = {
                resource.name: resource.value(int(resource.usage[flat]))
                for resource in problem.resources.values()
            }
            options.append(Option(name, float(problem.loss[flat]), usage))
        return Group(problem.layers[group], options)
