"""Measured times of layers, each alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
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
    works, calls = _record(model, example_inputs, chosen)
    measured = {}
    for key, work in works.items():
        runs = [_alone(work, precision, backend) for precision in read]
        measured[key] = measure(runs, clock, warmup, repeats)
    shape = (len(chosen), len(read))
    median, spread = np.zeros(shape), np.zeros(shape)
    for i, layer in enumerate(chosen):
        for key in calls[layer.name]:
            median[i] += [np.median(samples) for samples in measured[key]]
            spread[i] += [spread_of(samples) for samples in measured[key]]
    names = tuple(layer.name for layer in chosen)
    return LayerTimes(names, tuple(p.name for p in read), median, spread)


@dataclass(frozen=True)
class _Work:
    """A call that stands for all that are like it."""

    layer: Layer
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def _alone(
    work: _Work, precision: LayerPrecision, backend: Backend
) -> Callable[[], Any]:
    """Return a function that calls a copy of a layer in a precision."""
    layer = work.layer
    alone = nn.ModuleDict({"layer": copy.deepcopy(layer.module)})
    apply_(alone, {"layer": precision}, backend=backend)
    kinds = (p.dtype for p in layer.parameters.values() if p.is_floating_point())
    dtype = compute_type(precision, next(kinds, torch.float32))

    def cast(value: Any) -> Any:
        is_number = isinstance(value, Tensor) and value.is_floating_point()
        return value.to(dtype) if is_number else value

    given, named = tree_map(cast, (work.args, work.kwargs))
    return lambda: alone["layer"](*given, **named)


def _record(
    model: nn.Module, inputs: Inputs, layers: Sequence[Layer]
) -> tuple[dict[object, _Work], dict[str, list[object]]]:
    """Run a model; return what its layers do, and which of it in which calls.

    Inputs of calls that are like another one are not kept.
    """
    works: dict[object, _Work] = {}
    calls: dict[str, list[object]] = {layer.name: [] for layer in layers}
    hooks = []

    def record(layer: Layer) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            key = (signature(layer), _layout_of((args, kwargs)))
            calls[layer.name].append(key)
            if key not in works:
                works[key] = _Work(layer, *tree_map(_detach, (args, kwargs)))

        return hook

    for layer in layers:
        register = layer.module.register_forward_pre_hook
        hooks.append(register(record(layer), with_kwargs=True))
    try:
        with evaluating(model), torch.no_grad():
            call_model(model, inputs)
    finally:
        for handle in hooks:
            handle.remove()
    return works, calls


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
