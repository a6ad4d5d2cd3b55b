"""What a layer may do: a format, and a direction for its parameters and its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from benchmarks.paper.networks import Batches, Network
from mpsolve.torch import LayerPrecision, find_layers, parse
from mpsolve.torch.losses import make_loss
from mpsolve.torch.precisions import Keep, Precision

__all__ = [
    "DIRECTIONS",
    "PRECISIONS",
    "Rounding",
    "gradient_signs",
    "input_options",
    "joined",
    "weight_options",
]

#: Formats of parameters and of inputs.
PRECISIONS = {
    "fp16": ("fp16", "fp16"),
    "bf16": ("bf16", "bf16"),
    "int8": ("int8", "int8-asym"),
    "w6": ("int6", "keep"),
    "w4": ("int4", "keep"),
}

#: Directed roundings of a tensor as a whole.
DIRECTIONS = ("floor", "ceil", "trunc")

#: Element by element, where the loss's gradient likes it: all of them, or those that
#: lie this much of a step away from either neighbour, so that they are rounded anyway
#: by nearly as much.
TOWARDS = {"gradient": 0.0, "gradient 1/4": 0.25, "gradient 2/5": 0.4}

Signs = Mapping[int, Tensor]


class Rounding(Precision):
    """A format's rounding, computed with in float32 whatever the format is.

    Parameters
    ----------
    name : str
        Of the format.
    direction : str
        ``"nearest"``, one of `DIRECTIONS` or of `TOWARDS`.
    signs : mapping of int to Tensor
        Where the gradient leads, by the parameters' addresses: 1 upward, -1 downward.
        Tensors that are not in it are rounded to nearest.
    """

    def __init__(
        self, name: str, direction: str = "nearest", signs: Signs | None = None
    ) -> None:
        self.direction = direction
        self.name = name if direction == "nearest" else f"{name} {direction}"
        self._nearest = parse(f"{name}/keep").weight
        self.bits = self._nearest.bits
        self.error = self._nearest.error * (1 if direction == "nearest" else 2)
        self._signs = signs or {}
        self._directed = {
            kind: parse(f"{name}-{kind}/keep").weight for kind in DIRECTIONS
        }

    def round(self, x: Tensor) -> Tensor:
        """Round a parameter."""
        if self.direction in DIRECTIONS:
            return self._directed[self.direction].round(x)
        signs = self._signs.get(x.data_ptr())
        if self.direction == "nearest" or signs is None:
            return self._nearest.round(x)
        low, high = self._directed["floor"].round(x), self._directed["ceil"].round(x)
        nearest = self._nearest.round(x)
        # Elements that lie on one of the two have no choice; 0 of 0 is none.
        place = torch.minimum(x - low, high - x) / (high - low)
        has_choice = (signs != 0) & (place >= TOWARDS[self.direction])
        return torch.where(has_choice, high.where(signs > 0, low), nearest)

    def round_input(self, x: Tensor) -> Tensor:
        """Round the input of a layer; the gradient says nothing of it."""
        if self.direction in DIRECTIONS:
            return self._directed[self.direction].round_input(x)
        return self._nearest.round_input(x)

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the rounded values as they are."""
        return (self.round(x),)

    def decode(
        self, stored: Sequence[Tensor], shape: torch.Size, dtype: torch.dtype
    ) -> Tensor:
        """Return the rounded values."""
        return stored[0].to(dtype).reshape(shape)

    def storage_bytes(self, parameter: Tensor) -> int:
        """Return what the format stores."""
        return self._nearest.storage_bytes(parameter)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def weight_options(precision: str, signs: Signs) -> dict[str, LayerPrecision]:
    """Return the directions of parameters, by name; inputs stay as they are."""
    name = PRECISIONS[precision][0]
    kinds = ("nearest", *DIRECTIONS, *TOWARDS)
    made = {kind: Rounding(name, kind, signs) for kind in kinds}
    return {
        kind: LayerPrecision(f"{precision} {kind}", own, Keep())
        for kind, own in made.items()
    }


def input_options(precision: str) -> dict[str, LayerPrecision]:
    """Return the directions of inputs, by name; none where inputs stay."""
    name = PRECISIONS[precision][1]
    if name == "keep":
        return {}
    return {
        kind: LayerPrecision(f"{precision} x {kind}", Keep(), Rounding(name, kind))
        for kind in ("nearest", *DIRECTIONS)
    }


def joined(precision: str, signs: Signs) -> dict[str, LayerPrecision]:
    """Return the options of a layer: a direction of its parameters or of its inputs.

    Names are ``"nearest"``, ``"floor"``, …, for parameters, ``"x floor"``, …, for
    inputs; the other of the two is rounded to nearest.
    """
    weights, inputs = weight_options(precision, signs), input_options(precision)
    if not inputs:
        return weights
    found = {
        kind: LayerPrecision(own.name, own.weight, inputs["nearest"].input)
        for kind, own in weights.items()
    }
    for kind in DIRECTIONS:
        found[f"x {kind}"] = LayerPrecision(
            inputs[kind].name, weights["nearest"].weight, inputs[kind].input
        )
    return found


def gradient_signs(network: Network, batches: Batches) -> dict[int, Tensor]:
    """Return against the gradient of the mean loss: where each parameter should go."""
    model: nn.Module = network.model
    loss = make_loss(network.loss)
    layers = find_layers(model)
    parameters = {
        p.data_ptr(): p for layer in layers for p in layer.parameters.values()
    }
    before = {key: p.requires_grad for key, p in parameters.items()}
    count = sum(len(y) for _, y in batches)
    sums = {key: torch.zeros_like(p) for key, p in parameters.items()}
    for p in parameters.values():
        p.requires_grad_(requires_grad=True)
    for x, y in batches:
        mean = loss.both(model(x), y)[0] * len(y) / count
        own = torch.autograd.grad(mean, list(parameters.values()), allow_unused=True)
        for key, g in zip(parameters, own, strict=True):
            if g is not None:
                sums[key] += g
    for key, p in parameters.items():
        p.requires_grad_(before[key])
    return {key: -g.sign() for key, g in sums.items()}
