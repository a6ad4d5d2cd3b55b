"""The couplings that solvers see: one table for each pair of merged groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.model.merge import Merged

__all__ = ["Pairs", "merge_pairs"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """The couplings of a merged problem.

    Attributes
    ----------
    tables : dict of (int, int) to ndarray of float64, shape (options, options)
        By pair of merged groups, the smaller position first; the sum of all couplings
        of that pair.
    loss : ndarray of float64, shape (num_options,)
        The merged problem's losses, and what couplings inside a tie add to them.
        Infinite where such a coupling forbids the option.
    """

    tables: dict[tuple[int, int], Floats]
    loss: Floats

    def neighbours(self, num_groups: int) -> list[list[int]]:
        """Return the groups that each group is coupled with, upward."""
        found: list[list[int]] = [[] for _ in range(num_groups)]
        for first, second in sorted(self.tables):
            found[first].append(second)
            found[second].append(first)
        return found


def merge_pairs(merged: Merged) -> Pairs:
    """Translate a problem's couplings to its merged groups and their options.

    Parameters
    ----------
    merged : Merged

    Returns
    -------
    Pairs

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0, 0], [0, 0], [0, 0]], layers=["a", "b", "c"], ties=[["a", "b"]],
    ...     couplings=[mpsolve.Coupling("b", "a", [[1, 9], [9, 2]]),
    ...                mpsolve.Coupling("c", "b", [[3, 4], [5, 6]])])
    >>> pairs = merge_pairs(problem.merged)
    >>> pairs.loss.tolist(), pairs.tables[0, 1].tolist()
    ([1.0, 2.0, 0.0, 0.0], [[3.0, 5.0], [4.0, 6.0]])
    """
    problem = merged.problem
    if not problem.couplings:
        return Pairs({}, merged.loss)
    group_of = _merged_groups(merged)
    tables: dict[tuple[int, int], Floats] = {}
    loss = merged.loss.copy()
    for coupling, (u, v) in zip(problem.couplings, problem.coupled_groups, strict=True):
        first, second = group_of[u], group_of[v]
        if merged.roots is None:
            _add(tables, first, second, coupling.table)
            continue
        rows, columns = (_options(merged, *pair) for pair in ((u, first), (v, second)))
        if first == second:
            options = slice(merged.offsets[first], merged.offsets[first + 1])
            loss[options] += coupling.table[rows, columns]
            continue
        _add(tables, first, second, coupling.table[np.ix_(rows, columns)])
    return Pairs(tables, loss)


def _add(
    tables: dict[tuple[int, int], Floats], first: int, second: int, table: Floats
) -> None:
    """Add a table to that of its pair."""
    if first > second:
        first, second, table = second, first, table.T
    known = tables.get((first, second))
    tables[first, second] = table if known is None else known + table


def _merged_groups(merged: Merged) -> list[int]:
    """Return the merged group of each of the problem's groups."""
    group_of = np.arange(merged.problem.num_groups)
    for tie in merged.problem.ties:
        group_of[list(tie)] = tie[0]
    if merged.roots is not None:
        group_of = np.searchsorted(merged.roots, group_of)
    found: list[int] = group_of.tolist()
    return found


def _options(merged: Merged, group: int, merged_group: int) -> list[int]:
    """Return a group's own option for each option of its merged group."""
    first, last = merged.offsets[merged_group : merged_group + 2].tolist()
    if merged.origin is None:
        return list(range(last - first))
    problem = merged.problem
    names = problem.precisions_of(group)
    chosen = merged.codes[first:last].tolist()
    return [names.index(problem.precisions[code]) for code in chosen]
