"""Layouts of least signed loss, and those that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import mpsolve
from benchmarks.paper.signed.tables import Table

__all__ = ["ARMS", "Choice", "best", "cheapest", "random_choice"]

#: What mpsolve minimises; each where every layer is rounded, and where it may stay.
ARMS = {
    "first order": "the first-order loss of the actual rounding errors",
    "second order": "with half the mean square of the samples' changes added",
    "measured": "the loss change of each layer rounded alone",
}

Layout = tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """A layout, one option for each layer, and the loss that was minimised."""

    layout: Layout
    predicted: float
    reason: str
    method: str


def best(
    table: Table,
    layers: Sequence[str],
    ties: Sequence[Sequence[str]],
    *,
    may_stay: bool,
    standard_errors: float,
) -> Choice:
    """Return the layout of least signed loss.

    Parameters
    ----------
    table : Table
    layers : sequence of str
    ties : sequence of sequence of str
        Layers that share parameters: one decision.
    may_stay : bool
        Whether a layer may stay as it is, at a loss of 0.
    standard_errors : float
        How many are added to every loss that is not 0.
    """
    values = table.values + standard_errors * table.errors
    options = list(table.options)
    if may_stay:
        values = np.concatenate([np.zeros((len(values), 1)), values], axis=1)
        options = ["keep", *options]
    problem = mpsolve.Problem.from_arrays(
        values, layers=layers, precisions=options, ties=ties
    )
    result = mpsolve.solve(problem)
    return Choice(
        tuple(result.layout.values()), result.loss, str(result.reason), result.method
    )


def cheapest(
    tables: dict[str, Table],
    sizes: dict[str, np.ndarray],
    budget: int,
    layers: Sequence[str],
    ties: Sequence[Sequence[str]],
    *,
    only_nearest: bool,
) -> Choice:
    """Return the layout of least signed loss within a memory budget.

    Parameters
    ----------
    tables : dict of str to Table
        By precision.
    sizes : dict of str to ndarray of int, shape (layers,)
        Bytes of each layer in each precision, whatever the direction.
    budget : int
        Bytes.
    layers, ties
        As for :func:`best`.
    only_nearest : bool
        Whether directions are left out.
    """
    names, losses, bytes_ = [], [], []
    for precision, table in tables.items():
        for k, kind in enumerate(table.options):
            if only_nearest and kind != "nearest":
                continue
            names.append(f"{precision} {kind}")
            losses.append(table.values[:, k])
            bytes_.append(sizes[precision])
    problem = mpsolve.Problem.from_arrays(
        np.stack(losses, axis=1),
        {"memory": np.stack(bytes_, axis=1)},
        {"memory": budget},
        layers=layers,
        precisions=names,
        ties=ties,
    )
    result = mpsolve.solve(problem)
    return Choice(
        tuple(result.layout.values()), result.loss, str(result.reason), result.method
    )


def random_choice(
    options: Sequence[str],
    layers: Sequence[str],
    ties: Sequence[Sequence[str]],
    seed: int,
) -> Layout:
    """Return directions drawn at random; layers that share parameters share theirs."""
    rng = np.random.default_rng(seed)
    drawn = {layer: options[int(rng.integers(len(options)))] for layer in layers}
    for tie in ties:
        drawn |= dict.fromkeys(tie, drawn[tie[0]])
    return tuple(drawn[layer] for layer in layers)
