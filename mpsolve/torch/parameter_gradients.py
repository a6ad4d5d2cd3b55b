"""Which parameters have gradients for a pass, and who gets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.around import around
from mpsolve.torch.layers import Layer

__all__ = ["Watched", "add_to", "fetched_gradients", "trainable"]


@contextmanager
def trainable(
    model: torch.nn.Module, wanted: Sequence[torch.nn.Parameter]
) -> Iterator[None]:
    """Let only some parameters require gradients: others would only cost work."""
    parameters = list(model.parameters())
    before = [p.requires_grad for p in parameters]
    keys = {id(p) for p in wanted}
    for p in parameters:
        if p.is_floating_point():
            p.requires_grad_(id(p) in keys)
    try:
        yield
    finally:
        for p, required in zip(parameters, before, strict=True):
            p.requires_grad_(required)


class Watched:
    """Parameters that have gradients for one pass, in layers that hold them for it.

    A gradient is given away when it arrives, and not accumulated.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[torch.Tensor, bool, list[Any]]] = {}

    def watch(
        self, layer: Layer, name: str, arrive: Callable[[torch.Tensor], None]
    ) -> torch.Tensor:
        """Let `arrive` have the gradient of a parameter of a layer that runs.

        Returns
        -------
        Tensor
            The parameter, whole.

        Raises
        ------
        InvalidParameterError
            If the layer does not hold it whole: only FSDP2's sharding and accelerate's
            offloading are known.
        """
        from torch.distributed.tensor import DTensor

        held: Any = layer.module.get_parameter(name)
        if isinstance(held, DTensor) or held.device.type == "meta":
            msg = f"layer {layer.name!r}: parameter {name!r} is not whole while the "
            msg += "layer runs; metrics of parameters know the sharding of FSDP2 and "
            msg += "the offloading of accelerate alone"
            raise InvalidParameterError(msg)
        required = held.requires_grad
        # FSDP2 takes the need of a gradient back where it gathers a parameter again
        # for the backward pass: it arrives, and is not accumulated.
        held.requires_grad_()
        if id(held) not in self._held:
            handles = [
                held.register_hook(arrive),
                held.register_post_accumulate_grad_hook(_forget),
            ]
            self._held[id(held)] = (held, required, handles)
        return held  # type: ignore[no-any-return]

    def close(self) -> None:
        """Leave the parameters as they were."""
        for held, required, handles in self._held.values():
            for handle in handles:
                handle.remove()
            held.requires_grad_(required)
        self._held.clear()


@contextmanager
def fetched_gradients(
    layers: Mapping[int, Layer], found: Sequence[dict[str, Any]]
) -> Iterator[None]:
    """Keep gradients of parameters that are fetched while their layer runs.

    Parameters
    ----------
    layers : mapping of int to Layer
    found : sequence of dict
        Each layer's gets ``"own_gradient"``, by parameter, the sum over its calls.
    """
    watched = Watched()

    def enter(index: int, args: Any, kwargs: Any, _: ExitStack) -> tuple[Any, Any]:
        own = found[index].setdefault("own_gradient", {})
        for name in layers[index].parameters:
            watched.watch(layers[index], name, partial(add_to, own, name))
        return args, kwargs

    with ExitStack() as stack:
        stack.callback(watched.close)
        for i, layer in layers.items():
            stack.enter_context(around(layer.module, partial(enter, i)))
        yield


def add_to(sums: dict[Any, Any], name: Any, value: torch.Tensor) -> None:
    """Add a tensor to the sum of a name, which may not have begun."""
    before = sums.get(name)
    sums[name] = value if before is None else before + value


def _forget(parameter: torch.Tensor) -> None:
    """Leave FSDP2 no gradient to average over processes."""
    parameter.grad = None
