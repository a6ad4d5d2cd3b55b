"""The couplings of a merged problem: between merged groups, over their options."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.model.merge import Merged

__all__ = ["MergedCouplings", "merge_couplings"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MergedCouplings:
    """Losses on pairs of merged groups.

    Attributes
    ----------
    unary : ndarray of float64, shape (merged options,)
        Loss of each option that couplings inside a tie add; ``inf`` forbids the option.
    pairs : ndarray of int32, shape (num_pairs, 2)
        Merged groups, each pair once.
    tables : list of ndarray of float64
        Loss by option of the first and option of the second; ``inf`` forbids the pair.
    """

    unary: Floats
    pairs: npt.NDArray[np.int32]
    tables: list[Floats]


def merge_couplings(merged: Merged) -> MergedCouplings:
    """Return the couplings of a problem as those of its merged groups.

    Tables keep the options that the merged groups keep; those of tied groups add up. A
    coupling inside a tie is a loss of the tie's options.

    Parameters
    ----------
    merged : Merged

    Returns
    -------
    MergedCouplings
    """
    problem = merged.problem
    members = _Members(merged)
    unary = np.zeros(len(merged.loss))
    joined: dict[tuple[int, int], Floats] = {}
    find = problem.layers.index
    for coupling in problem.couplings:
        first, rows = members.of(find(coupling.first))
        second, columns = members.of(find(coupling.second))
        table: Floats = coupling.table
        if rows is not None:
            table = table[rows]
        if columns is not None:
            table = table[:, columns]
        if first == second:
            options = slice(merged.offsets[first], merged.offsets[first + 1])
            unary[options] += np.diagonal(table)
            continue
        if first > second:
            first, second, table = second, first, table.T
        known = joined.get((first, second))
        joined[first, second] = table if known is None else known + table
    pairs = np.array(list(joined), dtype=np.int32).reshape(-1, 2)
    tables = [np.ascontiguousarray(table) for table in joined.values()]
    return MergedCouplings(unary, pairs, tables)


class _Members:
    """Where each of the problem's groups went, and which of its options."""

    def __init__(self, merged: Merged) -> None:
        self._merged = merged
        self._root_of: dict[int, int] = {}
        if merged.roots is None:
            return
        for place, root in enumerate(merged.roots.tolist()):
            self._root_of[root] = place
        for tie in merged.problem.ties:
            for member in tie[1:]:
                self._root_of[member] = self._root_of[tie[0]]

    def of(self, group: int) -> tuple[int, npt.NDArray[np.int64] | None]:
        """Return the merged group, and the group's option for each merged option.

        None stands for all of the group's options, in order.
        """
        merged, problem = self._merged, self._merged.problem
        if merged.roots is None:
            return group, None
        place = self._root_of[group]
        kept = slice(merged.offsets[place], merged.offsets[place + 1])
        names = [problem.precisions[code] for code in merged.codes[kept].tolist()]
        mine = problem.precisions_of(group)
        return place, np.array([mine.index(name) for name in names], dtype=np.int64)
