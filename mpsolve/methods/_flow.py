"""Minimum-cost flow from many layers to few precisions, in exact integers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

__all__ = ["Flow", "Stuck"]

#: Paths between two looks at the clock.
PATHS_PER_LOOK = 64


class Stuck(Exception):  # noqa: N818  an answer, caught where it is raised
    """No path leads from a surplus to a lack: the counts cannot be kept.

    Attributes
    ----------
    reached : set of int
        Precisions that layers of the surplus can reach; the number of precisions stands
        for the sink.
    """

    def __init__(self, reached: set[int]) -> None:
        super().__init__()
        self.reached = reached


class Flow:
    """A layout that is the cheapest for its counts, mended until they are right.

    Every precision k sends ``out[k]`` units to a sink, at no cost, between its bounds;
    layers beyond that are its surplus. Successive shortest paths move surplus to where
    it lacks. The residual graph has one node for each precision and one for the sink:
    the arc from a to b is the layer that loses least by moving, kept in a heap for each
    pair.

    Parameters
    ----------
    losses : sequence of dict of int to int
        Exact loss of every layer by precision; each has at least one.
    lower, upper : sequence of int
        Bounds on the number of layers of each precision.
    potentials : sequence of int
        To begin with; any numbers are right, good ones are fast.
    """

    def __init__(
        self,
        losses: Sequence[dict[int, int]],
        lower: Sequence[int],
        upper: Sequence[int],
        potentials: Sequence[int],
    ) -> None:
        self._losses, self._lower, self._upper = losses, lower, upper
        size = len(lower)
        self._sink = size
        # The sink's potential is the last one.
        self._potentials = [*potentials, 0]
        self.num_paths = 0
        self.assigned = [
            min(row, key=lambda k: (row[k] - potentials[k], k)) for row in losses
        ]
        counts = [0] * size
        for k in self.assigned:
            counts[k] += 1
        self._out = [
            lower[k]
            if potentials[k] > 0
            else upper[k]
            if potentials[k] < 0
            else min(max(counts[k], lower[k]), upper[k])
            for k in range(size)
        ]
        self._surplus = [counts[k] - self._out[k] for k in range(size)]
        self._surplus.append(sum(self._out) - len(losses))
        self._heaps: list[list[list[tuple[int, int]]]] = [
            [[] for _ in range(size)] for _ in range(size)
        ]

    def mend(self, deadline: float) -> bool:
        """Move layers until every count is within its bounds.

        Parameters
        ----------
        deadline : float
            On the clock of :func:`time.perf_counter`.

        Returns
        -------
        bool
            False where the time ran out.

        Raises
        ------
        Stuck
            If the counts cannot be kept.
        """
        if any(self._surplus):
            self._fill_heaps()
        while any(surplus > 0 for surplus in self._surplus):
            if self.num_paths % PATHS_PER_LOOK == 0 and time.perf_counter() > deadline:
                return False
            self._push()
            self.num_paths += 1
        return True

    def multipliers(self) -> list[int]:
        """Return what the potentials take off every precision's losses."""
        return [v - self._potentials[self._sink] for v in self._potentials[:-1]]

    def dual_bound(self) -> int:
        """Return the lower bound that the multipliers prove, from all losses anew."""
        v = self.multipliers()
        layers = sum(min(c - v[k] for k, c in row.items()) for row in self._losses)
        bounds = zip(v, self._lower, self._upper, strict=True)
        return layers + sum(min(x * low, x * high) for x, low, high in bounds)

    def _fill_heaps(self) -> None:
        """List what every layer loses by every move."""
        for i, row in enumerate(self._losses):
            a = self.assigned[i]
            for b, loss in row.items():
                if b != a:
                    self._heaps[a][b].append((loss - row[a], i))
        for heaps in self._heaps:
            for heap in heaps:
                heapify(heap)

    def _push(self) -> None:
        """Move one unit along the shortest path from a surplus to a lack."""
        distance, parent, end = self._shortest_path()
        for node, reached in enumerate(distance):
            farthest = distance[end] or 0
            far = farthest if reached is None else min(reached, farthest)
            self._potentials[node] += far
        # Layers are picked before any of them moves.
        moves, node = [], end
        while (before := parent[node]) is not None:
            moves.append((before, node))
            node = before
        picked = [
            (self._heaps[a][b][0][1], a, b)
            for a, b in moves
            if a != self._sink and b != self._sink
        ]
        for a, b in moves:
            if b == self._sink:
                self._out[a] += 1
            elif a == self._sink:
                self._out[b] -= 1
        for layer, _, b in picked:
            self.assigned[layer] = b
            row = self._losses[layer]
            for c, loss in row.items():
                if c != b:
                    heappush(self._heaps[b][c], (loss - row[b], layer))
        self._surplus[node] -= 1
        self._surplus[end] += 1

    def _shortest_path(self) -> tuple[list[int | None], list[int | None], int]:
        """Return distances and parents, and the nearest node that lacks something."""
        size = self._sink + 1
        distance: list[int | None] = [0 if s > 0 else None for s in self._surplus]
        parent: list[int | None] = [None] * size
        is_open = [True] * size
        while True:
            node = min(
                (k for k in range(size) if is_open[k] and distance[k] is not None),
                key=lambda k: distance[k] or 0,
                default=None,
            )
            if node is None:
                raise Stuck({k for k in range(size) if distance[k] is not None})
            if self._surplus[node] < 0:
                return distance, parent, node
            is_open[node] = False
            here = (distance[node] or 0) + self._potentials[node]
            for other in range(size):
                if not is_open[other]:
                    continue
                loss = self._arc(node, other)
                if loss is None:
                    continue
                new = here + loss - self._potentials[other]
                old = distance[other]
                if old is None or new < old:
                    distance[other], parent[other] = new, node

    def _arc(self, a: int, b: int) -> int | None:
        """Return the loss of moving one unit from a to b; None where none can."""
        if b == self._sink:
            return 0 if self._out[a] < self._upper[a] else None
        if a == self._sink:
            return 0 if self._out[b] > self._lower[b] else None
        heap = self._heaps[a][b]
        while heap and self.assigned[heap[0][1]] != a:
            heappop(heap)
        return heap[0][0] if heap else None
