"""Seeded problems in which every pair of layers is coupled."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from mpsolve.model.generate import Draws, as_measured
from mpsolve.model.generate_classes import Parts
from mpsolve.model.problem import Problem

__all__ = ["DenseClass", "dense_pairs", "dense_pairs_parts"]

DenseClass = Literal["psd", "indefinite"]

#: Bit widths by how soon a longer list of options includes them.
WIDTHS_BY_RANK = (8, 4, 2, 6, 3, 5, 7, 16)

#: Directions that the layers' errors share, for each layer.
SHARED_DIRECTIONS = 0.25


def dense_pairs_parts(
    num_groups: int,
    num_options: int,
    seed: int,
    *,
    kind: DenseClass = "psd",
    coupling: float = 0.3,
    budget: float = 0.4,
) -> Parts:
    """Draw a problem shaped like the cross-layer sensitivities of CLADO.

    An option is a bit width `b`; the error that it puts into the loss has the size
    ``a = sqrt(s) * 2**-b`` with a lognormal sensitivity `s` of the layer.

    - ``psd``: errors are vectors of length `a`. A share `coupling` of their square lies
      in a quarter as many directions as there are layers, which all layers share; the
      rest is the layer's own. The loss is the squared length of the sum of all errors,
      a quadratic form that is never negative.
    - ``indefinite``: a pair adds ``2 * a * a' * c`` with c uniform in
      [-coupling, coupling], which no form that is never negative need explain.

    Parameters
    ----------
    num_groups, num_options : int
        Size of the problem, at least 1 each.
    seed : int
        What the draws depend on; not negative.
    kind : {"psd", "indefinite"}
    coupling : float
        In [0, 1]: 0.3 is weak, 0.6 is strong.
    budget : float
        How far the budget is from the smallest (0) to the largest (1) reachable usage.

    Returns
    -------
    Parts
        With an edge for every pair, and the resource ``"memory"`` in bytes.

    Examples
    --------
    >>> parts = dense_pairs_parts(16, 4, seed=0)
    >>> parts.tables.shape, bool((parts.loss > 0).all())
    ((120, 4, 4), True)

    References
    ----------
    Z. Deng, S. Sharify, X. Wang, M. Orshansky, "Mixed-precision quantization for deep
    vision models with integer quadratic programming" (CLADO), arXiv 2307.05657.
    """
    if kind not in get_args(DenseClass):
        msg = f"kind must be one of {', '.join(get_args(DenseClass))}. Got {kind!r}"
        raise ValueError(msg)
    if not 0.0 <= coupling <= 1.0:
        msg = f"coupling must be in [0, 1]. Got {coupling!r}"
        raise ValueError(msg)
    draws = Draws(seed)
    bits = np.array(_bit_widths(num_options), dtype=np.int64)
    eighths = np.maximum(np.rint(np.exp(9.5 + draws.normal(num_groups))), 1.0)
    usage = eighths.astype(np.int64)[:, None] * bits
    sensitivity = np.exp(0.5 * draws.normal(num_groups))
    noise = np.exp(0.1 * draws.normal(num_groups, num_options))
    error = sensitivity[:, None] * np.ldexp(noise, -bits.astype(np.int32))
    size = num_groups * num_options
    if kind == "psd":
        num_shared = max(2, math.ceil(SHARED_DIRECTIONS * num_groups))
        shared = draws.normal(num_groups, 1, num_shared)
        shared = shared + 0.5 * draws.normal(num_groups, num_options, num_shared)
        shared /= np.sqrt((shared**2).sum(axis=2, keepdims=True))
        cosines = coupling * np.einsum("ujd,vkd->ujvk", shared, shared)
    else:
        cosines = coupling * (2.0 * draws.uniform(size, size) - 1.0)
        cosines = cosines.reshape(num_groups, num_options, num_groups, num_options)
    pairs = 2.0 * error[:, :, None, None] * error[None, None] * cosines
    first, second = np.triu_indices(num_groups, 1)
    smallest = int(usage.min(axis=1).sum())
    largest = int(usage.max(axis=1).sum())
    allowed = smallest + math.floor(budget * (largest - smallest))
    return Parts(
        as_measured(error**2),
        {"memory": usage},
        {"memory": allowed},
        tuple(f"int{width}" for width in bits.tolist()),
        None,
        list(zip(first.tolist(), second.tolist(), strict=True)),
        as_measured(pairs[first, :, second, :]),
    )


def dense_pairs(
    num_groups: int,
    num_options: int,
    seed: int,
    *,
    kind: DenseClass = "psd",
    coupling: float = 0.3,
    budget: float = 0.4,
) -> Problem:
    """Draw a problem shaped like the cross-layer sensitivities of CLADO.

    Parameters
    ----------
    num_groups, num_options, seed, kind, coupling, budget
        As for :func:`dense_pairs_parts`.

    Returns
    -------
    Problem
        With the resource ``"memory"`` in bytes, and a coupling of every pair.

    Examples
    --------
    >>> problem = dense_pairs(4, 3, seed=0, coupling=0.6)
    >>> len(problem.couplings), problem.precisions
    (6, ('int2', 'int4', 'int8'))
    """
    parts = dense_pairs_parts(
        num_groups, num_options, seed, kind=kind, coupling=coupling, budget=budget
    )
    return parts.problem(
        f"{kind} pairs {num_groups}x{num_options} {coupling:g} seed {seed}"
    )


def _bit_widths(num_options: int) -> tuple[int, ...]:
    if num_options <= len(WIDTHS_BY_RANK):
        return tuple(sorted(WIDTHS_BY_RANK[:num_options]))
    return tuple(range(2, num_options + 2))
