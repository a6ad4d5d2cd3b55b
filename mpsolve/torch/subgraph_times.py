"""Measured times of sequential sub-graphs, inside of the running model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import nn

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.apply import Backend, apply_
from mpsolve.torch.clock import (
    Clock,
    Floats,
    Names,
    check_counts,
    device_of,
    signature,
    spread_of,
    timed_precisions,
)
from mpsolve.torch.graph import ModelGraph
from mpsolve.torch.trace import Inputs, call_model, evaluating

__all__ = ["SubgraphTimes", "time_subgraphs"]

#: Configurations of one sub-graph that are still measured.
MOST_CONFIGURATIONS = 4096

#: Configurations take turns this often, so that a drift of the machine meets all.
ROUNDS = 4


@dataclass(frozen=True)
class SubgraphTimes:
    """Times of sub-graphs in every configuration.

    Attributes
    ----------
    precisions : tuple of str
        P of them.
    reference : int
        Position of the precision that everything else had.
    median : dict of tuple of str to ndarray of float64
        By sub-graph, in ns, with an axis of P for each of its layers.
    spread : dict of the same
        Distance of the quartiles, in ns.
    """

    precisions: tuple[str, ...]
    reference: int
    median: dict[tuple[str, ...], Floats]
    spread: dict[tuple[str, ...], Floats]

    def gains(self) -> dict[tuple[str, ...], Floats]:
        """Return the time saved by each configuration, in ns; it may be negative.

        ``T(everything in the reference) - T(only this sub-graph changed)``, which
        :func:`mpsolve.joint_options` takes as it is.
        """
        return {
            part: times[(self.reference,) * times.ndim] - times
            for part, times in self.median.items()
        }


def time_subgraphs(
    model: nn.Module,
    example_inputs: Inputs,
    graph: ModelGraph,
    precisions: Names,
    subgraphs: Iterable[Sequence[str]],
    *,
    reference: int = 0,
    warmup: int = 3,
    repeats: int = 20,
    simulated: bool = False,
    backend: Backend = "torch",
) -> SubgraphTimes:
    """Measure every sub-graph in every configuration of its layers' precisions.

    The whole model runs, with all other layers in the reference precision; a
    sub-graph's time is that from its first layer's call to the first call of the next
    sub-graph, conversions included, so that the times of sub-graphs add up. Sub-graphs
    that are alike are measured once. The method is that of arXiv 2505.13060.

    Parameters
    ----------
    model : torch.nn.Module
    example_inputs : Tensor, sequence or mapping
        As in :func:`trace`.
    graph : ModelGraph
        Of the model.
    precisions : sequence of str
        P of them.
    subgraphs : iterable of sequences of str
        Nodes that are calls of layers, in the order of execution, as from
        ``mpsolve.sequential_subgraphs(graph, graph.with_role("layer"))``.
    reference : int
        Position of a precision.
    warmup, repeats, simulated, backend :
        As in :func:`time_layers`.

    Returns
    -------
    SubgraphTimes

    Raises
    ------
    InvalidParameterError
        As in :func:`time_layers`; if a name is no call of a layer; if a sub-graph has
        more than 4,096 configurations.
    """
    read = timed_precisions(precisions, simulated=simulated, backend=backend)
    parts = [tuple(part) for part in subgraphs]
    check_counts(warmup, repeats)
    _check_parts(graph, parts, len(read), reference)
    clock = Clock(device_of(model))
    median: dict[tuple[str, ...], Floats] = {}
    spread: dict[tuple[str, ...], Floats] = {}
    known: dict[object, tuple[str, ...]] = {}
    base = dict.fromkeys(_called_layers(graph), read[reference])
    for i, part in enumerate(parts):
        following = parts[i + 1][0] if i + 1 < len(parts) else None
        twin = known.setdefault(_part_signature(graph, part, following), part)
        if twin is not part:
            median[part], spread[part] = median[twin], spread[twin]
            continue
        configurations = list(product(range(len(read)), repeat=len(part)))
        samples = np.empty((len(configurations), repeats))
        for turn in np.array_split(np.arange(repeats), min(ROUNDS, repeats)):
            for k, choice in enumerate(configurations):
                layout = dict(base)
                for name, position in zip(part, choice, strict=True):
                    layout[graph.nodes[name]["layer"]] = read[position]
                moments = Moments(graph, clock)
                with (
                    evaluating(model),
                    apply_(model, layout, backend=backend),
                    moments,
                ):
                    for _ in range(warmup):
                        moments.run(model, example_inputs, part[0], following)
                    for run in turn:
                        passed = moments.run(model, example_inputs, part[0], following)
                        samples[k, run] = passed
        axes = (len(read),) * len(part)
        median[part] = np.median(samples, axis=1).reshape(axes)
        spread[part] = np.array([spread_of(row) for row in samples]).reshape(axes)
    return SubgraphTimes(tuple(p.name for p in read), reference, median, spread)


class Moments:
    """When each call of a layer begins, while it is entered.

    Parameters
    ----------
    graph : ModelGraph
    clock : Clock
    """

    def __init__(self, graph: ModelGraph, clock: Clock) -> None:
        self.clock = clock
        self.begun: dict[str, Any] = {}
        self._layers = graph.layers
        self._hooks: list[Any] = []

    def run(
        self, model: nn.Module, inputs: Inputs, first: str, following: str | None
    ) -> float:
        """Return the time from one call's beginning to another's, or to the end."""
        self.begun.clear()
        with torch.no_grad():
            call_model(model, inputs)
        end = self.clock.now()
        if following is not None:
            end = self.begun[following]
        return self.clock.between(self.begun[first], end)

    def __enter__(self) -> None:
        for layer in self._layers:
            # Before the hook that converts the inputs: conversions count.
            register = layer.module.register_forward_pre_hook
            self._hooks.append(register(self._note(layer.name), prepend=True))

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _note(self, layer: str) -> Callable[[nn.Module, Any], None]:
        def hook(_: nn.Module, __: Any) -> None:
            name, number = layer, 0
            while name in self.begun:
                number += 1
                name = f"{layer}@{number}"
            self.begun[name] = self.clock.now()

        return hook


def _part_signature(
    graph: ModelGraph, part: tuple[str, ...], following: str | None
) -> object:
    """Return what is equal for sub-graphs that do the same work."""
    order = {name: i for i, name in enumerate(graph.nodes)}
    end = len(order) if following is None else order[following]
    # Everything that runs until the next sub-graph begins, by its place in it.
    inside = [name for name in order if order[part[0]] <= order[name] < end]
    place = {name: i for i, name in enumerate(inside)}
    nodes = []
    for name in inside:
        data = graph.nodes[name]
        layer = data["layer"]
        work = signature(graph.layer(layer)) if layer else data["kind"]
        shapes = data["input_shapes"], data["output_shape"]
        sources = sorted(place.get(u, -1) for u, _ in graph.graph.in_edges(name))
        nodes.append((work, shapes, tuple(sources), name in part))
    # What follows differs where the model ends.
    return tuple(nodes), following is None


def _called_layers(graph: ModelGraph) -> list[str]:
    return [layer.name for layer in graph.layers if graph.calls(layer.name)]


def _check_parts(
    graph: ModelGraph, parts: Sequence[tuple[str, ...]], size: int, reference: int
) -> None:
    if not 0 <= reference < size:
        msg = f"reference must be a position from 0 to {size - 1}. Got {reference!r}"
        raise InvalidParameterError(msg)
    calls = set(graph.with_role("layer"))
    for i, part in enumerate(parts):
        for name in part:
            if name not in calls:
                msg = f"subgraphs[{i}]: {name!r} is no call of a layer in the graph"
                raise InvalidParameterError(msg)
        if math.pow(size, len(part)) > MOST_CONFIGURATIONS:
            msg = f"subgraphs[{i}] must have at most {MOST_CONFIGURATIONS:,} "
            msg += f"configurations. Got {size}^{len(part)}"
            raise InvalidParameterError(msg)
