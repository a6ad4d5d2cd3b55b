"""Problem 3 on a traced network, as it is executed.

A layer converts what it reads to its own type, once. Sums and products of tensors have
the type that holds all their operands, and cost nothing; they are nodes of their own
that no inventory counts. 8-bit types return the network's own type, as products of
8-bit numbers do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import mpsolve
from benchmarks.paper.datatypes.errors import Errors
from mpsolve import Coupling, Group, Option, Problem
from mpsolve.torch import ModelGraph, parse

__all__ = ["Problem3", "scaled_inventory"]

Types = Mapping[str, str]


def scaled_inventory(parts: Mapping[str, int], num_layers: int) -> dict[str, int]:
    """Scale an inventory to a number of layers, by largest remainders.

    Where remainders are equal, the type that stands first gets the layer.

    Examples
    --------
    >>> scaled_inventory({"fp64": 1, "fp32": 2, "fp16": 2}, 37)
    {'fp64': 7, 'fp32': 15, 'fp16': 15}
    """
    total = sum(parts.values())
    counts = {kind: num_layers * n // total for kind, n in parts.items()}
    # Python's sort is stable.
    by_rest = sorted(parts, key=lambda kind: -(num_layers * parts[kind] % total))
    for kind in by_rest[: num_layers - sum(counts.values())]:
        counts[kind] += 1
    return counts


class Problem3:
    """The problem of a network and an inventory, and every way to look at a layout.

    Parameters
    ----------
    graph : ModelGraph
    errors : Errors
    inventory : mapping of str to int
        Layers of each type; the widest first. That is the network's own type.
    """

    def __init__(
        self, graph: ModelGraph, errors: Errors, inventory: Mapping[str, int]
    ) -> None:
        self.graph = graph
        self.inventory = dict(inventory)
        self.types = list(inventory)
        self.base = self.types[0]
        # In the order of execution, which need not be that of the errors.
        self.layers = graph.with_role("layer")
        self.errors = errors
        rows = [errors.layers.index(layer) for layer in self.layers]
        columns = [errors.types.index(kind) for kind in self.types]
        at = np.ix_(rows, columns)
        self.conversion = errors.conversion[at]
        self.own = errors.own[at]
        self.both = errors.both[at]
        self.gradient = errors.gradient[rows]
        self.source = errors.source[columns]
        self.ties = [tie for tie in graph.ties if len(tie) > 1]
        self.lossless = mpsolve.lossless_matrix(self.types)

    def problem(self, *, own: bool) -> Problem:
        """Return the problem as executed, with or without the layers' own losses."""
        table = self.boundary()
        if own:
            table = table + self.own
        groups = []
        for node, data in self.graph.nodes(data=True):
            if data["role"] == "layer":
                losses = table[self.layers.index(node)]
                options = [
                    Option(kind, float(loss))
                    for kind, loss in zip(self.types, losses, strict=True)
                ]
            else:
                options = [Option(f"sum of {kind}", 0.0) for kind in self.types]
            groups.append(Group(node, options))
        return Problem(
            groups,
            couplings=self._couplings(),
            inventory=self.inventory,
            ties=self.ties,
        )

    def paper_problem(self) -> Problem:
        """Return the problem as published: layers alone, an edge for every tensor."""
        edges = list(self.graph.layer_graph().edges)
        return Problem.from_arrays(
            self.boundary(),
            layers=self.layers,
            precisions=self.types,
            couplings=mpsolve.conversion_loss(
                edges, *self._sensitivities(edges), self.types
            ),
            inventory=self.inventory,
            ties=self.ties,
        )

    def separate_problem(self, losses: npt.NDArray[np.float64]) -> Problem:
        """Return the problem of losses that know nothing of neighbours."""
        return Problem.from_arrays(
            losses,
            layers=self.layers,
            precisions=self.types,
            inventory=self.inventory,
            ties=self.ties,
        )

    def boundary(self) -> npt.NDArray[np.float64]:
        """Return what layers pay that read the data."""
        table = np.zeros_like(self.conversion)
        for i, layer in enumerate(self.layers):
            if not self.graph.graph.in_degree(layer):
                table[i] = np.where(self.source, 0.0, self.conversion[i])
        return table

    def _couplings(self) -> list[Coupling]:
        is_layer = set(self.layers)
        edges = list(self.graph.edges)
        to_layers = [edge for edge in edges if edge[1] in is_layer]
        to_sums = [edge for edge in edges if edge[1] not in is_layer]
        couplings = [
            *mpsolve.conversion_loss(
                to_layers, *self._sensitivities(to_layers), self.types
            ),
            *mpsolve.monotone(to_sums, self.types),
        ]
        return [
            Coupling(c.first, c.second, self._as_returned(c.table)) for c in couplings
        ]

    def _sensitivities(self, edges: Sequence[tuple[str, str]]) -> tuple[Any, Any]:
        """Return sensitivities of 1 and measured errors, in the order of the nodes."""
        nodes = list(dict.fromkeys(node for edge in edges for node in edge))
        zeros = np.zeros(len(self.types))
        errors = [
            self.conversion[self.layers.index(node)] if node in self.layers else zeros
            for node in nodes
        ]
        return np.ones(len(nodes)), np.array(errors)

    def _as_returned(self, table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Let types that torch does not compute in return the network's own type."""
        table = table.copy()
        for k, kind in enumerate(self.types):
            if parse(kind).weight.dtype is None:
                table[k] = table[0]
        return table

    # -- layouts ----------------------------------------------------------------

    def returned(self, layout: Types) -> dict[str, str]:
        """Return the type of every node's tensor."""
        types: dict[str, str] = {}
        for node in self.graph.graph:
            if node in layout:
                kind = layout[node]
                is_native = parse(kind).weight.dtype is not None
                types[node] = kind if is_native else self.base
            else:
                given = [types[p] for p in self.graph.graph.predecessors(node)]
                types[node] = self._holding(given)
        return types

    def _holding(self, given: Sequence[str]) -> str:
        """Return the narrowest type that holds all of some."""
        fitting = [
            kind
            for k, kind in enumerate(self.types)
            if all(self.lossless[self.types.index(g), k] for g in given)
        ]
        return fitting[-1]

    def lossy(self, layout: Types) -> list[str]:
        """Return the layers that lose something when they convert what they read."""
        types = self.returned(layout)
        found = []
        for layer in self.layers:
            k = self.types.index(layout[layer])
            given = list(self.graph.graph.predecessors(layer))
            is_exact = all(self.lossless[self.types.index(types[p]), k] for p in given)
            if not given:
                is_exact = bool(self.source[k])
            if not is_exact:
                found.append(layer)
        return found

    def conversion_loss(self, layout: Types) -> float:
        """Return Problem 3's objective of a layout."""
        return sum(
            float(self.conversion[i, self.types.index(layout[layer])])
            for layer in self.lossy(layout)
            for i in [self.layers.index(layer)]
        )

    def own_loss(self, layout: Types) -> float:
        """Return the sum of the layers' own losses."""
        return sum(
            float(self.own[i, self.types.index(layout[layer])])
            for i, layer in enumerate(self.layers)
        )
