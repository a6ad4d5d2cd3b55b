"""Problems of every class as linear programs in binary variables, for the peers.

Couplings are written as is usual for such solvers: a variable for each pair of options,
whose sums over either side are the other side's options. That is the formulation with
the tightest relaxation that they are given for a single edge (the local polytope).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.race.peers.columns import Columns, Floats, Integers
from mpsolve.model.generate_classes import Parts

__all__ = ["Program", "Row", "make_program"]


@dataclass(frozen=True)
class Row:
    """``lower <= sum of values * columns <= upper``, in integers."""

    columns: Integers
    values: Integers
    lower: int | None
    upper: int | None

    def scaled(self, largest: float) -> tuple[Floats, float, float]:
        """Return values of at most `largest`, and the sides on the same scale."""
        scale = min(1.0, largest / max(int(np.abs(self.values).max(initial=1)), 1))
        lower = -math.inf if self.lower is None else self.lower * scale
        upper = math.inf if self.upper is None else self.upper * scale
        return self.values.astype(np.float64) * scale, lower, upper


@dataclass(frozen=True)
class Program(Columns):
    """Options of all groups, then the pairs of all edges, one chosen of each.

    Attributes
    ----------
    num_layers : int
        The first groups are the layers; the others are edges.
    rows : tuple of Row
        Budgets and counts.
    link_rows, link_columns, link_values : ndarray
        Rows ``sum of an option's pairs - option = 0``, as triplets.
    """

    num_layers: int
    rows: tuple[Row, ...]
    link_rows: Integers
    link_columns: Integers
    link_values: Integers

    @property
    def num_links(self) -> int:
        return int(self.link_rows[-1]) + 1 if len(self.link_rows) else 0

    def choices(self, chosen: Integers) -> Integers | None:
        """Return the option of each layer, or None where `chosen` is no layout."""
        options = chosen[chosen < self.offsets[self.num_layers]]
        if len(options) != self.num_layers:
            return None
        choices = np.full(self.num_layers, -1, dtype=np.int64)
        choices[self.group[options]] = self.option[options]
        return None if (choices < 0).any() else choices


def make_program(parts: Parts) -> Program:
    """Write a problem as a program; every layout stays.

    Usages are taken above each group's smallest and divided by their greatest common
    divisor, as for the problems of one budget.
    """
    num_layers, width = parts.loss.shape
    num_options = num_layers * width
    least = parts.loss.min(axis=1, keepdims=True)
    own = (parts.loss - least).ravel()
    tables = parts.tables.reshape(len(parts.edges), width * width)
    lowest = tables.min(axis=1, keepdims=True)
    between = (tables - lowest).ravel()
    sizes = [width] * num_layers + [width * width] * len(parts.edges)
    group = np.repeat(np.arange(len(sizes)), sizes)
    offsets = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    links = _links(parts, width, num_options)
    return Program(
        loss=np.concatenate([own, between]),
        usage=np.zeros(0, dtype=np.int64),
        group=group,
        option=np.arange(len(group)) - offsets[group],
        offsets=offsets,
        budget=0,
        least_loss=math.fsum(least.ravel().tolist() + lowest.ravel().tolist()),
        num_layers=num_layers,
        rows=tuple(_rows(parts, num_options)),
        link_rows=links[0],
        link_columns=links[1],
        link_values=links[2],
    )


def _rows(parts: Parts, num_options: int) -> list[Row]:
    rows = []
    for name, upper in parts.budgets.items():
        smallest = parts.usage[name].min(axis=1, keepdims=True)
        usage = (parts.usage[name] - smallest).ravel()
        unit = max(int(np.gcd.reduce(usage)), 1)
        used = np.flatnonzero(usage)
        room = (upper - int(smallest.sum())) // unit
        rows.append(Row(used, usage[used] // unit, None, room))
    options = np.arange(num_options).reshape(parts.loss.shape)
    for name, count in (parts.inventory or {}).items():
        columns = options[:, parts.precisions.index(name)]
        rows.append(Row(columns, np.ones_like(columns), count, count))
    return rows


def _links(
    parts: Parts, width: int, num_options: int
) -> tuple[Integers, Integers, Integers]:
    num_edges = len(parts.edges)
    if not num_edges:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty
    ends = np.array(parts.edges, dtype=np.int64)
    pairs = num_options + np.arange(num_edges * width * width)
    pairs = pairs.reshape(num_edges, width, width)
    numbers = np.arange(num_edges * 2 * width).reshape(num_edges, 2, width)
    own = ends[:, :, None] * width + np.arange(width)
    row_blocks, column_blocks, value_blocks = [], [], []
    for side in (0, 1):
        # Pairs with the option in this place, whatever is in the other.
        block = pairs if side == 0 else pairs.transpose(0, 2, 1)
        row_blocks += [
            np.repeat(numbers[:, side].ravel(), width),
            numbers[:, side].ravel(),
        ]
        column_blocks += [block.ravel(), own[:, side].ravel()]
        value_blocks += [np.ones(block.size), -np.ones(own[:, side].size)]
    rows = np.concatenate(row_blocks)
    order = np.argsort(rows, kind="stable")
    columns = np.concatenate(column_blocks)[order]
    values = np.concatenate(value_blocks)[order].astype(np.int64)
    return rows[order], columns, values
