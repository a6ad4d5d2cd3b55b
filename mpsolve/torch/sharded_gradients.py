"""Gradients of parameters that are sharded over processes, as FSDP2 shards them.

A process holds a layer's whole parameters only while the layer runs, and their
gradients only until they are added up over processes. Each batch's gradient is measured
then, and of the sum over all processes' batches everyone keeps its own part.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import distributed

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.layers import Layer

__all__ = ["ShardedGradients", "whole"]


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor, gathered from all processes where it is sharded.

    Every process has to call this, in the same order.
    """
    from torch.distributed.tensor import DTensor

    if not isinstance(tensor, DTensor):
        return tensor
    sharded: Any = tensor.detach()
    gathered: torch.Tensor = sharded.full_tensor()
    return gathered


class ShardedGradients:
    """Measures parameters' gradients where they arrive.

    Parameters
    ----------
    layers : sequence of Layer
    rank, size : int
        This process, and how many there are.

    Attributes
    ----------
    weight : int
        What this process's batch counts in the sums: its samples, or 0.
    """

    def __init__(self, layers: Sequence[Layer], rank: int, size: int) -> None:
        self.layers = layers
        self.rank = rank
        self.size = size
        self.weight = 0
        self._owners: dict[int, tuple[int, str]] = {}
        for i, layer in enumerate(layers):
            for name, parameter in layer.parameters.items():
                self._owners.setdefault(id(parameter), (i, name))
        self._watched: dict[int, tuple[torch.nn.Parameter, bool, list[Any]]] = {}
        self._clear()

    def watch(self, index: int) -> None:
        """Let a layer's parameters have gradients, while it holds the whole ones.

        Raises
        ------
        InvalidParameterError
            If it does not hold them: its parameters are not sharded by FSDP2.
        """
        from torch.distributed.tensor import DTensor

        layer = self.layers[index]
        for name, sharded in layer.parameters.items():
            if id(sharded) in self._watched:
                continue
            held: Any = layer.module.get_parameter(name)
            if isinstance(held, DTensor):
                msg = (
                    f"layer {layer.name!r}: parameter {name!r} is not whole while the "
                )
                msg += (
                    "layer runs; parameter_gradient knows the sharding of FSDP2 alone"
                )
                raise InvalidParameterError(msg)
            required = held.requires_grad
            held.requires_grad_()
            handles = [
                # FSDP2 takes the need of a gradient back where it gathers a parameter
                # again for the backward pass: it arrives, and is not accumulated.
                held.register_hook(partial(self._arrive, id(sharded))),
                held.register_post_accumulate_grad_hook(_forget),
            ]
            self._watched[id(sharded)] = (held, required, handles)

    def _arrive(self, key: int, gradient: torch.Tensor) -> None:
        i, name = self._owners[key]
        is_double = gradient.dtype == torch.float64
        wide = gradient.to(torch.float64 if is_double else torch.float32)
        norm = torch.linalg.vector_norm(wide, dtype=torch.float64)
        self._squares[i] += norm.square().cpu()
        total = wide * self.weight
        if self.size > 1:
            distributed.all_reduce(total)
        self._is_finite[i] &= bool(torch.isfinite(total).all())
        part = total.flatten().tensor_split(self.size)[self.rank]
        self._parts[i][name] = part.to("cpu", torch.float64, copy=True)

    def collect(self) -> dict[str, Any]:
        """Return what has arrived, and stop watching.

        Returns
        -------
        dict
            ``"gradient_square"``, shape (num_layers,): the squared norm of this batch's
            gradient; ``"gradient_parts"``: for each layer, by parameter, this process's
            part of the sum over all processes of weight × gradient.

        Raises
        ------
        InvalidParameterError
            If a gradient is not finite, in any process.
        """
        found = {"gradient_square": self._squares, "gradient_parts": self._parts}
        broken = [
            x.name for x, ok in zip(self.layers, self._is_finite, strict=True) if not ok
        ]
        self.close()
        if broken:
            msg = (
                f"layer {broken[0]!r}: the gradient must be finite. Got NaN or inf in "
            )
            msg += "its parameters"
            raise InvalidParameterError(msg)
        return found

    def close(self) -> None:
        """Leave the parameters as they were."""
        for parameter, required, handles in self._watched.values():
            for handle in handles:
                handle.remove()
            parameter.requires_grad_(required)
        self._watched.clear()
        self._clear()

    def _clear(self) -> None:
        num_layers = len(self.layers)
        self._squares = torch.zeros(num_layers, dtype=torch.float64)
        self._parts: list[dict[str, torch.Tensor]] = [{} for _ in self.layers]
        self._is_finite = [True] * num_layers


def _forget(parameter: torch.Tensor) -> None:
    """Leave FSDP2 no gradient to average over processes."""
    parameter.grad = None
