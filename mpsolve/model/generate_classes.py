"""Seeded problems of every class: several budgets, inventories, conversion losses.

Drawn like those of :mod:`mpsolve.model.generate`: a seed means the same problem on
every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from mpsolve.model.coupling import Coupling
from mpsolve.model.datatypes import lossless_matrix, rounding_errors
from mpsolve.model.generate import Draws, as_measured, bit_widths
from mpsolve.model.problem import Problem

__all__ = [
    "Network",
    "Parts",
    "chain_parts",
    "inventory_parts",
    "network_layers",
    "network_parts",
    "several_budgets_parts",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Edges = list[tuple[int, int]]

Network = Literal["resnet50", "transformer"]

#: Types of layers with conversion losses, and the bytes of a value.
TYPES = ("e4m3", "fp16", "bf16", "fp32")
BYTES = (1, 2, 2, 4)

#: Share of the layers that an inventory gives each precision.
SHARES = (0.4, 0.3, 0.2, 0.1)

#: Blocks and width of each stage of ResNet-50.
STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))

TRANSFORMER_BLOCKS = 32
TRANSFORMER_WIDTH = 4096
FEED_FORWARD_WIDTH = 11_008


class Parts(NamedTuple):
    """A problem as arrays, before anything was built of it.

    Attributes
    ----------
    loss : ndarray of float64, shape (num_groups, num_options)
    usage : mapping of str to ndarray of int64, shape (num_groups, num_options)
    budgets : mapping of str to int
        Largest total usage of each resource.
    precisions : tuple of str
    inventory : mapping of str to int or None
        Exact counts.
    edges : list of (int, int)
        Groups that are coupled.
    tables : ndarray of float64, shape (num_edges, num_options, num_options)
        Loss on each edge.
    """

    loss: Floats
    usage: Mapping[str, Integers]
    budgets: Mapping[str, int]
    precisions: tuple[str, ...]
    inventory: Mapping[str, int] | None
    edges: Edges
    tables: Floats

    def problem(self, name: str = "") -> Problem:
        """Build the problem."""
        layers = [f"layer{i}" for i in range(len(self.loss))]
        return Problem.from_arrays(
            self.loss,
            self.usage,
            self.budgets,
            layers=layers,
            precisions=self.precisions,
            inventory=self.inventory,
            couplings=[
                Coupling(layers[u], layers[v], table)
                for (u, v), table in zip(self.edges, self.tables, strict=True)
            ],
            name=name,
        )


def several_budgets_parts(
    num_groups: int, num_options: int, seed: int, *, num_budgets: int = 2
) -> Parts:
    """Draw layers of a network under budgets that all bind.

    The resources are memory, time (whatever takes longer of moving the parameters and
    of computing, with a noise of its own) and bit operations. The budgets are what a
    layout takes that minimises the losses plus all usages at random prices, less up to
    0.4 percent of the range.

    Parameters
    ----------
    num_groups, num_options : int
    seed : int
    num_budgets : int
        From 1 to 3.

    Returns
    -------
    Parts

    Examples
    --------
    >>> parts = several_budgets_parts(50, 4, seed=0, num_budgets=3)
    >>> list(parts.budgets), parts.loss.shape
    (['memory', 'time', 'bops'], (50, 4))
    """
    draws = Draws(seed)
    bits = np.array(bit_widths(num_options), dtype=np.int64)
    shape = num_groups, num_options
    eighths = np.rint(np.exp(9.5 + draws.normal(num_groups))) + 1.0
    memory = eighths.astype(np.int64)[:, None] * bits
    reuse = np.exp(4.0 + draws.normal(num_groups))
    operations = eighths * reuse
    noise = np.exp(0.1 * draws.normal(*shape))
    moving, computing = memory / 100.0, (operations[:, None] * bits) / 4000.0
    time = np.rint(np.maximum(moving, computing) * noise) + 1.0
    bops = np.rint(operations)[:, None] * bits * bits
    usage = {"memory": memory, "time": time.astype(np.int64), "bops": bops}
    usage = {name: usage[name].astype(np.int64) for name in list(usage)[:num_budgets]}
    sensitivity = np.power(10.0, 6.0 * draws.uniform(num_groups) - 3.0)
    wobble = np.exp(0.1 * draws.normal(*shape))
    loss = as_measured(
        sensitivity[:, None] * np.ldexp(wobble, -2 * bits.astype(np.int32))
    )
    prices = 0.5 + draws.uniform(num_budgets)
    slack = -0.004 * draws.uniform(num_budgets)
    budgets = _binding(loss, usage, prices, slack)
    return Parts(
        loss, usage, budgets, _names(bits), None, [], np.zeros((0, *shape[1:] * 2))
    )


def _names(bits: Integers) -> tuple[str, ...]:
    return tuple(f"int{b}" for b in bits.tolist())


def _binding(
    loss: Floats, usage: Mapping[str, Integers], prices: Floats, slack: Floats
) -> dict[str, int]:
    """Return what a layout takes that is optimal at some prices, a little less."""
    rows = np.arange(len(loss))
    spans = {
        name: float((u.max(axis=1) - u.min(axis=1)).sum()) or 1.0
        for name, u in usage.items()
    }
    priced = sum(
        price * u / spans[name]
        for price, (name, u) in zip(prices, usage.items(), strict=True)
    )
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        choices = (loss + math.exp(middle) * priced).argmin(axis=1)
        shares = [
            float((u[rows, choices] - u.min(axis=1)).sum()) / spans[name]
            for name, u in usage.items()
        ]
        if sum(shares) > 0.4 * len(shares):
            low = middle
        else:
            high = middle
    return {
        name: int(u[rows, choices].sum()) + int(more * spans[name])
        for more, (name, u) in zip(slack, usage.items(), strict=True)
    }


def chain_parts(num_groups: int, seed: int) -> Parts:
    """Draw a chain of layers with conversion losses and an inventory of four types.

    Parameters
    ----------
    num_groups : int
    seed : int

    Returns
    -------
    Parts

    Examples
    --------
    >>> parts = chain_parts(100, seed=0)
    >>> dict(parts.inventory), len(parts.edges)
    ({'e4m3': 40, 'fp16': 30, 'bf16': 20, 'fp32': 10}, 99)
    """
    draws = Draws(seed)
    loss, sensitivity = _typed_losses(draws, num_groups)
    edges = list(pairwise(range(num_groups)))
    counts = _counts(num_groups, TYPES)
    return Parts(loss, {}, {}, TYPES, counts, edges, _conversions(edges, sensitivity))


def inventory_parts(num_groups: int, seed: int) -> Parts:
    """Draw layers of any losses under an inventory of four precisions.

    Parameters
    ----------
    num_groups : int
    seed : int

    Returns
    -------
    Parts

    Examples
    --------
    >>> sum(inventory_parts(1000, seed=0).inventory.values())
    1000
    """
    draws = Draws(seed)
    loss, _ = _typed_losses(draws, num_groups)
    return Parts(
        loss, {}, {}, TYPES, _counts(num_groups, TYPES), [], np.zeros((0, 4, 4))
    )


def network_parts(network: Network, seed: int, *, budget: float = 0.4) -> Parts:
    """Draw losses for a real network's layers, with conversion losses along its edges.

    Parameters
    ----------
    network : {"resnet50", "transformer"}
        ResNet-50, or 32 blocks of a transformer of width 4,096 with gated feed-forward
        parts; residual connections included.
    seed : int
    budget : float
        How far the memory budget is from the smallest (0) to the largest (1) usage.

    Returns
    -------
    Parts

    Examples
    --------
    >>> parts = network_parts("resnet50", seed=0)
    >>> len(parts.loss), int(parts.usage["memory"][:, 0].sum())
    (54, 25502912)
    """
    sizes, edges = network_layers(network)
    draws = Draws(seed)
    loss, sensitivity = _typed_losses(draws, len(sizes))
    memory = np.array(sizes, dtype=np.int64)[:, None] * np.array(BYTES, dtype=np.int64)
    smallest, largest = int(memory.min(axis=1).sum()), int(memory.max(axis=1).sum())
    allowed = smallest + math.floor(budget * (largest - smallest))
    return Parts(
        loss,
        {"memory": memory},
        {"memory": allowed},
        TYPES,
        None,
        edges,
        _conversions(edges, sensitivity),
    )


def network_layers(network: Network) -> tuple[list[int], Edges]:
    """Return the numbers of parameters of a network's layers, and its edges.

    A residual sum is computed where its second operand is made, so that the skip ends
    at the last layer of its block.
    """
    if network == "resnet50":
        return _resnet50()
    if network == "transformer":
        return _transformer()
    msg = f"network must be one of {', '.join(get_args(Network))}. Got {network!r}"
    raise ValueError(msg)


def _resnet50() -> tuple[list[int], Edges]:
    sizes, edges = [64 * 3 * 49], []
    before, channels = 0, 64
    for blocks, width in STAGES:
        for block in range(blocks):
            first = len(sizes)
            sizes += [channels * width, width * width * 9, width * 4 * width]
            last = first + 2
            edges += [(before, first), (first, first + 1), (first + 1, last)]
            if block == 0:
                sizes.append(channels * 4 * width)
                edges += [(before, last + 1), (last + 1, last)]
            else:
                edges.append((before, last))
            before, channels = last, 4 * width
    sizes.append(2048 * 1000)
    edges.append((before, len(sizes) - 1))
    return sizes, edges


def _transformer() -> tuple[list[int], Edges]:
    square, wide = TRANSFORMER_WIDTH**2, TRANSFORMER_WIDTH * FEED_FORWARD_WIDTH
    sizes: list[int] = []
    edges: Edges = []
    before: int | None = None
    for _ in range(TRANSFORMER_BLOCKS):
        q, k, v, o, gate, up, down = range(len(sizes), len(sizes) + 7)
        sizes += [square] * 4 + [wide] * 3
        if before is not None:
            edges += [(before, layer) for layer in (q, k, v, o)]
        edges += [(q, o), (k, o), (v, o), (o, gate), (o, up), (gate, down), (up, down)]
        edges.append((o, down))
        before = down
    return sizes, edges


def _typed_losses(draws: Draws, num_groups: int) -> tuple[Floats, Floats]:
    """Return losses by layer and type, and the layers' sensitivities."""
    sensitivity = np.power(10.0, 4.0 * draws.uniform(num_groups) - 2.0)
    noise = np.exp(0.3 * draws.normal(num_groups, len(TYPES)))
    error = rounding_errors(list(TYPES))
    return as_measured(sensitivity[:, None] * error * noise), as_measured(sensitivity)


def _conversions(edges: Edges, sensitivity: Floats) -> Floats:
    """Return ``s_v e_b`` where type b does not hold all values of type a, else 0."""
    error = rounding_errors(list(TYPES))
    lossy = ~lossless_matrix(list(TYPES))
    ends = np.array([v for _, v in edges], dtype=np.int64)
    return as_measured(sensitivity[ends, None, None] * (lossy * error[None, :]))


def _counts(num_groups: int, names: Sequence[str]) -> dict[str, int]:
    counts = [math.floor(share * num_groups) for share in SHARES]
    counts[0] += num_groups - sum(counts)
    return dict(zip(names, counts, strict=True))
