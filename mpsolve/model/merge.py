"""The problem that solvers see: ties merged, fixed options alone, minimised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mpsolve.model.resource import Limits

if TYPE_CHECKING:
    from mpsolve.model.pairs import Pairs
    from mpsolve.model.problem import Problem

__all__ = ["Merged"]

Ints = npt.NDArray[np.int64]

#: What is derived when it is asked for, and does not depend on budgets.
DERIVED = frozenset({"sizes", "codes", "pairs"})


@dataclass(frozen=True)
class Merged:
    """A problem without ties and fixed options, to be minimised.

    Tied groups became one group, whose losses and usages are the sums; a fixed group
    kept one option; gains became losses of the opposite sign.

    Attributes
    ----------
    problem : Problem
        Where it came from.
    offsets : ndarray of int64, shape (num_groups + 1,)
        Where each merged group's options begin.
    width : int or None
        Number of options where it is the same in all groups, else None.
    loss : ndarray of float64, shape (num_options,)
    usage : dict of str to ndarray of int64, shape (num_options,)
        Scaled usages of every resource.
    limits : dict of str to (lower, upper)
        The budgets in scaled integers; resources without a budget are not here.
    roots : ndarray of int64 or None, shape (num_groups,)
        The problem's group each merged group stands for; None where all are their own.
    origin : ndarray of int64 or None, shape (num_options,)
        The problem's option each merged option stands for; None as for `roots`.
    """

    problem: Problem
    offsets: Ints
    width: int | None
    loss: npt.NDArray[np.float64]
    usage: dict[str, Ints]
    limits: dict[str, Limits]
    roots: Ints | None = None
    origin: Ints | None = None

    @property
    def num_groups(self) -> int:
        """Number of merged groups."""
        return len(self.offsets) - 1

    @cached_property
    def sizes(self) -> Ints:
        """How many of the problem's groups each merged group stands for."""
        sizes = np.ones(self.problem.num_groups, dtype=np.int64)
        for tie in self.problem.ties:
            sizes[tie[0]] = len(tie)
        return sizes if self.roots is None else sizes[self.roots]

    @cached_property
    def codes(self) -> npt.NDArray[np.int32]:
        """Index into the problem's `precisions` of every merged option."""
        codes = self.problem.codes
        return codes if self.origin is None else codes[self.origin]

    @cached_property
    def pairs(self) -> Pairs:
        """The couplings, one table for each pair of merged groups."""
        from mpsolve.model.pairs import merge_pairs

        return merge_pairs(self)

    def reachable(self, resource: str) -> tuple[int, int]:
        """Return the smallest and largest total of a resource, in scaled integers."""
        if not self.num_groups:
            return 0, 0
        usage, starts = self.usage[resource], self.offsets[:-1]
        smallest = np.minimum.reduceat(usage, starts).sum()
        largest = np.maximum.reduceat(usage, starts).sum()
        return int(smallest), int(largest)

    def expand(self, choices: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Return the options of the problem's groups for those of merged groups.

        Parameters
        ----------
        choices : ndarray of int, shape (num_groups,)
            An option of each merged group.

        Returns
        -------
        ndarray of int32, shape (problem.num_groups,)
            An option of each of the problem's groups.
        """
        if self.roots is None or self.origin is None:
            return choices.astype(np.int32, copy=False)
        problem = self.problem
        flat = self.origin[self.offsets[:-1] + choices]
        expanded = np.zeros(problem.num_groups, dtype=np.int32)
        expanded[self.roots] = flat - problem.offsets[self.roots]
        for tie in problem.ties:
            precision = problem.precisions_of(tie[0])[expanded[tie[0]]]
            for member in tie[1:]:
                expanded[member] = problem.precisions_of(member).index(precision)
        return expanded

    def expand_rows(self, choices: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Expand many layouts at once, shape (num_layouts, num_groups)."""
        if self.roots is None:
            return choices
        rows = [self.expand(row) for row in choices]
        return np.array(rows, dtype=np.int32).reshape(-1, self.problem.num_groups)

    def under(self, problem: Problem) -> Merged:
        """Return the same for a problem that differs in its budgets alone.

        Arrays are shared, and so is what was derived from them.
        """
        twin = replace(self, problem=problem, limits=_limits(problem))
        shared = {name: self.__dict__[name] for name in DERIVED & self.__dict__.keys()}
        twin.__dict__.update(shared)
        return twin

    def restricted(self, kept: npt.NDArray[np.bool_]) -> Merged | None:
        """Return the same with some of the options alone.

        Parameters
        ----------
        kept : ndarray of bool, shape (num_options,)

        Returns
        -------
        Merged or None
            None where a group keeps no option.
        """
        if not self.num_groups:
            return self
        counts = np.add.reduceat(kept, self.offsets[:-1], dtype=np.int64)
        if not counts.all():
            return None
        every = np.arange(len(self.loss))
        return replace(
            self,
            offsets=np.concatenate([[0], np.cumsum(counts)]),
            width=int(counts[0]) if (counts == counts[0]).all() else None,
            loss=self.loss[kept],
            usage={name: values[kept] for name, values in self.usage.items()},
            roots=np.arange(self.num_groups) if self.roots is None else self.roots,
            origin=(every if self.origin is None else self.origin)[kept],
        )

    def contract(self, choices: npt.NDArray[np.integer]) -> Ints | None:
        """Return the options of merged groups for those of the problem's groups.

        None where the choices break a tie or differ from a fixed option.
        """
        if self.roots is None or self.origin is None:
            return choices.astype(np.int64)
        flat = self.problem.offsets[self.roots] + choices[self.roots]
        position = np.searchsorted(self.origin, flat)
        position = np.minimum(position, len(self.origin) - 1)
        if not np.array_equal(self.origin[position], flat):
            return None
        contracted: Ints = position - self.offsets[:-1]
        if not np.array_equal(self.expand(contracted), choices):
            return None
        return contracted


def merge(problem: Problem) -> Merged:
    """Merge the ties of a problem and keep only its fixed options.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Merged
        Shares the problem's arrays where there is nothing to merge.
    """
    loss = -problem.loss if problem.maximize else problem.loss
    usage = {name: resource.usage for name, resource in problem.resources.items()}
    limits = _limits(problem)
    if not problem.ties and not problem.fixed:
        return Merged(problem, problem.offsets, problem.width, loss, usage, limits)

    is_kept = np.ones(problem.num_options, dtype=bool)
    loss = loss.copy()
    usage = {name: values.copy() for name, values in usage.items()}
    for group, option in problem.fixed.items():
        options = problem.options_of(group)
        is_kept[options.start : options.stop] = False
        is_kept[options.start + option] = True
    for tie in problem.ties:
        _merge_tie(problem, tie, is_kept, loss, usage)

    group_of = np.repeat(np.arange(problem.num_groups), np.diff(problem.offsets))
    counts = np.bincount(group_of[is_kept], minlength=problem.num_groups)
    roots = np.flatnonzero(counts)
    counts = counts[roots]
    offsets = np.zeros(len(roots) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    is_uniform = len(counts) > 0 and bool((counts == counts[0]).all())
    return Merged(
        problem,
        offsets,
        int(counts[0]) if is_uniform else None,
        loss[is_kept],
        {name: values[is_kept] for name, values in usage.items()},
        limits,
        roots,
        np.flatnonzero(is_kept),
    )


def _limits(problem: Problem) -> dict[str, Limits]:
    return {
        name: problem.resources[name].limits(budget)
        for name, budget in problem.budgets.items()
        if not budget.is_open
    }


def _merge_tie(
    problem: Problem,
    tie: tuple[int, ...],
    is_kept: npt.NDArray[np.bool_],
    loss: npt.NDArray[np.float64],
    usage: dict[str, Ints],
) -> None:
    """Sum a tie into its first group, over the precisions that all members allow."""
    options: list[dict[str, int]] = []
    for group in tie:
        flat = problem.options_of(group)
        names = problem.precisions_of(group)
        pairs = zip(names, flat, strict=True)
        options.append({name: j for name, j in pairs if is_kept[j]})
        is_kept[flat.start : flat.stop] = False
    root, *others = options
    for name, j in root.items():
        if not all(name in other for other in others):
            continue
        is_kept[j] = True
        members = [other[name] for other in others]
        loss[j] = sum((loss[m] for m in members), loss[j])
        for values in usage.values():
            values[j] += sum(values[m] for m in members)
