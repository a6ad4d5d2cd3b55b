"""Directed graphs of layers, read from networkx or from plain edges."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol, runtime_checkable

from mpsolve.model.faults import Faults

__all__ = ["Edge", "GraphLike", "read_graph", "topological_order"]

#: (producer, consumer), in forward order.
Edge = tuple[str, str]


@runtime_checkable
class HasEdges(Protocol):
    """What is asked of a graph object, such as networkx's DiGraph."""

    @property
    def nodes(self) -> Any:
        """Iterable of nodes."""

    @property
    def edges(self) -> Any:
        """Iterable of (producer, consumer)."""


#: A directed graph, or its edges; two equal edges are two tensors.
GraphLike = HasEdges | Iterable[Edge]


def read_graph(graph: GraphLike) -> tuple[list[str], list[Edge]]:
    """Return the nodes and edges of an acyclic graph.

    Parameters
    ----------
    graph : networkx.DiGraph, or iterable of (str, str)
        Edges from the producer of a tensor to its consumer.

    Returns
    -------
    nodes : list of str
        In the graph's own order; that of first appearance for plain edges.
    edges : list of (str, str)

    Raises
    ------
    InvalidProblemError
        If the graph has no directions, or has a cycle.

    Examples
    --------
    >>> read_graph([("a", "b"), ("b", "c"), ("a", "c")])
    (['a', 'b', 'c'], [('a', 'b'), ('b', 'c'), ('a', 'c')])
    """
    faults = Faults()
    if isinstance(graph, HasEdges):
        if not getattr(graph, "is_directed", lambda: True)():
            faults.add("graph", "must be directed, from producer to consumer")
            faults.raise_if_any()
        nodes = list(graph.nodes)
        # A multigraph's edges carry a key behind the two ends.
        edges = [(edge[0], edge[1]) for edge in graph.edges]
    else:
        edges = []
        for i, edge in enumerate(graph):
            if isinstance(edge, tuple | list) and len(edge) == 2:
                edges.append((edge[0], edge[1]))
            else:
                message = f"must be a pair (producer, consumer). Got {edge!r}"
                faults.add(f"graph[{i}]", message)
        faults.raise_if_any()
        nodes = list(dict.fromkeys(node for edge in edges for node in edge))
    topological_order(nodes, edges)
    return nodes, edges


def topological_order(nodes: Iterable[str], edges: Iterable[Edge]) -> list[str]:
    """Return the nodes so that every edge goes forward; the same order every time.

    Parameters
    ----------
    nodes : iterable of str
    edges : iterable of (str, str)

    Returns
    -------
    list of str

    Raises
    ------
    InvalidProblemError
        If there is a cycle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(nodes, ()))
    for producer, consumer in edges:
        sorter.add(consumer, producer)
    try:
        return list(sorter.static_order())
    except CycleError as error:
        faults = Faults()
        cycle = " -> ".join(map(str, error.args[1]))
        faults.add("graph", f"must have no cycle. Got {cycle}")
        faults.raise_if_any()
        raise
