"""Measured times of layers, each alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from mpsolve.torch.apply import Backend, apply_
from mpsolve.torch.clock import (
    Clock,
    Floats,
    Names,
    check_counts,
    device_of,
    measure,
    signature,
    spread_of,
    timed_precisions,
)
from mpsolve.torch.devices import compute_type
from mpsolve.torch.layers import Layer, find_layers
from mpsolve.torch.precisions import LayerPrecision
from mpsolve.torch.trace import Inputs, call_model, evaluating

__all__ = ["LayerTimes", "time_layers"]


@dataclass(frozen=True)
class LayerTimes:
    """Times of layers, all calls together.

    Attributes
    ----------
    layers : tuple of str
        L of them.
    precisions : tuple of str
        P of them.
    median : ndarray of float64, shape (L, P)
        In ns.
    spread : ndarray of float64, shape (L, P)
        Distance of the quartiles, in ns.
    """

    layers: tuple[str, ...]
    precisions: tuple[str, ...]
    median: Floats
    spread: Floats


def time_layers(
    model: nn.Module,
    example_inputs: Inputs,
    precisions: Names,
    layers: Sequence[Layer] | None = None,
    *,
    warmup: int = 3,
    repeats: int = 20,
    simulated: bool = False,
    backend: Backend = "torch",
) -> LayerTimes:
    """Measure every layer alone, in every precision.

    A layer is called with the inputs that it has in the model, in the type in which it
    computes, so that conversions are not in it. Precisions take turns; layers of the
    same kind, sizes and inputs are measured once.

    Parameters
    ----------
    model : torch.nn.Module
    example_inputs : Tensor, sequence or mapping
        As in :func:`trace`.
    precisions : sequence of str
        P of them.
    layers : sequence of Layer, optional
        L of them; all where nothing is said.
    warmup, repeats : int
        Calls before those that count, and those.
    simulated : bool
        Whether precisions without a kernel are measured: their time is that of
        decoding the weights, and says nothing of hardware that has them.
    backend : {"torch", "torchao"}
        As in :func:`apply_`.

    Returns
    -------
    LayerTimes
        Layers that the example does not call take no time.

    Raises
    ------
    InvalidParameterError
        If a precision has no kernel and `simulated` is False, or the device has no
        clock that is known here.
    """
    read = timed_precisions(precisions, simulated=simulated, backend=backend)
    chosen = find_layers(model) if layers is None else list(layers)
    check_counts(warmup, repeats)
    clock = Clock(device_of(model))
    calls = _record(model, example_inputs, chosen)
    shape = (len(chosen), len(read))
    median, spread = np.zeros(shape), np.zeros(shape)
    known: dict[object, list[Floats]] = {}
    for i, layer in enumerate(chosen):
        for args, kwargs in calls[layer.name]:
            key = (signature(layer), _layout_of((args, kwargs)))
            if key not in known:
                runs = [
                    _alone(layer, precision, args, kwargs, backend)
                    for precision in read
                ]
                known[key] = measure(runs, clock, warmup, repeats)
            for j, samples in enumerate(known[key]):
                median[i, j] += np.median(samples)
                spread[i, j] += spread_of(samples)
    names = tuple(layer.name for layer in chosen)
    return LayerTimes(names, tuple(p.name for p in read), median, spread)


def _alone(
    layer: Layer,
    precision: LayerPrecision,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    backend: Backend,
) -> Callable[[], Any]:
    """Return a function that calls a copy of a layer in a precision."""
    alone = nn.ModuleDict({"layer": copy.deepcopy(layer.module)})
    apply_(alone, {"layer": precision}, backend=backend)
    kinds = (p.dtype for p in layer.parameters.values() if p.is_floating_point())
    dtype = compute_type(precision, next(kinds, torch.float32))

    def cast(value: Any) -> Any:
        is_number = isinstance(value, Tensor) and value.is_floating_point()
        return value.to(dtype) if is_number else value

    given, named = tree_map(cast, (args, dict(kwargs)))
    return lambda: alone["layer"](*given, **named)


def _record(
    model: nn.Module, inputs: Inputs, layers: Sequence[Layer]
) -> dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]]:
    """Run a model; return the arguments of every layer's calls."""
    calls: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {}
    hooks = []

    def record(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls[name].append(tree_map(_detach, (args, kwargs)))

        return hook

    for layer in layers:
        calls[layer.name] = []
        register = layer.module.register_forward_pre_hook
        hooks.append(register(record(layer.name), with_kwargs=True))
    try:
        with evaluating(model), torch.no_grad():
            call_model(model, inputs)
    finally:
        for handle in hooks:
            handle.remove()
    return calls


def _detach(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _layout_of(values: Any) -> object:
    """Return the shapes, strides and types of tensors, and all other arguments."""
    return tuple(
        (tuple(value.shape), value.stride(), value.dtype)
        if isinstance(value, Tensor)
        else repr(value)
        for value in tree_leaves(values)
    )
