"""From a model and an example to the graph of its layers."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.called import called_graph
from mpsolve.torch.graph import ModelGraph
from mpsolve.torch.layers import Filter, Layer, Pattern, find_layers
from mpsolve.torch.macs import is_product, operator_macs, shape_of

__all__ = ["call_model", "evaluating", "trace"]

#: One tensor, the positional arguments, or the arguments by name.
Inputs = Tensor | Sequence[Any] | Mapping[str, Any]


def trace(
    model: nn.Module,
    example_inputs: Inputs,
    filter_fn: Filter | None = None,
    patterns: Pattern | list[Pattern] | None = None,
) -> ModelGraph:
    """Return the graph of a model's layers, products and joins.

    The model is exported with :func:`torch.export.export`, in evaluation mode. Where
    that fails, it is run once with the example, and the graph has the layers' calls but
    no edges; its `reason` says why.

    Parameters
    ----------
    model : torch.nn.Module
    example_inputs : Tensor, sequence or mapping
        The input, the positional arguments, or the arguments by name.
    filter_fn, patterns : optional
        What is a layer: see :func:`find_layers`.

    Returns
    -------
    ModelGraph

    Raises
    ------
    InvalidProblemError
        If the model has no layer, or the filter or a pattern selects none.
    InvalidParameterError
        If the model does not run with the example.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> class Residual(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
    ...     def forward(self, x):
    ...         x = self.a(x)
    ...         return x + self.b(x.relu())
    >>> graph = trace(Residual(), torch.zeros(2, 4))
    >>> list(graph.edges)
    [('a', 'b'), ('a', 'add'), ('b', 'add')]
    >>> graph.nodes["b"]["macs"]
    32
    """
    layers = find_layers(model, filter_fn, patterns)
    args, kwargs = _arguments(example_inputs)
    with evaluating(model):
        try:
            with warnings.catch_warnings(), torch.no_grad():
                # About attributes that a model sets while it runs, which nobody reads.
                warnings.simplefilter("ignore")
                exported = torch.export.export(model, args, kwargs)
        # Whatever a tracer trips over, a model that runs has layers.
        except Exception as error:
            reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            return called_graph(model, layers, args, kwargs, reason)
    return _Builder(layers, exported).build()


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and every module back into its own after."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def call_model(model: nn.Module, inputs: Inputs) -> Any:
    """Call a model with inputs as :func:`trace` takes them."""
    args, kwargs = _arguments(inputs)
    return model(*args, **kwargs)


def _arguments(inputs: Inputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, Tensor):
        return (inputs,), {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    if isinstance(inputs, Sequence) and not isinstance(inputs, str):
        return tuple(inputs), {}
    allowed = "a tensor, a sequence of arguments, or a mapping of them by name"
    msg = f"example_inputs must be {allowed}. Got {type(inputs).__name__}"
    raise InvalidParameterError(msg)


@dataclass
class _Call:
    """A call of a layer, while the graph is built."""

    name: str
    layer: Layer
    number: int
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    reads: dict[str, None] = field(default_factory=dict)
    macs: int = 0


class _Builder:
    """Reads an exported program, operator by operator, in the order of execution."""

    def __init__(self, layers: list[Layer], exported: Any) -> None:
        self.layers = layers
        self.by_fqn = {name: layer for layer in layers for name in layer.names}
        self.program: fx.Graph = exported.graph
        signature = exported.graph_signature
        self.constants: dict[str, str] = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
        }
        self.owners = {
            f"{fqn}.{parameter}": layer.name
            for layer in layers
            for fqn in layer.names
            for parameter in layer.parameters
        }
        self.graph = nx.DiGraph()
        # The node whose tensor an operator returns, seen through norms and the like.
        self.origin: dict[fx.Node, str | None] = {}
        # What depends on the model's inputs.
        self.varying: set[fx.Node] = set()
        # The first operator that returned these numbers, in whatever shape.
        self.numbers_of: dict[fx.Node, str] = {}
        self.calls: dict[str, _Call] = {}
        self.of_call: dict[fx.Node, str] = {}
        self.numbers: dict[str, int] = {}

    def build(self) -> ModelGraph:
        for node in self.program.nodes:
            is_input = node.op == "placeholder" and node.name not in self.constants
            if is_input or not self.varying.isdisjoint(node.all_input_nodes):
                self.varying.add(node)
            if node.op == "call_function":
                self._read(node)
        known: dict[str, int] = {}
        for call in self.calls.values():
            data = self.graph.nodes[call.name]
            data["macs"] = call.macs
            data["input_shapes"] = tuple(call.inputs.values())
            data["reads"] = tuple(known.setdefault(t, len(known)) for t in call.reads)
        return ModelGraph(self.graph, tuple(self.layers))

    def _read(self, node: fx.Node) -> None:
        key, layer, fqn = self._place(node)
        if layer is not None:
            self.origin[node] = self._in_layer(node, key, layer)
        else:
            self.origin[node] = self._between(node, fqn)
        self.numbers_of[node] = node.name
        if _keeps_numbers(node):
            source = node.all_input_nodes[0]
            self.numbers_of[node] = self.numbers_of.get(source, source.name)
        if _operator(node).endswith("_") and node.all_input_nodes:
            # In place: whoever reads the first argument from now on reads the result.
            self.origin[node.all_input_nodes[0]] = self.origin[node]
            self.numbers_of[node.all_input_nodes[0]] = self.numbers_of[node]

    def _place(self, node: fx.Node) -> tuple[str, Layer | None, str]:
        """Return the innermost module call that is a layer, and the innermost one."""
        stack = node.meta.get("nn_module_stack") or {}
        fqn = ""
        for key, (name, _) in stack.items():
            fqn = name
            if name in self.by_fqn:
                return key, self.by_fqn[name], fqn
        return "", None, fqn

    def _in_layer(self, node: fx.Node, key: str, layer: Layer) -> str:
        """Read an operator of a layer; return the node of the call."""
        call = self.calls.get(key)
        if call is None:
            number = self.numbers.get(layer.name, 0)
            self.numbers[layer.name] = number + 1
            name = f"{layer.name}@{number}" if number else layer.name
            call = self.calls[key] = _Call(name, layer, number)
            self.graph.add_node(
                name,
                layer=layer.name,
                kind=layer.kind,
                role="layer",
                fqn=layer.name,
                call=number,
                input_shapes=(),
                reads=(),
                output_shape=None,
                macs=0,
                parameters=sum(p.numel() for p in layer.parameters.values()),
            )
        self.of_call[node] = key
        call.macs += _macs(node)
        for source in node.all_input_nodes:
            shape = _shape(source)
            inside = self.of_call.get(source) == key
            if inside or source not in self.varying or shape is None:
                continue
            call.inputs.setdefault(source.name, shape)
            call.reads.setdefault(self.numbers_of.get(source, source.name))
            self._edge(self.origin.get(source), call.name, shape)
        # The call's result is its last operator's, or the first part of that.
        if (shape := _shape(node)) is not None:
            is_part = "getitem" in _operator(node)
            if not is_part or node.args[1] == 0:
                self.graph.nodes[call.name]["output_shape"] = shape
        return call.name

    def _between(self, node: fx.Node, fqn: str) -> str | None:
        """Read an operator outside of layers; return the node that it comes from."""
        sources = {
            origin: source
            for source in reversed(node.all_input_nodes)
            if (origin := self.origin.get(source)) is not None
        }
        operator = _operator(node).rstrip("_")
        shape = _shape(node)
        if is_product(operator) and _is_float(node):
            role = "product"
        elif len(sources) > 1 and shape is not None:
            role = "join"
        else:
            return next(iter(sources), None)
        owners = [
            self.owners[fqn_]
            for source in node.all_input_nodes
            if (fqn_ := self.constants.get(source.name)) in self.owners
        ]
        owner = owners[0] if owners else None
        name = self._free_name(f"{fqn}.{operator}" if fqn else operator)
        self.graph.add_node(
            name,
            layer=owner,
            kind=operator,
            role=role,
            fqn=fqn,
            call=0,
            input_shapes=tuple(
                shape
                for source in node.all_input_nodes
                if source in self.varying and (shape := _shape(source)) is not None
            ),
            output_shape=shape,
            macs=_macs(node),
            parameters=0,
        )
        for origin, source in reversed(sources.items()):
            self._edge(origin, name, _shape(source))
        return name

    def _edge(
        self, producer: str | None, consumer: str, shape: tuple[int, ...] | None
    ) -> None:
        if producer is not None and not self.graph.has_edge(producer, consumer):
            self.graph.add_edge(producer, consumer, shape=shape)

    def _free_name(self, name: str) -> str:
        number, free = 0, name
        while free in self.graph or free in self.by_fqn:
            number += 1
            free = f"{name}_{number}"
        return free


#: Operators that give the numbers of their first argument another shape, or nothing.
RESHAPES = {
    *("alias", "clone", "contiguous", "detach", "dropout", "to"),
    *("flatten", "reshape", "squeeze", "unflatten", "unsqueeze", "view", "view_as"),
}


def _keeps_numbers(node: fx.Node) -> bool:
    """Whether an operator returns its first argument's numbers, in the same order."""
    if _operator(node) not in RESHAPES or not node.all_input_nodes:
        return False
    if _operator(node) == "dropout":  # while the model is evaluated
        return not node.args[-1]
    before, after = node.all_input_nodes[0].meta.get("val"), node.meta.get("val")
    return (
        isinstance(before, Tensor)
        and isinstance(after, Tensor)
        and before.dtype == after.dtype
    )


def _operator(node: fx.Node) -> str:
    """Return an operator's name, without its namespace and overload."""
    name = getattr(node.target, "__name__", str(node.target))
    return name.partition(".")[0]


def _shape(node: fx.Node) -> tuple[int, ...] | None:
    return shape_of(node.meta.get("val"))


def _is_float(node: fx.Node) -> bool:
    value = node.meta.get("val")
    if isinstance(value, tuple | list) and value:
        value = value[0]
    return isinstance(value, Tensor) and value.is_floating_point()


def _macs(node: fx.Node) -> int:
    operator = _operator(node)
    if not is_product(operator):
        return 0
    given = tree_leaves((node.args, node.kwargs))
    nodes = (value for value in given if isinstance(value, fx.Node))
    shapes = [shape for source in nodes if (shape := _shape(source)) is not None]
    equation = node.args[0] if operator == "einsum" else None
    output = _shape(node) or ()
    return operator_macs(
        operator, shapes, output, equation if isinstance(equation, str) else None
    )
