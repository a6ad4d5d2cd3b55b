"""A network that runs in any layout, part by part, so that common work is done once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.models.llama import Llama
from benchmarks.models.resnet import CifarResNet
from benchmarks.paper.networks import Batches, Network, Quality
from mpsolve.torch import Layer, find_layers, find_ties, memory, parse
from mpsolve.torch.rounding import round_inputs, round_weights

__all__ = ["Choices", "Flat", "RoundedNetwork", "flat_targets"]

Number = TypeVar("Number", bound=np.generic)

#: A precision's position for every decision.
Choices = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """Consecutive work of a model: a function of what the part before returns."""

    run: Callable[[Tensor], Tensor]
    modules: tuple[nn.Module, ...]


@dataclass(frozen=True)
class Flat:
    """A batch's predictions, one row each; padding is left out.

    Attributes
    ----------
    targets : Tensor of int64, shape (predictions,)
    samples : Tensor of int64, shape (predictions,)
        Which sample each belongs to.
    weights : Tensor of float64, shape (predictions,)
        A sample's predictions share 1.
    is_meant : Tensor of bool, shape (rows of the model's output,)
    """

    targets: Tensor
    samples: Tensor
    weights: Tensor
    is_meant: Tensor


def flat_targets(targets: Tensor) -> Flat:
    """Lay out a batch's targets as rows of the flattened logits."""
    by_sample = targets.reshape(len(targets), -1)
    is_meant = by_sample != -100
    samples = torch.arange(len(targets))[:, None].expand_as(by_sample)[is_meant]
    weights = (1.0 / is_meant.sum(1).double())[samples]
    return Flat(by_sample[is_meant], samples, weights, is_meant.flatten())


def parts_of(model: nn.Module) -> list[Part]:
    """Cut a model where one tensor alone goes on."""
    if isinstance(model, CifarResNet):
        blocks = [b for s in (model.layer1, model.layer2, model.layer3) for b in s]
        stem = Part(lambda x: model.bn1(model.conv1(x)).relu(), (model.conv1,))
        head = Part(lambda y: model.linear(y.mean(dim=(2, 3))), (model.linear,))
        return [stem, *(Part(block, (block,)) for block in blocks), head]
    if isinstance(model, Llama):
        first = Part(model.tok_embeddings, (model.tok_embeddings,))
        last = Part(lambda x: model.output(model.norm(x)), (model.norm, model.output))
        return [first, *(Part(layer, (layer,)) for layer in model.layers), last]
    return [Part(model, (model,))]


class RoundedNetwork:
    """A network whose decisions, layers that are tied being one, have precisions.

    Parameters of every precision are rounded once. Arithmetic is float32, as in
    :func:`mpsolve.torch.calibrate`.

    Attributes
    ----------
    names : tuple of str
        Of the decisions: the first layer of each.
    precisions : tuple of str
    bytes : ndarray of int64, shape (decisions, precisions)
    parts : list of Part
    first_part : list of int
        Where each decision's work begins.
    """

    def __init__(self, network: Network, precisions: Sequence[str]) -> None:
        self.network = network
        self.model = network.model
        self.layers: list[Layer] = find_layers(self.model)
        self.precisions = tuple(precisions)
        self._parsed = [parse(name) for name in precisions]
        position = {layer.name: i for i, layer in enumerate(self.layers)}
        tied = {name: tie for tie in find_ties(self.layers) for name in tie}
        groups = [tied.get(layer.name, (layer.name,)) for layer in self.layers]
        self.groups = [
            tuple(position[name] for name in group)
            for layer, group in zip(self.layers, groups, strict=True)
            if group[0] == layer.name
        ]
        self.names = tuple(self.layers[group[0]].name for group in self.groups)
        sizes = memory(self.layers, self._parsed)
        self.bytes = self.by_decision(np.asarray(sizes, np.int64))
        self.parts = parts_of(self.model)
        self.first_part = [self._begin(group) for group in self.groups]
        self._is_running = False
        self._own = [dict(layer.parameters) for layer in self.layers]
        self._rounded = [
            [
                {n: nn.Parameter(w, requires_grad=False) for n, w in rounded.items()}
                for rounded in (round_weights(layer, p) for p in self._parsed)
            ]
            for layer in self.layers
        ]

    def _begin(self, group: Sequence[int]) -> int:
        for i, part in enumerate(self.parts):
            inside = {id(m) for module in part.modules for m in module.modules()}
            if any(id(self.layers[j].module) in inside for j in group):
                return i
        raise AssertionError(self.layers[group[0]].name)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of decisions and of precisions."""
        return len(self.groups), len(self.precisions)

    def by_decision(self, values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """Add up values of the layers of each decision."""
        return np.array([values[list(g)].sum(0) for g in self.groups], values.dtype)

    def usage(self, choices: Choices) -> int:
        """Return a layout's bytes."""
        return int(self.bytes[np.arange(len(choices)), list(choices)].sum())

    def squared_error(self, decision: int, precision: int) -> float:
        """Return ||Q(w) - w||^2 of a decision's parameters, a shared one once."""
        total = 0.0
        for name, own in self._own[self.groups[decision][0]].items():
            made = self._rounded[self.groups[decision][0]][precision][name]
            total += float((made.double() - own.detach().double()).square().sum())
        return total

    def layout(self, choices: Choices) -> dict[str, str]:
        """Return the precision of every layer by its name."""
        return {
            self.layers[i].name: self.precisions[k]
            for group, k in zip(self.groups, choices, strict=True)
            for i in group
        }

    def choices(self, layout: dict[str, str]) -> Choices:
        """Return the positions of the decisions' precisions."""
        return tuple(self.precisions.index(layout[name]) for name in self.names)

    def set(self, decision: int, precision: int | None) -> None:
        """Give a decision's layers a precision; None is their own parameters."""
        for i in self.groups[decision]:
            held = self.layers[i].module._parameters  # noqa: SLF001
            held.update(
                self._own[i] if precision is None else self._rounded[i][precision]
            )

    @contextmanager
    def running(self, choices: Choices | None = None) -> Iterator[None]:
        """Let the model run in a layout, inputs of the layers rounded too."""
        if self._is_running:
            msg = "the network runs in a layout already"
            raise RuntimeError(msg)
        self._is_running = True
        state: list[int | None] = [None] * len(self.groups)
        self._state = state
        hooks = []
        decision_of = {i: d for d, group in enumerate(self.groups) for i in group}

        def convert(layer: int) -> Callable[..., Any]:
            decision = decision_of[layer]

            def hook(_: nn.Module, args: Any, kwargs: Any) -> Any:
                k = state[decision]
                if k is None:
                    return None
                return round_inputs(self._parsed[k], (args, kwargs))

            return hook

        for i, layer in enumerate(self.layers):
            register = layer.module.register_forward_pre_hook
            hooks.append(register(convert(i), with_kwargs=True))
        try:
            with torch.no_grad():
                if choices is not None:
                    for d, k in enumerate(choices):
                        self.change(d, k)
                yield
        finally:
            self._is_running = False
            for d in range(len(self.groups)):
                self.set(d, None)
            for hook in hooks:
                hook.remove()

    def change(self, decision: int, precision: int | None) -> None:
        """Change one decision while the model is running."""
        self._state[decision] = precision
        self.set(decision, precision)

    def begin(self, inputs: Tensor) -> list[Tensor]:
        """Return what every part is given, and the model's output, as it is set now."""
        values = [inputs]
        for part in self.parts:
            values.append(part.run(values[-1]))
        return values

    def resume(self, values: list[Tensor], first: int) -> Tensor:
        """Return the output where parts before `first` are as in `values`."""
        x = values[first]
        for part in self.parts[first:]:
            x = part.run(x)
        return x

    def quality(self, choices: Choices | None, batches: Batches) -> Quality:
        """Measure a layout; None is the network as it is."""
        losses, weights, hits = [], [], []
        with self.running(choices):
            for inputs, targets in batches:
                flat = flat_targets(targets)
                rows = self.model(inputs).flatten(0, -2)[flat.is_meant].double()
                each = nn.functional.cross_entropy(rows, flat.targets, reduction="none")
                right = (rows.argmax(-1) == flat.targets).double()
                count = torch.bincount(flat.samples, minlength=len(targets)).double()
                zeros = torch.zeros(len(targets), dtype=torch.float64)
                sums = zeros.index_add(0, flat.samples, each)
                losses.append(sums / count)
                weights.append(count)
                hits.append(zeros.index_add(0, flat.samples, right))
        return Quality(*(torch.cat(p).numpy() for p in (losses, weights, hits)))

    def divergence(self, choices: Choices) -> npt.NDArray[np.float64]:
        """Return KL(own || layout) of each calibration sample, in nats."""
        found = []
        # The reference is made before the layout is, where it is not known yet.
        pairs = list(zip(self.network.calibration, self.reference, strict=True))
        with self.running(choices):
            for (inputs, targets), p in pairs:
                flat = flat_targets(targets)
                q = log_probabilities(self.model(inputs), flat)
                found.append(sample_sums(divergences(p, q), flat, len(targets)))
        return torch.cat(found).numpy()

    @cached_property
    def reference(self) -> list[Tensor]:
        """Log-probabilities of the network as it is, of each calibration batch."""
        with self.running():
            return [
                log_probabilities(self.model(inputs), flat_targets(targets))
                for inputs, targets in self.network.calibration
            ]


def log_probabilities(output: Tensor, flat: Flat) -> Tensor:
    """Return log-softmax of the rows that count, float64."""
    return torch.log_softmax(output.flatten(0, -2)[flat.is_meant].double(), dim=-1)


def divergences(p: Tensor, q: Tensor) -> Tensor:
    """Return KL(p || q) of each row of log-probabilities."""
    return (p.exp() * (p - q)).sum(-1)


def sample_sums(values: Tensor, flat: Flat, num_samples: int) -> Tensor:
    """Return each sample's mean over its predictions."""
    zeros = torch.zeros(num_samples, dtype=torch.float64)
    return zeros.index_add(0, flat.samples, values * flat.weights)
