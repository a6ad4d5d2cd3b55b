"""Two precisions and couplings of any graph: a minimum cut, where it is one."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mpsolve.methods.proof import answer, as_integers, to_float
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.model.pairs import Pairs
from mpsolve.result import Reason

__all__ = ["MinCut"]

#: The cut's two terminals; groups are numbered from 0.
SOURCE, SINK = -1, -2

#: Capacities by arc.
Network = dict[int, dict[int, int]]


class MinCut:
    r"""A minimum cut, for two options each and couplings that it can represent.

    A table T of two groups with two options each is submodular where

    .. math:: T_{00} + T_{11} \le T_{01} + T_{10} ,

    and a sum of such tables and of the groups' own losses is the capacity of a cut
    [1]_. A conversion that loses something only downward is one. Where tables are not
    submodular, swapping some groups' options may make all of them so; the method finds
    that, or says which it cannot. Losses are integers of one common unit, so the cut is
    exact; networkx finds the flow, which is checked, and whose value is the bound.

    References
    ----------
    .. [1] V. Kolmogorov, R. Zabih, "What energy functions can be minimized via graph
       cuts?", IEEE Transactions on Pattern Analysis 26 (2004) 147-159.

    Examples
    --------
    A residual block whose skip edge pays too.

    >>> import mpsolve
    >>> graph = [("a", "b"), ("b", "c"), ("a", "c")]
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.0, 0.9], [0.9, 0.0], [0.0, 0.9]], layers=["a", "b", "c"],
    ...     precisions=["fp16", "fp32"],
    ...     couplings=mpsolve.conversion_loss(
    ...         graph, [1, 1, 1], [0.5, 0.1], ["fp16", "fp32"]))
    >>> result = mpsolve.solve(problem, method="min_cut")
    >>> dict(result.layout), result.loss
    ({'a': 'fp16', 'b': 'fp32', 'c': 'fp16'}, 0.5)
    """

    name = "min_cut"
    summary = "a minimum cut, for two options and submodular couplings"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        most_budgets=0,
        couplings=True,
        parameters=frozenset({"memory_limit", "hint"}),
    )

    def why_not(self, merged: Merged) -> str:
        """Say why it is no cut; see :class:`mpsolve.methods.SpecialCase`."""
        if not merged.problem.couplings:
            return "a problem without couplings"
        if np.diff(merged.offsets).max() > 2:
            return "groups with more than two options"
        return (
            ""
            if _flips(_integers(merged, merged.pairs)) is not None
            else ("couplings that are not submodular, whichever options are swapped")
        )

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        import networkx as nx

        pairs = merged.pairs
        energy = _integers(merged, pairs)
        flips = _flips(energy) or [False] * merged.num_groups
        constant, network = _network(energy, flips)
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from((SOURCE, SINK))
        graph.add_edges_from(
            (u, v, {"capacity": c})
            for u, arcs in network.items()
            for v, c in arcs.items()
        )
        _, flow = nx.maximum_flow(graph, SOURCE, SINK)
        bound = constant + _flow_value(network, flow)
        if bound >= energy.forbidden - energy.most:
            detail = "the forbidden pairs of the couplings leave no layout"
            return Answer(Reason.INFEASIBLE, detail=detail)
        reached = _reached(network, flow)
        choices = np.array(
            [
                int((group not in reached) != is_flipped) if size == 2 else 0
                for group, (is_flipped, size) in enumerate(
                    zip(flips, np.diff(merged.offsets).tolist(), strict=True)
                )
            ],
            dtype=np.int64,
        )
        return answer(
            merged,
            pairs,
            choices,
            to_float(bound, energy.exponent),
            parameters,
            detail=(
                "every group has two options and the couplings are submodular, so the "
                "layout is a cut, and a flow of the same value proves it"
            ),
            counters={"arcs": float(graph.number_of_edges())},
        )


@dataclass(frozen=True)
class _Energy:
    """Losses in exact integers, two options for every group.

    Attributes
    ----------
    unary : list of [int, int]
        A group with a single option has it twice.
    tables : dict of (int, int) to [[int, int], [int, int]]
    exponent : int
        Of the unit, a power of two.
    most : int
        No layout's finite losses add up to more, in absolute value.
    forbidden : int
        Stands for an infinite loss; above twice `most`.
    """

    unary: list[list[int]]
    tables: dict[tuple[int, int], list[list[int]]]
    exponent: int
    most: int
    forbidden: int


def _integers(merged: Merged, pairs: Pairs) -> _Energy:
    """Write all losses as integers; a single option stands in both places."""
    sizes = np.diff(merged.offsets)
    second = merged.offsets[:-1] + (sizes > 1)
    unary = np.stack([pairs.loss[merged.offsets[:-1]], pairs.loss[second]], axis=1)
    keys = list(pairs.tables)
    tables = np.array(
        [
            np.broadcast_to(pairs.tables[key], (2, 2))
            if pairs.tables[key].size < 4
            else pairs.tables[key]
            for key in keys
        ]
    ).reshape(-1, 2, 2)
    values = np.concatenate([unary.reshape(-1), tables.reshape(-1)])
    is_finite = np.isfinite(values)
    integers, exponent = as_integers(np.where(is_finite, values, 0.0))
    most = int(np.abs(integers).sum())
    forbidden = 2 * most + 1
    integers[~is_finite] = forbidden
    listed = integers.tolist()
    rest = 2 * merged.num_groups
    pair_tables = [
        [listed[i : i + 2], listed[i + 2 : i + 4]] for i in range(rest, len(listed), 4)
    ]
    return _Energy(
        [listed[i : i + 2] for i in range(0, rest, 2)],
        dict(zip(keys, pair_tables, strict=True)),
        exponent,
        most,
        forbidden,
    )


def _excess(table: list[list[int]]) -> int:
    """Return ``T00 + T11 - T01 - T10``; at most 0 where a table is submodular."""
    return table[0][0] + table[1][1] - table[0][1] - table[1][0]


def _flips(energy: _Energy) -> list[bool] | None:
    """Return groups whose options to swap so that all tables are submodular."""
    near: list[list[tuple[int, bool]]] = [[] for _ in energy.unary]
    for (u, v), table in energy.tables.items():
        excess = _excess(table)
        if excess:
            near[u].append((v, excess > 0))
            near[v].append((u, excess > 0))
    flips: list[bool | None] = [None] * len(near)
    for start in range(len(near)):
        if flips[start] is not None:
            continue
        flips[start] = False
        queue = deque([start])
        while queue:
            u = queue.popleft()
            for v, must_differ in near[u]:
                wanted = bool(flips[u]) != must_differ
                if flips[v] is None:
                    flips[v] = wanted
                    queue.append(v)
                elif flips[v] != wanted:
                    return None
    return [bool(flip) for flip in flips]


def _network(energy: _Energy, flips: list[bool]) -> tuple[int, Network]:
    """Return a constant and capacities, whose cuts cost what layouts do."""
    constant = 0
    # What option 1 costs more than option 0, after the swaps.
    extra = []
    for (zero, one), is_flipped in zip(energy.unary, flips, strict=True):
        low, high = (one, zero) if is_flipped else (zero, one)
        constant += low
        extra.append(high - low)
    network: Network = {u: {} for u in (SOURCE, SINK, *range(len(flips)))}
    for (u, v), given in energy.tables.items():
        table = given[::-1] if flips[u] else given
        (a, b), (c, d) = (row[::-1] for row in table) if flips[v] else table
        constant += a
        extra[u] += c - a
        extra[v] += d - c
        if b + c - a - d:
            network[u][v] = b + c - a - d
    for u, loss in enumerate(extra):
        if loss > 0:
            network[SOURCE][u] = loss
        elif loss < 0:
            constant += loss
            network[u][SINK] = -loss
    return constant, network


def _flow_value(network: Network, flow: Mapping[int, Mapping[int, int]]) -> int:
    """Return the value of a flow, or 0, which is valid too, where it is none."""
    balance = dict.fromkeys(network, 0)
    for u, arcs in network.items():
        for v, capacity in arcs.items():
            amount = flow[u][v]
            if not 0 <= amount <= capacity:
                return 0
            balance[u] -= amount
            balance[v] += amount
    if any(balance[u] for u in balance if u not in (SOURCE, SINK)):
        return 0
    return balance[SINK]


def _reached(network: Network, flow: Mapping[int, Mapping[int, int]]) -> set[int]:
    """Return the nodes that the source reaches where capacity is left."""
    residual: dict[int, list[int]] = {u: [] for u in network}
    for u, arcs in network.items():
        for v, capacity in arcs.items():
            if flow[u][v] < capacity:
                residual[u].append(v)
            if flow[u][v] > 0:
                residual[v].append(u)
    reached, stack = {SOURCE}, [SOURCE]
    while stack:
        for v in residual[stack.pop()]:
            if v not in reached:
                reached.add(v)
                stack.append(v)
    return reached
