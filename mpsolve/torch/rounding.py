"""Layers run with rounded parameters and inputs, in place of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_map

from mpsolve.torch.around import around
from mpsolve.torch.layers import Layer
from mpsolve.torch.offloaded import is_wrapped, stored
from mpsolve.torch.precisions import Float, Keep, LayerPrecision, Precision

__all__ = [
    "evaluate",
    "is_relative",
    "is_rounded",
    "replaced",
    "round_inputs",
    "round_tensors",
    "round_weights",
    "rounded",
    "weights_of",
]


def is_rounded(value: Any) -> bool:
    """Whether an input is a tensor that precisions round: floating, not empty."""
    return (
        isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and value.numel() > 0
    )


def is_relative(precision: Precision) -> bool:
    """Whether rounding errors grow with a value: those of formats without scales."""
    return isinstance(precision, Float) and precision.scale is None


def round_inputs(precision: LayerPrecision, inputs: Any) -> Any:
    """Return positional or named inputs with their floating tensors rounded."""
    if isinstance(precision.input, Keep):
        return inputs
    rounding = precision.input.round_input
    return tree_map(lambda x: rounding(x) if is_rounded(x) else x, inputs)


def weights_of(layer: Layer) -> dict[str, torch.Tensor]:
    """Return the parameters that a precision rounds, as the module holds them now.

    The module is asked, not the layer: where parameters are sharded, it holds the whole
    ones while it runs. Those that are offloaded are fetched.
    """
    weights: dict[str, torch.Tensor] = {}
    for name in layer.parameters:
        held, key = _place(layer.module, name)
        owner = layer.module.get_submodule(name.rpartition(".")[0])
        fetched = stored(owner, key)
        weights[name] = held[key] if fetched is None else fetched
    return weights


def _place(module: torch.nn.Module, name: str) -> tuple[dict[str, Any], str]:
    """Return where a module holds a parameter, whose name may lead to one inside it."""
    path, _, key = name.rpartition(".")
    owner = module.get_submodule(path)
    return owner._parameters, key  # noqa: SLF001 (setattr takes no plain tensors)


def round_weights(layer: Layer, precision: LayerPrecision) -> dict[str, torch.Tensor]:
    """Return a layer's parameters, rounded."""
    return round_tensors(weights_of(layer), precision)


def round_tensors(
    tensors: Mapping[str, torch.Tensor], precision: LayerPrecision
) -> dict[str, torch.Tensor]:
    """Return tensors, rounded as the parameters of a layer."""
    with torch.no_grad():
        return {n: precision.weight.round(x.detach()) for n, x in tensors.items()}


@contextmanager
def replaced(
    module: torch.nn.Module, tensors: Mapping[str, torch.Tensor]
) -> Iterator[None]:
    """Let a module hold other tensors in place of its parameters."""
    places = [(*_place(module, name), tensor) for name, tensor in tensors.items()]
    before = [held[key] for held, key, _ in places]
    for held, key, tensor in places:
        held[key] = tensor
    try:
        yield
    finally:
        for (held, key, _), tensor in zip(places, before, strict=True):
            held[key] = tensor


def evaluate(
    module: torch.nn.Module,
    tensors: Mapping[str, torch.Tensor],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    """Return what a module computes with other parameters; hooks are passed by."""
    inner = "_old_forward" if is_wrapped(module) else "forward"
    forward = getattr(module, inner)
    with torch.no_grad(), replaced(module, tensors):
        return forward(*args, **kwargs)


@contextmanager
def rounded(layer: Layer, precision: LayerPrecision) -> Iterator[None]:
    """Let a layer run with its parameters and inputs rounded, every time it is called.

    Other layers that hold the same parameters keep them as they are.
    """

    def enter(args: Any, kwargs: Any, stack: ExitStack) -> tuple[Any, Any]:
        stack.enter_context(replaced(layer.module, round_weights(layer, precision)))
        both: tuple[Any, Any] = round_inputs(precision, (args, kwargs))
        return both

    with around(layer.module, enter):
        yield
