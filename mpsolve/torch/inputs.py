"""What a layer's inputs, and the gradients that arrive at them, say of each sample."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import torch

from mpsolve.torch.precisions import LayerPrecision, Noise
from mpsolve.torch.rounding import round_inputs

__all__ = ["AT_GRADIENTS", "AT_INPUTS", "INPUT_QUANTITIES", "at_gradients", "at_inputs"]

#: Of an input x: its number of elements, ||x||^2, and ||Q(x) - x||^2.
AT_INPUTS = frozenset({"input_size", "input_norm", "input_error"})

#: Of each sample; g is the gradient at x of the sample's own loss.
_OF_GRADIENTS: dict[str, Callable[..., torch.Tensor]] = {
    "input_gradient": lambda x, g: torch.linalg.vector_norm(g, dim=1).square(),
    "input_gradient_l1": lambda x, g: torch.linalg.vector_norm(g, ord=1, dim=1),
    "input_relative": lambda x, g: (x * g).square().sum(1),
}

#: Beside these, <g, Q(x) - x>, and the sum of g over samples.
AT_GRADIENTS = frozenset({*_OF_GRADIENTS, "input_effect", "input_gradient_sum"})

INPUT_QUANTITIES = AT_INPUTS | AT_GRADIENTS

#: Elements of an input that are rounded at a time: what a processor's cache holds, with
#: the gradient and the rounded copy beside it.
ROUNDED_AT_ONCE = 1 << 18


def at_inputs(
    quantities: Collection[str],
    precisions: Sequence[LayerPrecision],
    x: torch.Tensor,
    rows: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Return what needs no gradient.

    Parameters
    ----------
    quantities : collection of str
        Those of `AT_INPUTS` are measured.
    precisions : sequence of LayerPrecision
    x : Tensor
        The input, as the layer gets it.
    rows : Tensor, shape (num_samples, elements)
        The same by sample.

    Returns
    -------
    dict of str to Tensor
        Float64, shape (num_samples,), and for ``"input_error"`` (num_precisions,
        num_samples).
    """
    found = {}
    if "input_norm" in quantities:
        norms = torch.linalg.vector_norm(rows, dim=1)
        found["input_norm"] = norms.double().square()
    if "input_size" in quantities:
        found["input_size"] = torch.full((len(rows),), float(rows.shape[1])).double()
    if "input_error" in quantities:
        errors = [
            torch.linalg.vector_norm(
                round_inputs(precision, x).reshape(rows.shape) - rows, dim=1
            )
            for precision in precisions
        ]
        found["input_error"] = torch.stack(errors).double().square()
    return found


def at_gradients(
    quantities: Collection[str],
    precisions: Sequence[LayerPrecision],
    x: torch.Tensor,
    rows: torch.Tensor,
    gradients: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Return what the gradient at an input tells.

    Parameters
    ----------
    quantities : collection of str
        Those of `AT_GRADIENTS` are measured.
    precisions : sequence of LayerPrecision
    x : Tensor
        The input, as the layer got it.
    rows : Tensor, shape (num_samples, elements)
        The same by sample.
    gradients : Tensor, shape (num_samples, elements)
        Of the batch's mean loss.

    Returns
    -------
    dict of str to Tensor
        Float64, shape (num_samples,), for ``"input_effect"`` (num_precisions,
        num_samples), and for ``"input_gradient_sum"`` (elements,).
    """
    num_samples = len(gradients)
    found = {}
    for name, measure in _OF_GRADIENTS.items():
        if name in quantities:
            # The loss is a mean: a sample's own gradient is that many times larger.
            power = 1 if name.endswith("l1") else 2
            found[name] = measure(rows, gradients).double() * num_samples**power
    if "input_effect" in quantities:
        found["input_effect"] = num_samples * _effects(precisions, x, gradients)
    if "input_gradient_sum" in quantities:
        found["input_gradient_sum"] = gradients.double().sum(0) * num_samples
    return found


def _effects(
    precisions: Sequence[LayerPrecision], x: torch.Tensor, gradients: torch.Tensor
) -> torch.Tensor:
    """Return <g, Q(x) - x> of each precision and sample.

    A few samples at a time, as samples are rounded by themselves; noise is drawn for
    all of them at once.
    """
    num_samples, size = gradients.shape
    together = max(1, ROUNDED_AT_ONCE // max(size, 1))
    is_random = any(isinstance(p.input, Noise) for p in precisions)
    if together >= num_samples or is_random or x.device.type != "cpu":
        return torch.stack([_effect(p, x, gradients) for p in precisions])
    rows_each = x.shape[0] // num_samples
    parts = [
        torch.stack([_effect(p, own, own_gradients) for p in precisions])
        for own, own_gradients in zip(
            torch.split(x, together * rows_each),
            torch.split(gradients, together),
            strict=True,
        )
    ]
    return torch.cat(parts, dim=1)


def _effect(
    precision: LayerPrecision, x: torch.Tensor, gradients: torch.Tensor
) -> torch.Tensor:
    rounded: torch.Tensor = round_inputs(precision, x)
    if rounded is x or rounded.data_ptr() == x.data_ptr():
        return gradients.new_zeros(len(gradients), dtype=torch.float64)
    # In place, as the rounded tensor is ours: half the memory traffic.
    error = rounded.sub_(x).reshape(gradients.shape)
    return error.mul_(gradients).sum(1).double()
