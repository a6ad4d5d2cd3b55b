"""Small generated problems of the classes that have their own methods."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from mpsolve.model.conversion import conversion_loss, monotone
from mpsolve.model.coupling import Coupling
from mpsolve.model.datatypes import rounding_errors
from mpsolve.model.group import Group, Option
from mpsolve.model.inventory import Inventory, at_most
from mpsolve.model.problem import Problem

__all__ = [
    "bottleneck",
    "convertible",
    "coupled",
    "few_precisions",
    "sortable",
    "two_options",
    "with_inventory",
]

Rng = np.random.Generator
Floats = npt.NDArray[np.float64]

NAMES = ["e4m3", "fp16", "bf16", "fp32"]


def losses(rng: Rng, shape: tuple[int, int]) -> Floats:
    """Draw losses of one of several kinds, signed ones and ties included."""
    kind = rng.integers(6)
    num_layers, num_precisions = shape
    if kind == 0:
        return np.outer(
            10.0 ** rng.uniform(-3, 3, num_layers),
            10.0 ** rng.uniform(-16, -1, num_precisions),
        )
    if kind == 1:
        return rng.integers(0, 4, shape).astype(float)
    if kind == 2:
        return rng.integers(-5, 6, shape) / 7
    if kind == 3:
        return rng.normal(size=shape) * 10.0 ** rng.integers(-9, 9)
    if kind == 4:
        return np.zeros(shape)
    product = np.outer(
        rng.integers(0, 4, num_layers), rng.integers(-3, 4, num_precisions)
    )
    total: Floats = product + rng.integers(-2, 3, (num_layers, 1)).astype(float)
    return total


def inventory(rng: Rng, num_layers: int, names: list[str]) -> Inventory:
    """Draw counts, exact or at most, of all precisions or some."""
    if rng.random() < 0.1:
        counts = rng.integers(0, num_layers + 2, len(names))
    else:
        counts = np.bincount(
            rng.integers(0, len(names), num_layers), minlength=len(names)
        )
    named = {
        name: int(count)
        for name, count in zip(names, counts, strict=True)
        if rng.random() < 0.85
    }
    if rng.random() < 0.35:
        more = {n: c + int(rng.integers(-1, 3)) for n, c in named.items()}
        return at_most({n: max(c, 0) for n, c in more.items()})
    return Inventory(named)


def constraints(rng: Rng, layers: list[str], names: list[str]) -> dict[str, Any]:
    """Draw ties and fixed layers, for some problems."""
    given: dict[str, Any] = {}
    if len(layers) > 2 and rng.random() < 0.2:
        given["ties"] = [rng.permutation(layers)[: rng.integers(2, 4)].tolist()]
    elif rng.random() < 0.2:
        given["fixed"] = {str(rng.choice(layers)): str(rng.choice(names))}
    return given


def layers_of(rng: Rng, smallest: int = 1, largest: int = 5) -> list[str]:
    """Return the names of some layers."""
    return [f"l{i}" for i in range(int(rng.integers(smallest, largest + 1)))]


def with_inventory(rng: Rng) -> Problem:
    """Draw an inventory, and nothing that joins layers but ties."""
    layers = layers_of(rng)
    names = NAMES[: rng.integers(1, 5)]
    table = losses(rng, (len(layers), len(names)))
    given = constraints(rng, layers, names)
    if rng.random() < 0.2:
        # Layers that differ in their options.
        groups = []
        for layer, row in zip(layers, table, strict=True):
            own = rng.permutation(len(names))[: rng.integers(1, len(names) + 1)]
            options = [Option(names[k], float(row[k])) for k in own]
            groups.append(Group(layer, options))
        known = [
            n for n in names if any(n == o.precision for g in groups for o in g.options)
        ]
        return Problem(groups, inventory=inventory(rng, len(layers), known))
    return Problem.from_arrays(
        table,
        layers=layers,
        precisions=names,
        inventory=inventory(rng, len(layers), names),
        maximize=bool(rng.random() < 0.2),
        **given,
    )


def edges_of(rng: Rng, layers: list[str], kind: str) -> list[tuple[str, str]]:
    """Draw the edges of a graph of a kind."""
    if kind == "chain":
        return list(pairwise(layers))
    if kind == "tree":
        return [(layers[rng.integers(i)], layers[i]) for i in range(1, len(layers))]
    if kind == "chains":
        return [edge for edge in pairwise(layers) if rng.random() < 0.6]
    spans = [
        (layers[i], layers[j])
        for i in range(len(layers))
        for j in range(i + 2, len(layers))
    ]
    return list(pairwise(layers)) + [edge for edge in spans if rng.random() < 0.4]


def conversions(
    rng: Rng, layers: list[str], names: list[str], edges: list[tuple[str, str]]
) -> list[Coupling]:
    """Return conversion losses, real types, sometimes with source and sink."""
    boundary: dict[str, Any] = {}
    if rng.random() < 0.3:
        boundary["source"] = str(rng.choice(["e4m3", "fp16", "fp32", "fp64"]))
    if rng.random() < 0.2:
        boundary |= {"sink": "fp16", "sink_sensitivity": 1.0, "sink_error": 5e-4}
    graph = [(str(u), str(v)) for u, v in edges]
    present = {v for edge in graph for v in edge}
    s = {
        layer: float(10.0 ** rng.uniform(-2, 2)) for layer in layers if layer in present
    }
    return conversion_loss(graph, s, rounding_errors(names), names, **boundary)


def coupled(
    rng: Rng, kind: str | None = None, num_precisions: int | None = None
) -> Problem:
    """Draw couplings along a graph, often with an inventory or losses of layers."""
    layers = layers_of(rng, 2)
    ordered = rng.random() < 0.5
    pool = ["e4m3", "fp16", "fp32", "fp64"] if ordered else NAMES
    names = pool[: num_precisions or rng.integers(1, 5)]
    kind = kind or str(rng.choice(["chain", "tree", "dag", "chains"]))
    edges = edges_of(rng, layers, kind)
    shape = (len(names), len(names))
    draw = rng.random()
    if draw < 0.5:
        couplings = conversions(rng, layers, names, edges)
    elif draw < 0.6:
        couplings = monotone(edges, names)
    else:
        couplings = []
        for u, v in edges:
            table = losses(rng, shape)
            table = np.where(rng.random(shape) < 0.1, math.inf, table)
            pair = (u, v) if rng.random() < 0.5 else (v, u)
            couplings += [Coupling(*pair, table)] * int(rng.integers(1, 3))
    given = constraints(rng, layers, names)
    has_own = rng.random() < 0.5
    own = losses(rng, (len(layers), len(names)))
    table = own if has_own else np.repeat(own[:, :1], len(names), axis=1)
    if rng.random() < 0.7:
        given["inventory"] = inventory(rng, len(layers), names)
    return Problem.from_arrays(
        table,
        layers=layers,
        precisions=names,
        couplings=couplings,
        maximize=bool(rng.random() < 0.2),
        **given,
    )


def two_options(rng: Rng) -> Problem:
    """Draw two precisions and couplings of any graph, mostly submodular."""
    layers = layers_of(rng, 2, 7)
    names = ["fp16", "fp32"]
    edges = edges_of(rng, layers, str(rng.choice(["chain", "tree", "dag"])))
    if rng.random() < 0.4:
        couplings = conversions(rng, layers, names, edges)
    else:
        swapped = {layer: rng.random() < 0.5 for layer in layers}
        couplings = []
        for u, v in edges:
            table = rng.integers(-3, 8, (2, 2)) / 5
            if table[0, 0] + table[1, 1] > table[0, 1] + table[1, 0]:
                table = table[::-1]
            if rng.random() < 0.15:
                table[0, 1] = math.inf
            table = table[::-1] if swapped[u] else table
            table = table[:, ::-1] if swapped[v] else table
            couplings.append(Coupling(u, v, table))
        if rng.random() < 0.3:
            # A near-miss: an arbitrary table somewhere.
            u, v = rng.permutation(layers)[:2].tolist()
            couplings.append(Coupling(u, v, rng.integers(-4, 5, (2, 2))))
    return Problem.from_arrays(
        losses(rng, (len(layers), 2)),
        layers=layers,
        precisions=names,
        couplings=couplings,
        maximize=bool(rng.random() < 0.2),
        **constraints(rng, layers, names),
    )


def sortable(rng: Rng) -> Problem:
    """Draw losses that are products, and a number for every precision; or nearly so."""
    layers, names = layers_of(rng), NAMES[: rng.integers(1, 5)]
    kind = rng.integers(3)
    shape = (len(layers), len(names))
    if kind == 0:
        table = np.outer(*(rng.integers(-3, 4, n) for n in shape)).astype(float)
    elif kind == 1:
        table = np.outer(*(10.0 ** rng.uniform(-8, 2, n) for n in shape))
    else:
        # Not a product, but convex in the product's place: still ordered.
        table = np.exp(
            np.outer(np.sort(rng.random(shape[0])), rng.permutation(shape[1]))
        )
        table = table[rng.permutation(shape[0])]
    if rng.random() < 0.4:
        # A near-miss: one entry moves.
        table[rng.integers(shape[0]), rng.integers(shape[1])] += rng.integers(-2, 3)
    table = table + rng.integers(-2, 3, (shape[0], 1))
    counts = np.bincount(rng.integers(0, shape[1], shape[0]), minlength=shape[1])
    named = {n: int(c) for n, c in zip(names, counts, strict=True)}
    if rng.random() < 0.3:
        named.popitem()
    make = at_most if rng.random() < 0.3 else Inventory
    return Problem.from_arrays(
        table, layers=layers, precisions=names, inventory=make(named)
    )


def convertible(rng: Rng) -> Problem:
    """Draw conversion losses alone, on chains, trees and other graphs; or nearly so."""
    layers = layers_of(rng, 2)
    names = ["e4m3", "fp16", "fp32", "fp64"][: rng.integers(2, 5)]
    rng.shuffle(names)
    if rng.random() < 0.15:
        names = NAMES[: rng.integers(2, 5)]
    edges = edges_of(rng, layers, str(rng.choice(["chain", "tree", "dag"])))
    s = {layer: float(rng.integers(0, 4)) for layer in layers}
    if rng.random() < 0.1:
        s[layers[-1]] = -1.0
    boundary: dict[str, Any] = {"source": "fp32"} if rng.random() < 0.2 else {}
    errors = rounding_errors(names)
    couplings = conversion_loss(edges, s, errors, names, **boundary)
    own = np.repeat(rng.integers(-2, 3, (len(layers), 1)), len(names), axis=1)
    given: dict[str, Any] = {}
    near_miss = rng.random()
    if near_miss < 0.1:
        own = own + rng.integers(0, 2, own.shape) * 1e-3
    elif near_miss < 0.2:
        given = constraints(rng, layers, names)
    return Problem.from_arrays(
        own,
        layers=layers,
        precisions=names,
        couplings=couplings,
        inventory=inventory(rng, len(layers), names),
        **given,
    )


def with_budgets(rng: Rng) -> Problem:
    """One or two budgets, ties or fixed layers, layers that differ in their options."""
    layers, names = layers_of(rng), NAMES[: rng.integers(2, 5)]
    table = losses(rng, (len(layers), len(names)))
    usage = {
        name: rng.integers(-2, 12, table.shape)
        for name in ("memory", "time")[: rng.integers(1, 3)]
    }
    budgets: dict[str, Any] = {}
    for name, values in usage.items():
        low, high = values.min(axis=1).sum(), values.max(axis=1).sum()
        side = int(low + (high - low + 2) * rng.random())
        budgets[name] = [side, (side - 4, side), (side, None)][rng.integers(3)]
    return Problem.from_arrays(
        table,
        usage,
        budgets,
        layers=layers,
        precisions=names,
        maximize=bool(rng.random() < 0.2),
        **constraints(rng, layers, names),
    )


def any_class(rng: Rng) -> Problem:
    """Draw a problem of any class that the engines and special cases solve."""
    makers = (with_budgets, with_budgets, with_inventory, coupled, two_options)
    return makers[rng.integers(len(makers))](rng)


def few_precisions(rng: Rng) -> Problem:
    """Draw a limit on how many different precisions a layout may use."""
    limit = int(rng.integers(1, 4))
    return any_class(rng).with_constraints(max_distinct=limit)


def bottleneck(rng: Rng) -> Problem:
    """Draw a problem whose worst loss is to be small, sometimes with few precisions."""
    limit = int(rng.integers(1, 4)) if rng.random() < 0.3 else None
    return any_class(rng).with_constraints(objective="max", max_distinct=limit)
