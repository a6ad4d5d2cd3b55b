"""What a layer's rounding does to the loss, to first order, at the layer's output.

With dz = z(Q(w), Q(x)) - z(w, x), the change of the layer's output, and the gradient g
of a sample's loss at that output, the sample's loss changes by <g, dz> to first order.
For the parameters' part, <dl/dw, Q(w) - w>, there are two ways to the same number:
gradients of single samples' parameters, one more convolution or product for all
precisions together, where they are small; else <g, z(Q(w), x) - z>, a run of the layer
for each precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from mpsolve.torch.layers import Layer
from mpsolve.torch.precisions import LayerPrecision
from mpsolve.torch.rounding import (
    evaluate,
    is_relative,
    is_rounded,
    round_inputs,
    round_weights,
    weights_of,
)
from mpsolve.torch.samples import by_sample, sample_dots

__all__ = ["OUTPUT_QUANTITIES", "output_values"]

#: output_effect: <g, dz>; output_effect_elements: the sum of (g_i dz_i)^2;
#: weight_effect: <g, z(Q(w), x) - z>; weight_noise: the same, for errors of random
#: signs in place of Q(w) - w.
OUTPUT_QUANTITIES = frozenset(
    {"output_effect", "output_effect_elements", "weight_effect", "weight_noise"}
)

Rows = Sequence[torch.Tensor | None]


def output_values(
    quantities: frozenset[str],
    layer: Layer,
    precisions: Sequence[LayerPrecision],
    call: Any,
    outputs: Sequence[torch.Tensor] | None,
    gradients: Rows,
    num_samples: int,
    own_effects: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """Return quantities of one call of a layer, of each sample.

    Parameters
    ----------
    quantities : frozenset of str
        Of `OUTPUT_QUANTITIES`.
    layer : Layer
    precisions : sequence of LayerPrecision
    call : object
        ``args`` and ``kwargs`` that the layer was called with.
    outputs : sequence of Tensor, optional
        The layer's floating outputs; computed again where they are not known.
    gradients : sequence of Tensor or None
        Of the batch's mean loss by each output, shape (num_samples, size).
    num_samples : int
    own_effects : Tensor, optional
        What the parameters' errors do, where that is known from their gradients.

    Returns
    -------
    dict of str to Tensor
        Float64, shape (num_precisions, num_samples).
    """
    module = layer.module
    values: dict[str, list[torch.Tensor]] = {name: [] for name in sorted(quantities)}

    def run(weights: dict[str, Any], args: Any, kwargs: Any) -> list[torch.Tensor]:
        result = evaluate(module, weights, args, kwargs)
        return [z for z in tree_leaves(result) if is_rounded(z)]

    with torch.no_grad():
        rows: list[torch.Tensor] = []
        if own_effects is None or quantities - {"weight_effect"}:
            base = outputs if outputs is not None else run({}, call.args, call.kwargs)
            rows = [by_sample(z.detach(), num_samples, layer.name) for z in base]

        def products(change: list[torch.Tensor], power: int = 1) -> torch.Tensor:
            """Return <g, dz> of each sample's own loss, or the sum of (g_i dz_i)^2."""
            total: torch.Tensor = torch.zeros(
                num_samples, dtype=torch.float64, device=rows[0].device
            )
            for g, z, row in zip(gradients, change, rows, strict=True):
                if g is not None:
                    dz = z.reshape(num_samples, -1).sub_(row)
                    if power == 2:
                        dz.mul_(g)
                    total += sample_dots(g if power == 1 else dz, dz)
            return total * float(num_samples**power)

        if own_effects is not None:
            values["weight_effect"] = list(num_samples * own_effects)
        for precision in precisions:
            if not quantities - {"weight_effect"} and own_effects is not None:
                break
            weights = round_weights(layer, precision)
            if "weight_effect" in quantities and own_effects is None:
                change = run(weights, call.args, call.kwargs)
                values["weight_effect"].append(products(change))
            if "weight_noise" in quantities:
                noisy = _noisy(weights_of(layer), weights, precision)
                change = run(noisy, call.args, call.kwargs)
                values["weight_noise"].append(products(change))
            for power, name in enumerate(
                ("output_effect", "output_effect_elements"), 1
            ):
                if name in quantities:
                    args, kwargs = round_inputs(precision, (call.args, call.kwargs))
                    change = run(weights, args, kwargs)
                    values[name].append(products(change, power))
    return {name: torch.stack(parts) for name, parts in values.items()}


def _noisy(
    weights: dict[str, torch.Tensor],
    rounded: dict[str, torch.Tensor],
    precision: LayerPrecision,
) -> dict[str, torch.Tensor]:
    """Return parameters with errors of random signs, as large as rounding's are.

    As large as their root mean square: of a floating-point format relative to the
    parameter, of others that of the tensor.
    """
    noisy: dict[str, torch.Tensor] = {}
    for name, weight in weights.items():
        error = rounded[name] - weight
        if is_relative(precision.weight):
            share = error.square().sum() / weight.square().sum().clamp(min=1e-300)
            size = weight * share.sqrt()
        else:
            size = error.square().mean().sqrt()
        signs = torch.randint_like(weight, 2).mul_(2).sub_(1)
        noisy[name] = weight + signs * size
    return noisy
