"""Algorithm 2: precision never decreases along the network, so nothing is lost."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mpsolve.errors import InvalidProblemError
from mpsolve.methods.proof import answer, inventory_bounds
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.graph import topological_order
from mpsolve.model.merge import Merged
from mpsolve.result import Reason

__all__ = ["Monotone"]


class Monotone:
    """Algorithm 2 of Cheng and Chen [1]_, where it is optimal.

    Coarse precisions first, fine ones last, along the order of execution: then every
    conversion is lossless. That costs 0, and no layout costs less, where

    - couplings are the only losses, and none is negative,
    - their precisions are totally ordered, and conversions upward are free, on a chain
      or any acyclic graph,
    - nothing else bounds the layers but an inventory.

    A source finer than the coarsest precision, a sink, a loss of the layers' own, a
    budget or a fixed layer takes that away, and this method then does not apply.

    References
    ----------
    .. [1] "Quantization in Layer's Input is Matter", arXiv 2202.05137, Algorithm 2.

    Examples
    --------
    >>> import mpsolve
    >>> names = ["fp64", "fp32", "fp16"]
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0, 0, 0]] * 3, layers=["a", "b", "c"], precisions=names,
    ...     inventory={"fp16": 1, "fp32": 1, "fp64": 1},
    ...     couplings=mpsolve.conversion_loss(
    ...         [("a", "b"), ("b", "c")], [1, 2, 3], [1e-16, 1e-7, 1e-3], names))
    >>> result = mpsolve.solve(problem)
    >>> result.method, dict(result.layout), result.loss
    ('monotone', {'a': 'fp16', 'b': 'fp32', 'c': 'fp64'}, 0.0)
    """

    name = "monotone"
    summary = "Algorithm 2: conversion losses alone, which a monotone layout avoids"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        most_budgets=0,
        inventory=True,
        couplings=True,
        parameters=frozenset({"time_limit", "memory_limit", "hint"}),
    )

    def why_not(self, merged: Merged) -> str:
        """Say why 0 cannot be reached; see :class:`mpsolve.methods.SpecialCase`."""
        problem = merged.problem
        if not problem.couplings:
            return "a problem without couplings"
        # Where options were merged or left out, tables and options differ in size.
        if merged.width is None or merged.origin is not None:
            return "layers that are tied, fixed, or differ in their options"
        codes = merged.codes.reshape(-1, merged.width)
        if (codes != codes[0]).any():
            return "layers that are tied, fixed, or differ in their options"
        losses = merged.loss.reshape(codes.shape)
        if (losses != losses[:, :1]).any():
            return "losses of the layers' own"
        if any((coupling.table < 0).any() for coupling in problem.couplings):
            return "negative couplings"
        if _order(merged) is None:
            return (
                "couplings that do not make every conversion upward free, in one order "
                "of the precisions"
            )
        edges = [(c.first, c.second) for c in problem.couplings]
        try:
            topological_order(problem.layers, edges)
        except InvalidProblemError:
            return "couplings whose directions form a cycle"
        return ""

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        problem = merged.problem
        order = _order(merged) or []
        lower, upper = inventory_bounds(merged)
        codes = merged.codes[: merged.width].tolist()
        counts = _fill(
            [lower[codes[k]] for k in order],
            [upper[codes[k]] for k in order],
            problem.num_groups,
        )
        if counts is None:
            detail = (
                f"no {problem.num_groups} layers have the counts {problem.inventory!r}"
            )
            return Answer(Reason.INFEASIBLE, detail=detail)
        edges = [(c.first, c.second) for c in problem.couplings]
        layers = topological_order(problem.layers, edges)
        rows = [problem.layers.index(layer) for layer in layers]
        choices = np.empty(problem.num_groups, dtype=np.int64)
        choices[rows] = np.repeat(order, counts)
        # No coupling is negative, and every layer's loss is the same for all options.
        bound = math.fsum(merged.loss[merged.offsets[:-1]].tolist())
        names = [problem.precisions[codes[k]] for k in order]
        return answer(
            merged,
            merged.pairs,
            choices,
            bound,
            parameters,
            detail=(
                "Algorithm 2 (precision never decreases along the network) is optimal "
                "here because conversion losses are the only ones, none is negative, "
                f"and conversions along {' -> '.join(names)} are free: the conversions "
                "cost 0, their lower bound"
            ),
        )


def _order(merged: Merged) -> list[int] | None:
    """Return the options so that converting to a later one is free everywhere."""
    size = merged.width or 0
    is_free: npt.NDArray[np.bool_] = np.ones((size, size), dtype=bool)
    for coupling in merged.problem.couplings:
        is_free &= coupling.table == 0
    order = np.argsort(-is_free.sum(axis=1), kind="stable")
    upward = np.triu(np.ones((size, size), dtype=bool))
    is_ordered = bool(is_free[np.ix_(order, order)][upward].all())
    return order.tolist() if is_ordered else None


def _fill(lower: list[int], upper: list[int], total: int) -> list[int] | None:
    """Return numbers within the bounds that add up to the total, early ones large."""
    counts = list(lower)
    rest = total - sum(counts)
    for k, largest in enumerate(upper):
        more = max(0, min(rest, largest - counts[k]))
        counts[k] += more
        rest -= more
    return counts if rest == 0 else None
