"""What layers take in each precision: memory, operations, theoretical time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.devices import DEVICES, Device, compute_type, rate_name
from mpsolve.torch.graph import ModelGraph
from mpsolve.torch.layers import Layer
from mpsolve.torch.precisions import LayerPrecision, Precision, parse

__all__ = ["bops", "macs", "memory", "peak_activation", "theoretical_time"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Names = Sequence[str | LayerPrecision | Precision]


def memory(layers: Sequence[Layer], precisions: Names) -> Integers:
    """Return the bytes of every layer's parameters in every precision.

    They are those that a model takes once a layout is applied, scales and zero points
    included. A parameter of several layers counts for the first of them: those layers
    are tied, so that every layout's sum is right.

    Parameters
    ----------
    layers : sequence of Layer
        L of them.
    precisions : sequence of str
        P of them, as :func:`parse` reads them.

    Returns
    -------
    ndarray of int64, shape (L, P)

    Examples
    --------
    >>> from torch import nn
    >>> from mpsolve.torch import find_layers
    >>> layers = find_layers(nn.Sequential(nn.Linear(64, 32)))
    >>> memory(layers, ["fp32", "fp16", "int4"]).tolist()
    [[8320, 4160, 1280]]
    """
    read = [parse(name) for name in precisions]
    sizes = np.zeros((len(layers), len(read)), dtype=np.int64)
    seen: set[int] = set()
    for i, layer in enumerate(layers):
        new = {id(p): p for p in layer.parameters.values() if id(p) not in seen}
        seen.update(new)
        for j, precision in enumerate(read):
            sizes[i, j] = sum(precision.weight.storage_bytes(p) for p in new.values())
    return sizes


def macs(graph: ModelGraph, names: Sequence[str] | None = None) -> Integers:
    """Return the multiply-accumulate operations of layers, all calls together.

    Parameters
    ----------
    graph : ModelGraph
    names : sequence of str, optional
        Layers, or nodes that are products; all layers where nothing is said.

    Returns
    -------
    ndarray of int64, shape (len(names),)

    Raises
    ------
    InvalidParameterError
        If a name is neither.
    """
    nodes = graph.nodes
    counts = []
    for name in _names(graph, names):
        own = graph.calls(name) or ([name] if name in nodes else [])
        counts.append(sum(nodes[call]["macs"] for call in own))
    return np.array(counts, dtype=np.int64)


def bops(
    graph: ModelGraph, precisions: Names, names: Sequence[str] | None = None
) -> Integers:
    """Return the bit operations of layers in every precision.

    Multiply-accumulates times the bits of a weight times those of an input [1]_; of a
    product of two tensors, times those of an input squared.

    Parameters
    ----------
    graph : ModelGraph
    precisions : sequence of str
        P of them.
    names : sequence of str, optional
        As in :func:`macs`; L of them.

    Returns
    -------
    ndarray of int64, shape (L, P)

    References
    ----------
    .. [1] Z. Yao et al., "HAWQ-V3: Dyadic neural network quantization", arXiv
       2011.10680.
    """
    chosen = _names(graph, names)
    rows = []
    for name in chosen:
        own = _own(graph, name)
        is_layer = bool(graph.calls(name))
        row = []
        for precision in map(parse, precisions):
            given = _bits(precision.input, own)
            row.append(given * (_bits(precision.weight, own) if is_layer else given))
        rows.append(row)
    factors = np.array(rows, dtype=np.int64).reshape(len(chosen), len(precisions))
    return factors * macs(graph, chosen)[:, None]


def theoretical_time(
    graph: ModelGraph,
    precisions: Names,
    device: str | Device,
    names: Sequence[str] | None = None,
    *,
    roofline: bool = True,
) -> Floats:
    """Return the least time that layers can take on a device, in ns.

    Parameters
    ----------
    graph : ModelGraph
    precisions : sequence of str
        P of them.
    device : str or Device
        A name in `DEVICES`, or one's own.
    names : sequence of str, optional
        As in :func:`macs`; L of them.
    roofline : bool
        The larger one of the time to compute and the time to move parameters, inputs
        and outputs between memory and processor [1]_; else the first alone.

    Returns
    -------
    ndarray of float64, shape (L, P)

    Raises
    ------
    InvalidParameterError
        If the device is not known, or lacks a precision.

    References
    ----------
    .. [1] S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful visual
       performance model", CACM 52 (4), 2009.
    """
    if isinstance(device, str):
        if device not in DEVICES:
            msg = f"device must be one of {', '.join(DEVICES)}. Got {device!r}"
            raise InvalidParameterError(msg)
        device = DEVICES[device]
    read = [parse(name) for name in precisions]
    chosen = _names(graph, names)
    counts = macs(graph, chosen)
    times = np.zeros((len(chosen), len(read)))
    for i, name in enumerate(chosen):
        own = _own(graph, name)
        for j, precision in enumerate(read):
            kind = rate_name(precision, own)
            if kind not in device.rates:
                known = ", ".join(device.rates)
                msg = f"device {device.name} computes in {known}; it lacks {kind}, "
                msg += f"which {precision.name!r} needs"
                raise InvalidParameterError(msg)
            times[i, j] = counts[i] / device.rates[kind]
            if roofline:
                moved = _moved(graph, name, precision, own)
                times[i, j] = max(times[i, j], moved / device.bandwidth)
    return times * 1e9


def peak_activation(
    graph: ModelGraph, layout: Mapping[str, Any], own: torch.dtype = torch.float32
) -> tuple[int, str]:
    """Return the largest sum of live activations in a layout, and where it is.

    A tensor lives from the node that makes it to the last that reads it; norms and
    activation functions are taken to work in place. Tensors have the type in which
    their layer computes, or the one that holds all operands of a join.

    Parameters
    ----------
    graph : ModelGraph
    layout : mapping of str to str
        Precision of each layer; others keep their type.
    own : torch.dtype
        Type of layers that the layout does not name.

    Returns
    -------
    bytes : int
    node : str
        During which they live.

    Raises
    ------
    InvalidParameterError
        If the model could not be traced, so that edges are not known.
    """
    graph.need_edges()
    order = list(graph.nodes)
    position = {node: i for i, node in enumerate(order)}
    last = dict(position)
    kinds: dict[str, torch.dtype] = {}
    for node in order:
        data = graph.nodes[node]
        sources = [source for source, _ in graph.graph.in_edges(node)]
        for source in sources:
            last[source] = max(last[source], position[node])
        if data["role"] == "layer":
            given = layout.get(data["layer"])
            kinds[node] = own if given is None else compute_type(parse(given), own)
        else:
            found = [kinds[source] for source in sources] or [own]
            kinds[node] = _join(found)
    sizes = {
        node: math.prod(graph.nodes[node]["output_shape"] or ()) * kinds[node].itemsize
        for node in order
    }
    live = np.zeros(len(order) + 1, dtype=np.int64)
    for node in order:
        live[position[node]] += sizes[node]
        live[last[node] + 1] -= sizes[node]
    totals = live.cumsum()[: len(order)]
    return int(totals.max(initial=0)), order[int(totals.argmax())]


def _join(kinds: Sequence[torch.dtype]) -> torch.dtype:
    joined = kinds[0]
    for kind in kinds[1:]:
        joined = torch.promote_types(joined, kind)
    return joined


def _names(graph: ModelGraph, names: Sequence[str] | None) -> list[str]:
    known = [layer.name for layer in graph.layers]
    if names is None:
        return known
    allowed = {*known, *graph.with_role("product")}
    for i, name in enumerate(names):
        if name not in allowed:
            msg = f"names[{i}] must be a layer or a product of the graph. Got {name!r}"
            raise InvalidParameterError(msg)
    return list(names)


def _own(graph: ModelGraph, name: str) -> torch.dtype:
    """Return the type of a layer's parameters; that of the model's for a product."""
    for layer in graph.layers:
        if layer.name == name or not graph.calls(name):
            for parameter in layer.parameters.values():
                if parameter.is_floating_point():
                    return parameter.dtype
    return torch.float32


def _bits(precision: Precision, own: torch.dtype) -> int:
    bits = precision.bits
    return own.itemsize * 8 if math.isnan(bits) else int(bits)


def _moved(
    graph: ModelGraph, name: str, precision: LayerPrecision, own: torch.dtype
) -> float:
    """Return the bytes between memory and processor, of all calls."""
    calls = graph.calls(name)
    given = _bits(precision.input, own) / 8
    returned = compute_type(precision, own).itemsize
    total = 0.0
    if calls:
        parameters = graph.layer(name).parameters.values()
        total += sum(precision.weight.storage_bytes(p) for p in parameters) * len(calls)
    for call in calls or [name]:
        data = graph.nodes[call]
        total += given * sum(math.prod(shape) for shape in data["input_shapes"])
        total += returned * math.prod(data["output_shape"] or ())
    return total
