"""The graph of a model's layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.layers import Layer, find_ties

__all__ = ["ModelGraph"]


@dataclass(frozen=True)
class ModelGraph:
    """The calls of a model's layers, and the tensors between them.

    A node is a call: ``"conv1"`` is the first call of the layer of that name,
    ``"conv1@1"`` the second. Products of two tensors, such as those of attention, are
    nodes without parameters, and so are joins: operators at which tensors of several
    nodes meet, such as the addition of a residual block. They are named after the
    module in which they stand: ``"layer1.0.add"``. Everything else, norms and
    activations for instance, belongs to the edges.

    Every node has these attributes:

    ``layer`` : str or None
        Name of the layer.
    ``kind`` : str
        Class of the module, or name of the operator.
    ``role`` : str
        ``"layer"``, ``"product"`` or ``"join"``.
    ``fqn`` : str
        Of the module that is called, or in which the operator stands.
    ``call`` : int
        0 for the first call of a layer.
    ``input_shapes`` : tuple of shape
    ``reads`` : tuple of int, of layers alone
        Which tensors the call reads, numbered through the model.
    ``output_shape`` : shape
    ``macs`` : int
        Multiply-accumulate operations.
    ``parameters`` : int
        Number of the layer's parameters.

    An edge's ``shape`` is that of the tensor which arrives.

    Attributes
    ----------
    graph : networkx.DiGraph
        Nodes in the order of execution.
    layers : tuple of Layer
    reason : str or None
        Why there are no edges, where the model could not be traced: nodes are then the
        layers' calls alone.
    """

    graph: Any
    layers: tuple[Layer, ...]
    reason: str | None = None
    _by_name: dict[str, Layer] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {layer.name: layer for layer in self.layers}
        object.__setattr__(self, "_by_name", by_name)

    @property
    def nodes(self) -> Any:
        """The nodes, with their attributes: ``graph.nodes["conv1"]["macs"]``."""
        return self.graph.nodes

    @property
    def edges(self) -> Any:
        """The edges, from the producer of a tensor to its consumer.

        Raises
        ------
        InvalidParameterError
            If the model could not be traced, so that edges are not known.
        """
        self.need_edges()
        return self.graph.edges

    def need_edges(self) -> None:
        """Raise an error where edges are not known.

        Raises
        ------
        InvalidParameterError
            If the model could not be traced.
        """
        if self.reason is not None:
            msg = f"the graph has no edges, as the model was not traced: {self.reason}"
            raise InvalidParameterError(msg)

    def is_directed(self) -> bool:
        """Return True."""
        return True

    def layer(self, name: str) -> Layer:
        """Return the layer of a name.

        Raises
        ------
        InvalidParameterError
            If there is none.
        """
        if name not in self._by_name:
            msg = f"name must be that of a layer. Got {name!r}"
            raise InvalidParameterError(msg)
        return self._by_name[name]

    def with_role(self, *roles: str) -> list[str]:
        """Return the nodes of some roles, in the order of execution."""
        return [name for name, role in self.graph.nodes("role") if role in roles]

    def calls(self, layer: str) -> list[str]:
        """Return the nodes of a layer; none where the example never called it."""
        return [name for name, own in self.graph.nodes("layer") if own == layer]

    @property
    def ties(self) -> list[tuple[str, ...]]:
        """Sets of nodes that must get the same precision.

        Calls of the same layer, and calls of layers that share parameters.
        """
        joined = nx.Graph()
        calls = {layer.name: self.calls(layer.name) for layer in self.layers}
        for names in calls.values():
            nx.add_path(joined, names)
        for tie in find_ties(self.layers):
            nx.add_path(joined, [name for layer in tie for name in calls[layer]])
        order = {name: i for i, name in enumerate(self.graph)}
        sets = [
            sorted(s, key=order.__getitem__) for s in nx.connected_components(joined)
        ]
        return [tuple(s) for s in sets if len(s) > 1]

    @property
    def sharing(self) -> list[tuple[str, ...]]:
        """Sets of layers that share parameters, and must get the same precision."""
        return find_ties(self.layers)

    @property
    def readers(self) -> list[tuple[str, ...]]:
        """Sets of linear layers that read the same tensors: query, key and value.

        They could be computed as one; servers do so with those of the same module. A
        layer that is called several times must read the same ones at every call.
        """
        sets: dict[tuple[tuple[int, ...], ...], list[str]] = {}
        for layer in self.layers:
            calls = self.calls(layer.name)
            if calls and hasattr(layer.module, "in_features"):
                read = tuple(self.graph.nodes[call]["reads"] for call in calls)
                sets.setdefault(read, []).append(layer.name)
        return [tuple(s) for s in sets.values() if len(s) > 1]

    def layer_graph(self, roles: Iterable[str] = ("layer",)) -> Any:
        """Return the graph of layers alone, with edges through everything between.

        An edge stands for every tensor of its producer that reaches the consumer
        without meeting a layer. Behind a chain of additions those are many; the whole
        graph is the sparser model.

        Parameters
        ----------
        roles : iterable of str
            Of the nodes that stay.

        Returns
        -------
        networkx.DiGraph

        Raises
        ------
        InvalidParameterError
            If the model could not be traced.
        """
        self.need_edges()
        kept = set(self.with_role(*roles))
        made = nx.DiGraph()
        made.add_nodes_from((n, d) for n, d in self.graph.nodes(data=True) if n in kept)
        # Nodes are in the order of execution: producers are known before consumers.
        sources: dict[str, dict[str, Any]] = {n: {} for n in self.graph}
        for node in self.graph:
            for producer, _, data in self.graph.in_edges(node, data=True):
                found = {producer: data} if producer in kept else sources[producer]
                for source, shape in found.items():
                    sources[node].setdefault(source, shape)
            if node in kept:
                made.add_edges_from((s, node, d) for s, d in sources[node].items())
        return made
