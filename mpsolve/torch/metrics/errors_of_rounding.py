"""Sizes of rounding errors: of parameters actual ones, of inputs nominal ones."""

from __future__ import annotations

import torch

from mpsolve.torch.metrics.protocol import Context
from mpsolve.torch.precisions import Precision
from mpsolve.torch.rounding import round_tensors, weights_of
from mpsolve.torch.sharded_gradients import whole

__all__ = ["nominal_input_error", "relative_error", "weight_error"]

#: Values of which a nominal error is the mean; enough for two digits.
NUM_NOMINAL = 4096


def _normal(scale: float, dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(1, NUM_NOMINAL, generator=generator, dtype=torch.float64)
    return (scale * values).to(dtype)


def nominal_input_error(
    context: Context, root_mean_square: torch.Tensor, *, largest: bool = False
) -> torch.Tensor:
    """Return the rounding error of an element of each layer's input.

    Parameters
    ----------
    context : Context
    root_mean_square : Tensor, shape (num_layers,)
        Of the inputs' elements.
    largest : bool
        The largest error in place of the root mean square.

    Returns
    -------
    Tensor, shape (num_layers, num_precisions)
        Of normal values of that size; in units of the input.
    """
    errors = torch.zeros(context.shape, dtype=torch.float64)
    for i, layer in enumerate(context.layers):
        dtype = next(iter(layer.parameters.values())).dtype
        values = _normal(float(root_mean_square[i]), dtype)
        for k, precision in enumerate(context.precisions):
            error = _input_error(precision.input, values).abs()
            size = error.max() if largest else error.square().mean().sqrt()
            errors[i, k] = size
    return errors


def relative_error(precision: Precision, dtype: torch.dtype) -> float:
    """Return E[error^2] / E[x^2] of normal values of size 1: a format's alpha."""
    values = _normal(1.0, dtype)
    error = _input_error(precision, values)
    return float(error.square().sum() / values.double().square().sum())


def _input_error(precision: Precision, values: torch.Tensor) -> torch.Tensor:
    with torch.random.fork_rng(devices=[]):  # noise draws from torch's generator
        torch.manual_seed(0)
        return precision.round_input(values).double() - values.double()


def weight_error(
    context: Context, *, ties_once: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ||Q(w) - w||^2 and the number of parameters.

    Parameters
    ----------
    context : Context
    ties_once : bool
        Whether a shared parameter counts for the first of its layers alone.

    Returns
    -------
    errors : Tensor, shape (num_layers, num_precisions)
    counts : Tensor, shape (num_layers,)
    """
    errors = torch.zeros(context.shape, dtype=torch.float64)
    counts = torch.zeros(len(context.layers), dtype=torch.float64)
    seen: set[int] = set()
    for i, layer in enumerate(context.layers):
        ids = {name: id(p) for name, p in layer.parameters.items()}
        names = [n for n in ids if not ties_once or ids[n] not in seen]
        seen.update(ids.values())
        own = {n: whole(w) for n, w in weights_of(layer).items() if n in names}
        counts[i] = sum(w.numel() for w in own.values())
        for k, precision in enumerate(context.precisions):
            rounded = round_tensors(own, precision)
            errors[i, k] = sum(_distance(rounded[n], own[n]) for n in names)
    return errors, counts


def _distance(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first.double() - second.detach().double()).square().sum())
