"""Sequential sub-graphs: parts of a network whose measured times add up.

A node through which all work passes is a cut node. What runs between two consecutive
cut nodes runs between two moments of every execution, so times of such parts add, while
inside a part branches may run beside each other. The idea is that of Markovich-Golan et
al., "Mixed precision on Gaudi", arXiv 2505.13060.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Literal, get_args

from mpsolve.errors import InvalidParameterError
from mpsolve.model.faults import Faults
from mpsolve.model.graph import Edge, GraphLike, read_graph, topological_order

__all__ = ["cut_nodes", "sequential_subgraphs"]

Skips = Literal["keep", "drop"]


def sequential_subgraphs(
    graph: GraphLike,
    layers: Iterable[str] | None = None,
    *,
    skips: Skips = "keep",
) -> list[tuple[str, ...]]:
    """Divide a network into parts whose times add up.

    The nodes strictly between two consecutive cut nodes form one part; a cut node that
    is itself a layer is a part of its own.

    Parameters
    ----------
    graph : networkx.DiGraph, or iterable of (str, str)
        Edges from producer to consumer. Leave out constants that many nodes read, such
        as masks: they carry no work, and would join everything between their readers.
    layers : iterable of str, optional
        Nodes that get a precision; all of them where nothing is said. Others, such as
        additions and norms, only connect.
    skips : {"keep", "drop"}
        Whether an edge counts beside a longer path between the same two nodes. Such
        edges are skip connections; dropped, they do not join what they span, which is
        right where the addition at their end costs next to nothing.

    Returns
    -------
    list of tuple of str
        The layers of every part, parts and layers in the order of execution; parts
        without a layer are left out.

    Raises
    ------
    InvalidProblemError
        If the graph has a cycle, or a layer is not in it.

    Examples
    --------
    A residual block of two layers.

    >>> block = [("x", "a"), ("a", "b"), ("b", "add"), ("x", "add"), ("add", "c")]
    >>> sequential_subgraphs(block, ["a", "b", "c"])
    [('a', 'b'), ('c',)]
    >>> sequential_subgraphs(block, ["a", "b", "c"], skips="drop")
    [('a',), ('b',), ('c',)]
    """
    if skips not in get_args(Skips):
        msg = f"skips must be one of {', '.join(get_args(Skips))}. Got {skips!r}"
        raise InvalidParameterError(msg)
    nodes, edges = read_graph(graph)
    known = set(nodes)
    chosen = list(nodes if layers is None else layers)
    faults = Faults()
    for i, layer in enumerate(chosen):
        if layer not in known:
            faults.add(f"layers[{i}]", f"the graph has no node {layer!r}")
    faults.raise_if_any()
    if skips == "drop":
        edges = without_skips(nodes, edges)
    order = topological_order(nodes, edges)
    is_layer, is_cut = set(chosen), set(cut_nodes(order, edges))
    parts: list[list[str]] = [[]]
    for node in order:
        if node in is_cut:
            parts += [[node], []]
        else:
            parts[-1].append(node)
    kept = (tuple(node for node in part if node in is_layer) for part in parts)
    return [part for part in kept if part]


def cut_nodes(order: Sequence[str], edges: Iterable[Edge]) -> list[str]:
    """Return the nodes that lie on every path from an entry to an exit.

    With positions along any topological order, such a node is one that no edge spans:
    an edge over it is part of a path that avoids it. O(nodes + edges).

    Parameters
    ----------
    order : sequence of str
        The nodes, every edge going forward.
    edges : iterable of (str, str)

    Returns
    -------
    list of str
        In the same order.

    Examples
    --------
    >>> diamond = [("x", "a"), ("x", "b"), ("a", "y"), ("b", "y")]
    >>> cut_nodes(["x", "a", "b", "y"], diamond)
    ['x', 'y']
    """
    position = {node: i for i, node in enumerate(order)}
    entries, exits = dict(position), dict(position)
    # Difference array: +1 where an edge begins to span positions, -1 where it ends.
    spans = [0] * (len(order) + 1)
    for producer, consumer in edges:
        spans[position[producer] + 1] += 1
        spans[position[consumer]] -= 1
        entries.pop(consumer, None)
        exits.pop(producer, None)
    # Paths begin before the first node and end behind the last one.
    for i in entries.values():
        spans[0] += 1
        spans[i] -= 1
    for i in exits.values():
        spans[i + 1] += 1
        spans[len(order)] -= 1
    depths = accumulate(spans[: len(order)])
    return [node for node, depth in zip(order, depths, strict=True) if depth == 0]


def without_skips(nodes: Iterable[str], edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges beside which no longer path joins the same two nodes."""
    order = topological_order(nodes, edges)
    position = {node: i for i, node in enumerate(order)}
    consumers: dict[str, list[str]] = defaultdict(list)
    for producer, consumer in edges:
        consumers[producer].append(consumer)
    kept = []
    for producer, consumer in edges:
        last = max(position[node] for node in consumers[producer])
        if len(consumers[producer]) == 1 or not _reaches_late(
            producer, consumer, consumers, position, last
        ):
            kept.append((producer, consumer))
    return kept


def _reaches_late(
    start: str,
    goal: str,
    consumers: dict[str, list[str]],
    position: dict[str, int],
    last: int,
) -> bool:
    """Whether a path of at least two edges leads from one node to another."""
    stack = [node for node in consumers[start] if node != goal]
    seen = set(stack)
    while stack:
        for node in consumers[stack.pop()]:
            if node == goal:
                return True
            if node not in seen and position[node] < min(last, position[goal]):
                seen.add(node)
                stack.append(node)
    return False
