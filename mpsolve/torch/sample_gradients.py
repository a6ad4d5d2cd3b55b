"""Gradients of single samples' losses by a layer's parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.grad import conv2d_weight

from mpsolve.torch.layers import Layer
from mpsolve.torch.precisions import LayerPrecision, Noise
from mpsolve.torch.rounding import round_weights, weights_of

__all__ = ["WeightErrors", "is_simple", "sample_gradients"]

#: Above this many parameters, a batch's gradients would outgrow its activations, and a
#: run of the layer for each precision is the cheaper way.
MOST_PARAMETERS = 100_000

#: Errors of parameters that are kept: at most this many numbers.
MOST_KEPT = 4_000_000


def is_simple(layer: Layer) -> bool:
    """Whether `sample_gradients` knows the layer, and it is small."""
    module = layer.module
    own = {name: p for name, p in layer.parameters.items() if not layer.tied}
    if sum(p.numel() for p in own.values()) > MOST_PARAMETERS:
        return False
    if set(own) not in ({"weight"}, {"weight", "bias"}):
        return False
    if type(module) is nn.Linear:
        return True
    return (
        type(module) is nn.Conv2d
        and module.groups == 1
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def sample_gradients(
    module: nn.Module, x: torch.Tensor, gradient: torch.Tensor, num_samples: int
) -> dict[str, torch.Tensor]:
    """Return each sample's part of the parameters' gradients.

    Parameters
    ----------
    module : torch.nn.Linear or torch.nn.Conv2d
    x, gradient : Tensor
        The module's input, and the gradient at its output.
    num_samples : int

    Returns
    -------
    dict of str to Tensor
        By parameter, shape (num_samples, *shape of the parameter).

    Examples
    --------
    >>> x, gradient = torch.ones(2, 3), torch.tensor([[1.0], [2.0]])
    >>> sample_gradients(torch.nn.Linear(3, 1), x, gradient, 2)["weight"][1]
    tensor([[2., 2., 2.]])
    """
    if isinstance(module, nn.Conv2d):
        # One convolution with a group for each sample.
        shape = (num_samples * module.out_channels, *module.weight.shape[1:])
        weight = conv2d_weight(  # type: ignore[no-untyped-call]
            x.reshape(1, -1, *x.shape[2:]),
            shape,
            gradient.reshape(1, -1, *gradient.shape[2:]),
            module.stride,
            module.padding,
            module.dilation,
            groups=num_samples,
        ).view(num_samples, *module.weight.shape)
        bias = gradient.flatten(2).sum(2)
    else:
        rows = gradient.reshape(num_samples, -1, gradient.shape[-1])
        inputs = x.reshape(num_samples, -1, x.shape[-1])
        weight, bias = rows.mT @ inputs, rows.sum(1)
    found = {"weight": weight}
    return found if module.bias is None else {**found, "bias": bias}


class WeightErrors:
    """Rounding errors of parameters, kept from batch to batch where they are few.

    Parameters
    ----------
    precisions : sequence of LayerPrecision
    """

    def __init__(self, precisions: Sequence[LayerPrecision]) -> None:
        self._precisions = precisions
        self._kept: dict[int, dict[str, torch.Tensor]] = {}
        is_random = any(isinstance(p.weight, Noise) for p in precisions)
        self._room = 0 if is_random else MOST_KEPT

    def of(self, layer: Layer) -> dict[str, torch.Tensor]:
        """Return Q(w) - w of each parameter, shape (num_precisions, its size)."""
        kept = self._kept.get(id(layer))
        if kept is not None:
            return kept
        own = weights_of(layer)
        rounded = [round_weights(layer, precision) for precision in self._precisions]
        errors = {
            name: torch.stack([(r[name] - w.detach()).flatten() for r in rounded])
            for name, w in own.items()
        }
        size = sum(error.numel() for error in errors.values())
        if size <= self._room:
            self._room -= size
            self._kept[id(layer)] = errors
        return errors

    def effects(self, gradients: dict[str, torch.Tensor], layer: Layer) -> torch.Tensor:
        """Return <dl/dw, Q(w) - w> of each precision and sample, in float64.

        Parameters
        ----------
        gradients : dict of str to Tensor
            As `sample_gradients` returns them.
        layer : Layer

        Returns
        -------
        Tensor, shape (num_precisions, num_samples)
        """
        errors = self.of(layer)
        parts = [errors[name] @ g.flatten(1).T for name, g in gradients.items()]
        return torch.stack(parts).sum(0).double()
