"""What each layer's types cost, measured: conversions apart from everything else."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.paper.divergence import sample_divergence
from benchmarks.paper.networks import Network
from mpsolve.torch import apply_, calibrate, find_layers, parse
from mpsolve.torch.rounding import rounded

__all__ = ["Errors", "measure", "wide"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """Mean divergence of the outputs, in nats, by layer and type.

    Attributes
    ----------
    layers, types : tuple of str
    conversion : ndarray, shape (layers, types)
        Of rounding the layer's input alone, in a float64 network.
    own : ndarray, shape (layers, types)
        Of what the layer does besides: rounded parameters, computing and returning in
        the type. Measured against the network whose input of that layer is rounded.
    both : ndarray, shape (layers, types)
        Of the layer really cast, all others in float64.
    gradient : ndarray, shape (layers,)
        Root mean square norm of the loss's gradient at the layer's input.
    source : ndarray of bool, shape (types,)
        Whether the type holds every value of the data.
    """

    layers: tuple[str, ...]
    types: tuple[str, ...]
    conversion: Floats
    own: Floats
    both: Floats
    gradient: Floats
    source: npt.NDArray[np.bool_]


def wide(x: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return floating-point data in another type, tokens as they are."""
    return x.to(dtype) if x.is_floating_point() else x


def measure(
    network: Network,
    types: Sequence[str],
    tick: Callable[[], None] = lambda: None,
) -> Errors:
    """Measure all layers in all types on the calibration samples.

    Parameters
    ----------
    network : Network
    types : sequence of str
        fp64 costs nothing and is not run.
    tick : callable
        Called after every layer.
    """
    model: nn.Module = copy.deepcopy(network.model).double()
    layers = find_layers(model)
    shape = (len(layers), len(types))
    sums = {name: np.zeros(shape) for name in ("conversion", "own", "both")}
    batches = [(wide(x), y) for x, y in network.calibration]
    count = sum(len(y) for _, y in batches)
    with torch.no_grad():
        references = [model(x) for x, _ in batches]
        for i, layer in enumerate(layers):
            for k, kind in enumerate(types):
                if kind == "fp64":
                    continue
                for (x, y), reference in zip(batches, references, strict=True):
                    with rounded(layer, parse(f"keep/{kind}")):
                        input_only = model(x)
                    with apply_(model, {layer.name: kind}):
                        cast = model(x)
                    for name, first, second in (
                        ("conversion", reference, input_only),
                        ("own", input_only, cast),
                        ("both", reference, cast),
                    ):
                        total = sample_divergence(first, second, y).sum()
                        sums[name][i, k] += float(total) / count
            tick()
    gradients = calibrate(
        network.model, network.calibration, network.loss, [types[0]], ["input_gradient"]
    )["input_gradient"]
    return Errors(
        tuple(layer.name for layer in layers),
        tuple(types),
        **sums,
        gradient=np.asarray(gradients.sensitivity),
        source=np.array([_holds(kind, batches) for kind in types]),
    )


def _holds(kind: str, batches: Sequence[tuple[Tensor, Tensor]]) -> bool:
    """Whether a type holds every value of the data; tokens are no such values."""
    precision = parse(kind).input
    return all(
        not x.is_floating_point() or bool((precision.round(x) == x).all())
        for x, _ in batches
    )
