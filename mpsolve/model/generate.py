"""Seeded problems: shaped like real networks, and the literature's hard classes.

Every draw is made from the raw stream of PCG64, which numpy keeps the same for ever,
and losses are rounded to float32, so that a seed means the same problem on every
machine and with every version of numpy.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from mpsolve.model.problem import Problem

__all__ = [
    "Arrays",
    "HardClass",
    "Sizes",
    "bit_widths",
    "hard",
    "hard_arrays",
    "mixed_precision",
    "mixed_precision_arrays",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

Sizes = Literal["distinct", "repeated"]
HardClass = Literal[
    "uncorrelated",
    "weakly",
    "strongly",
    "strongly_flat",
    "subset_sum",
    "sinha_zoltners",
]

#: Bit widths by how soon a longer list of options includes them.
WIDTHS_BY_RANK = (8, 4, 16, 2, 3, 6, 5, 12)

#: Parameters of a block's layers, in units of the squared model width: query, key,
#: value, output, and the two of the feed-forward part.
BLOCK = (1, 1, 1, 1, 4, 4)

#: Model widths of transformers with repeated sizes.
MODEL_WIDTHS = (512, 768, 1024, 2048, 4096)


class Arrays(NamedTuple):
    """A one-budget problem as arrays.

    Attributes
    ----------
    loss : ndarray of float64, shape (num_groups, num_options)
        Loss of every option.
    usage : ndarray of int64, shape (num_groups, num_options)
        Usage of the one resource by every option.
    budget : int
        Largest total usage.
    """

    loss: Floats
    usage: Integers
    budget: int


class Draws:
    """Random numbers whose values depend on the seed alone."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def uniform(self, *shape: int) -> Floats:
        """Draw from [0, 1), 53 bits each."""
        raw = self._bits.random_raw(math.prod(shape)).reshape(shape)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def integers(self, low: int, high: int, *shape: int) -> Integers:
        """Draw integers from low to high, both included."""
        return low + np.floor(self.uniform(*shape) * (high - low + 1)).astype(np.int64)

    def normal(self, *shape: int) -> Floats:
        """Draw nearly standard normal numbers: twelve uniform ones, summed in order."""
        total = np.full(shape, -6.0)
        for _ in range(12):
            total += self.uniform(*shape)
        return total


def bit_widths(num_options: int) -> tuple[int, ...]:
    """Return the bit widths that a number of options stands for.

    Parameters
    ----------
    num_options : int
        At least 1.

    Returns
    -------
    tuple of int
        Upward.

    Examples
    --------
    >>> bit_widths(3), bit_widths(8)
    ((4, 8, 16), (2, 3, 4, 5, 6, 8, 12, 16))
    """
    if num_options <= len(WIDTHS_BY_RANK):
        return tuple(sorted(WIDTHS_BY_RANK[:num_options]))
    return tuple(range(2, num_options + 2))


def mixed_precision_arrays(
    num_groups: int,
    num_options: int,
    seed: int,
    *,
    sizes: Sizes = "distinct",
    budget: float = 0.4,
) -> Arrays:
    """Draw a problem shaped like the layers of a real network.

    An option is a bit width `b`. It takes `parameters * b / 8` bytes, and its loss is
    the layer's sensitivity times `4**-b`, the squared rounding error, times a small
    lognormal noise. Sensitivities are log-uniform over six orders of magnitude.

    Parameters
    ----------
    num_groups, num_options : int
        Size of the problem, at least 1 each.
    seed : int
        What the draws depend on; not negative.
    sizes : {"distinct", "repeated"}
        Lognormal numbers of parameters, or those of a transformer's equal blocks.
    budget : float
        How far the budget is from the smallest (0) to the largest (1) reachable usage.

    Returns
    -------
    Arrays
        Usages and budget in bytes.

    Examples
    --------
    >>> arrays = mixed_precision_arrays(50, 3, seed=0)
    >>> arrays.loss.shape, arrays.usage.dtype, bool(arrays.usage.min() > 0)
    ((50, 3), dtype('int64'), True)
    """
    if sizes not in get_args(Sizes):
        msg = f"sizes must be one of {', '.join(get_args(Sizes))}. Got {sizes!r}"
        raise ValueError(msg)
    draws = Draws(seed)
    # Eighths of the numbers of parameters, so that every width is in whole bytes.
    if sizes == "distinct":
        eighths = np.rint(np.exp(9.5 + 1.5 * draws.normal(num_groups)))
        eighths = np.maximum(eighths, 1.0).astype(np.int64)
    else:
        width = MODEL_WIDTHS[int(draws.integers(0, len(MODEL_WIDTHS) - 1, 1)[0])]
        block = np.array(BLOCK, dtype=np.int64) * (width * width // 8)
        eighths = np.resize(block, num_groups)
    bits = np.array(bit_widths(num_options), dtype=np.int64)
    usage = eighths[:, None] * bits
    sensitivity = np.power(10.0, 6.0 * draws.uniform(num_groups) - 3.0)
    noise = np.exp(0.1 * draws.normal(num_groups, num_options))
    loss = sensitivity[:, None] * np.ldexp(noise, -2 * bits.astype(np.int32))
    smallest = int(usage.min(axis=1).sum())
    largest = int(usage.max(axis=1).sum())
    allowed = smallest + math.floor(budget * (largest - smallest))
    return Arrays(as_measured(loss), usage, allowed)


def mixed_precision(
    num_groups: int,
    num_options: int,
    seed: int,
    *,
    sizes: Sizes = "distinct",
    budget: float = 0.4,
) -> Problem:
    """Draw a problem shaped like the layers of a real network.

    Parameters
    ----------
    num_groups, num_options, seed, sizes, budget
        As for :func:`mixed_precision_arrays`.

    Returns
    -------
    Problem
        With the resource ``"memory"`` in bytes, and precisions ``int2 … int16``.

    Examples
    --------
    >>> mixed_precision(50, 3, seed=0, sizes="repeated", budget=0.0).precisions
    ('int4', 'int8', 'int16')
    """
    arrays = mixed_precision_arrays(
        num_groups, num_options, seed, sizes=sizes, budget=budget
    )
    return Problem.from_arrays(
        arrays.loss,
        usage={"memory": arrays.usage},
        budgets={"memory": arrays.budget},
        precisions=[f"int{bits}" for bits in bit_widths(num_options)],
        name=f"mixed precision {num_groups}x{num_options} {sizes} seed {seed}",
    )


def hard_arrays(
    kind: HardClass,
    num_groups: int,
    num_options: int,
    seed: int,
    *,
    largest: int = 1000,
) -> Arrays:
    """Draw a problem of one of the literature's classes of hard MCKPs.

    Profits become negative losses and weights become usages. With `r = largest` and
    `n = num_options`, all integers drawn uniformly:

    - ``uncorrelated``: weight and profit in [1, r];
    - ``weakly``: weight in [1, r], profit `max(1, weight + d)` with d in [-10, 10];
    - ``strongly``: n numbers u in [1, 2r/n], sorted upward; weights are the running
      sums of u, profits those of u + 10. By far the hardest: all hull slopes are
      nearly equal;
    - ``strongly_flat``: weight in [1, r], profit weight + 10; much easier;
    - ``subset_sum``: weight in [1, r], profit equal to it;
    - ``sinha_zoltners``: weights and profits in [1, r], both sorted upward, so that no
      option of a group dominates another.

    The capacity is half of the sum, over groups, of the smallest weight and the weight
    of the most profitable option (the lightest such one).

    Parameters
    ----------
    kind : str
        One of the classes above.
    num_groups, num_options : int
        Size of the problem, at least 1 each.
    seed : int
        What the draws depend on; not negative.
    largest : int
        The range r of weights and profits.

    Returns
    -------
    Arrays
        Losses are integers at or below -1.

    References
    ----------
    D. Pisinger, "A minimal algorithm for the multiple-choice knapsack problem",
    European Journal of Operational Research 83 (1995),
    https://doi.org/10.1016/0377-2217(95)00015-I.
    P. Sinha, A. Zoltners, "The multiple-choice knapsack problem", Operations Research
    27 (1979), https://doi.org/10.1287/opre.27.3.503.
    """
    draws = Draws(seed)
    shape = (num_groups, num_options)
    if kind == "strongly":
        steps = np.sort(draws.integers(1, max(1, 2 * largest // num_options), *shape))
        weight, profit = steps.cumsum(axis=1), (steps + 10).cumsum(axis=1)
    else:
        weight = draws.integers(1, largest, *shape)
        if kind == "uncorrelated":
            profit = draws.integers(1, largest, *shape)
        elif kind == "weakly":
            profit = np.maximum(1, weight + draws.integers(-10, 10, *shape))
        elif kind == "strongly_flat":
            profit = weight + 10
        elif kind == "subset_sum":
            profit = weight.copy()
        elif kind == "sinha_zoltners":
            weight.sort(axis=1)
            profit = np.sort(draws.integers(1, largest, *shape))
        else:
            msg = f"kind must be one of {', '.join(get_args(HardClass))}. Got {kind!r}"
            raise ValueError(msg)
    is_best = profit == profit.max(axis=1, keepdims=True)
    greedy = np.where(is_best, weight, np.iinfo(np.int64).max).min(axis=1)
    capacity = (int(weight.min(axis=1).sum()) + int(greedy.sum())) // 2
    return Arrays(-profit.astype(np.float64), weight, capacity)


def hard(
    kind: HardClass,
    num_groups: int,
    num_options: int,
    seed: int,
    *,
    largest: int = 1000,
) -> Problem:
    """Draw a problem of one of the literature's classes of hard MCKPs.

    Parameters
    ----------
    kind, num_groups, num_options, seed, largest
        As for :func:`hard_arrays`.

    Returns
    -------
    Problem
        With the resource ``"weight"``; profits are negative losses.

    Examples
    --------
    >>> hard("subset_sum", 10, 5, seed=1).budgets["weight"].lower is None
    True
    """
    arrays = hard_arrays(kind, num_groups, num_options, seed, largest=largest)
    return Problem.from_arrays(
        arrays.loss,
        usage={"weight": arrays.usage},
        budgets={"weight": arrays.budget},
        name=f"{kind} {num_groups}x{num_options} seed {seed}",
    )


def as_measured(loss: Floats) -> Floats:
    """Round to float32, as frameworks measure; hides the last digits of exp and pow."""
    return loss.astype(np.float32).astype(np.float64)
