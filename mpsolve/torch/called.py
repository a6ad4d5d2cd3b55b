"""The calls of a model's layers, from one run: what is left where tracing fails."""

from __future__ import annotations

from typing import Any

import networkx as nx
import torch
from torch import Tensor, nn

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.graph import ModelGraph
from mpsolve.torch.layers import Layer
from mpsolve.torch.macs import module_macs, shape_of

__all__ = ["called_graph"]


def called_graph(
    model: nn.Module,
    layers: list[Layer],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    reason: str,
) -> ModelGraph:
    """Run a model that cannot be traced, and return the calls of its layers.

    Parameters
    ----------
    model : torch.nn.Module
    layers : list of Layer
    args, kwargs : tuple and dict
        Of the model.
    reason : str
        Why it cannot be traced.

    Returns
    -------
    ModelGraph
        Without edges.

    Raises
    ------
    InvalidParameterError
        If the model does not run with them.
    """
    graph = nx.DiGraph()
    numbers: dict[str, int] = {}
    hooks = []
    # Held to the end, so that no other tensor comes to lie where one of these was.
    held: list[Tensor] = []
    known: dict[str, int] = {}

    def record(layer: Layer) -> Any:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            number = numbers.get(layer.name, 0)
            numbers[layer.name] = number + 1
            given = (*args, *kwargs.values())
            inputs = tuple(shape for v in given if (shape := shape_of(v)) is not None)
            read = [value for value in given if isinstance(value, Tensor)]
            held.extend(read)
            shape = shape_of(output)
            graph.add_node(
                f"{layer.name}@{number}" if number else layer.name,
                layer=layer.name,
                kind=layer.kind,
                role="layer",
                fqn=layer.name,
                call=number,
                input_shapes=inputs,
                reads=tuple(known.setdefault(_memory(t), len(known)) for t in read),
                output_shape=shape,
                macs=module_macs(module, inputs, shape or ()),
                parameters=sum(p.numel() for p in layer.parameters.values()),
            )

        return hook

    for layer in layers:
        hook = record(layer)
        hooks.append(layer.module.register_forward_hook(hook, with_kwargs=True))
    try:
        with torch.no_grad():
            model(*args, **kwargs)
    except Exception as error:
        msg = f"the model does not run with example_inputs: {error}"
        raise InvalidParameterError(msg) from error
    finally:
        for handle in hooks:
            handle.remove()
    return ModelGraph(graph, tuple(layers), reason)


def _memory(tensor: Tensor) -> str:
    """Return what is equal where the same numbers are read, in the same order."""
    order = "" if tensor.is_contiguous() else f" {tensor.shape} {tensor.stride()}"
    return f"{tensor.data_ptr():x}+{tensor.numel()}v{tensor._version}{order}"  # noqa: SLF001
