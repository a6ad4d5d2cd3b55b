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
from mpsolve.torch.parameter_gradients import Watched

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
        self._watched = Watched()
        self._clear()

    def watch(self, index: int) -> None:
        """Let a layer's parameters have gradients, while it holds the whole ones."""
        layer = self.layers[index]
        for name, sharded in layer.parameters.items():
            self._watched.watch(layer, name, partial(self._arrive, id(sharded)))

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
        self._watched.close()
        self._clear()

    def _clear(self) -> None:
        num_layers = len(self.layers)
        self._squares = torch.zeros(num_layers, dtype=torch.float64)
        self._parts: list[dict[str, torch.Tensor]] = [{} for _ in self.layers]
        self._is_finite = [True] * num_layers
