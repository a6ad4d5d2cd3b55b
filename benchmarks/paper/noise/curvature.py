"""Traces of the Hessian with respect to layers' inputs and parameters, together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from mpsolve.torch import find_layers

__all__ = ["Traces", "traces"]

Floats = npt.NDArray[np.float64]


class Traces(NamedTuple):
    """Hutchinson's estimates for the mean loss, and standard errors over draws.

    A layer's input is the copy that the layer reads, as its noise is on that copy.
    Independent noise of variance v on every element changes the expected loss by half
    of v times the trace, to second order, where the loss is smooth.
    """

    inputs: Floats
    parameters: Floats
    inputs_error: Floats
    parameters_error: Floats


def traces(
    model: nn.Module,
    batches: list[tuple[Tensor, Tensor]],
    *,
    draws: int = 8,
    seed: int = 0,
) -> Traces:
    """Estimate both traces of every layer with the same Hessian-vector products.

    Parameters
    ----------
    model : torch.nn.Module
    batches : list of (images, labels)
    draws : int
        Random signs for each batch; one Hessian-vector product each.
    seed : int
    """
    layers = find_layers(model)
    found, weights = [], []
    generator = torch.Generator().manual_seed(seed)
    for images, labels in batches:
        shifts: list[Tensor] = []

        def shift(
            _: nn.Module, x: tuple[Tensor], into: list[Tensor] = shifts
        ) -> Tensor:
            into.append(torch.zeros_like(x[0], requires_grad=True))
            return x[0] + into[-1]

        order: list[int] = []

        def note(i: int, into: list[int] = order) -> None:
            into.append(i)

        hooks = []
        for i, layer in enumerate(layers):
            hooks.append(layer.module.register_forward_pre_hook(shift))
            hooks.append(
                layer.module.register_forward_pre_hook(
                    lambda _m, _x, i=i, note=note: note(i)
                )
            )
        loss = functional.cross_entropy(model(images), labels)
        for hook in hooks:
            hook.remove()
        places = [(0, i) for i in order]
        tensors = list(shifts)
        for i, layer in enumerate(layers):
            for p in layer.parameters.values():
                places.append((1, i))
                tensors.append(p)
        gradients = torch.autograd.grad(loss, tensors, create_graph=True)
        for _ in range(draws):
            signs = [
                torch.randint(2, t.shape, generator=generator).float().mul_(2).sub_(1)
                for t in tensors
            ]
            products = torch.autograd.grad(
                gradients, tensors, signs, retain_graph=True, materialize_grads=True
            )
            draw = np.zeros((2, len(layers)))
            for place, sign, product in zip(places, signs, products, strict=True):
                draw[place] += float((sign * product).double().sum())
            found.append(draw)
            weights.append(len(labels) / draws)
    values, w = np.array(found), np.array(weights)
    w /= w.sum()
    mean = np.einsum("d,dkl->kl", w, values)
    spread = np.einsum("d,dkl->kl", w, (values - mean) ** 2)
    error = np.sqrt(spread / max(len(w) - 1, 1))
    return Traces(mean[0], mean[1], error[0], error[1])
