"""What a network's graph says about layers that servers compute as one."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

__all__ = ["find_experts", "find_readers"]


def find_readers(names: list[str], graph: Any) -> list[tuple[str, ...]]:
    """Return the sets of layers that read the same tensors.

    Parameters
    ----------
    names : list of str
    graph : ModelGraph or networkx.DiGraph
        Of the second, layers with the same predecessors; an edge attribute ``tensor``
        tells several outputs of one layer apart.

    Returns
    -------
    list of tuple of str

    Examples
    --------
    >>> import networkx as nx
    >>> find_readers(["a", "b", "c"], nx.DiGraph([("n", "a"), ("n", "b"), ("a", "c")]))
    [('a', 'b'), ('c',)]
    """
    if hasattr(graph, "readers"):
        return list(graph.readers)
    sets: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for name in names:
        if name in graph and (into := graph.in_edges(name, data=True)):
            read = ((str(a), str(data.get("tensor", ""))) for a, _, data in into)
            sets[tuple(sorted(read))].append(name)
    return [tuple(readers) for readers in sets.values()]


def find_experts(names: list[str], graph: Any) -> dict[str, list[str]]:
    """Return the layers of experts, by the module that holds those.

    Experts are numbered modules of the same make, of two layers and more, that are
    parallel: no path leads from the first one to another, or back. The blocks of a
    network, which are numbered as well, follow each other.

    Parameters
    ----------
    names : list of str
    graph : ModelGraph or networkx.DiGraph
        Of the first, one that has edges; otherwise nothing is found.

    Returns
    -------
    dict of str to list of str

    Examples
    --------
    >>> import networkx as nx
    >>> names = ["l.e.0.up", "l.e.0.down", "l.e.1.up", "l.e.1.down"]
    >>> graph = nx.DiGraph([("l.e.0.up", "l.e.0.down"), ("l.e.1.up", "l.e.1.down")])
    >>> sorted(find_experts(names, graph))
    ['l.e']
    >>> graph.add_edge("l.e.0.down", "l.e.1.up")
    >>> find_experts(names, graph)
    {}
    """
    import networkx as nx

    if getattr(graph, "reason", None) is not None:
        return {}
    edges = graph.graph if hasattr(graph, "readers") else graph
    holders: dict[str, dict[int, dict[str, str]]] = defaultdict(dict)
    for name in names:
        parts = name.split(".")
        for i, part in enumerate(parts[:-1]):
            if i and part.isdigit():
                inner = holders[".".join(parts[:i])].setdefault(int(part), {})
                inner[".".join(parts[i + 1 :])] = name
    found = {}
    for holder, modules in holders.items():
        first, *others = modules.values()
        if (
            len(first) < 2
            or not others
            or any(o.keys() != first.keys() for o in others)
        ):
            continue
        own = [name for name in first.values() if name in edges]
        linked = set().union(
            *(nx.descendants(edges, name) for name in own),
            *(nx.ancestors(edges, name) for name in own),
        )
        rest = [name for other in others for name in other.values()]
        if own and linked.isdisjoint(rest):
            found[holder] = [*first.values(), *rest]
    return found
