"""Signed losses of every layer and option, on the first samples of a set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.paper.networks import Batches, Network
from benchmarks.paper.signed.options import (
    DIRECTIONS,
    PRECISIONS,
    Signs,
    input_options,
    joined,
    weight_options,
)
from mpsolve.torch import LayerPrecision, calibrate

__all__ = ["Table", "expansions", "first_samples", "measured"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Signed losses in nats, shape (layers, options), and their standard errors."""

    options: tuple[str, ...]
    values: Floats
    errors: Floats

    def without(self, left_out: Collection[str]) -> Table:
        """Return the table of the other options."""
        kept = [k for k, kind in enumerate(self.options) if kind not in left_out]
        names = tuple(self.options[k] for k in kept)
        return Table(names, self.values[:, kept], self.errors[:, kept])


def first_samples(batches: Batches, count: int) -> Batches:
    """Return the first samples of some batches."""
    found, left = [], count
    for x, y in batches:
        if left > 0:
            found.append((x[:left], y[:left]))
        left -= len(y)
    return found


def expansions(
    network: Network, batches: Batches, signs: Signs, precisions: Sequence[str]
) -> dict[str, dict[str, Table]]:
    """Return losses of all precisions by Taylor's formula, from one pass.

    First order: the mean of D_j, sample j's gradient times the actual rounding errors
    of a layer's parameters and inputs. Second order: half the mean of D_j^2 is added,
    with the empirical Fisher matrix for the Hessian. Parameters and inputs are measured
    apart and added up.

    Returns
    -------
    dict of str to dict of str to Table
        ``"first order"`` and ``"second order"``, by precision.
    """
    weights = {name: weight_options(name, signs) for name in precisions}
    inputs = {name: input_options(name) for name in precisions}
    every = [
        own
        for kinds in (weights, inputs)
        for options in kinds.values()
        for own in options.values()
    ]
    metrics = ["signed_first_order", "loss_mse"]
    found = calibrate(network.model, batches, network.loss, every, metrics)
    first, squares = found["signed_first_order"], found["loss_mse"]
    errors = np.nan_to_num(first.standard_error)
    values = {
        "first order": first.values,
        "second order": first.values + squares.values / 2,
    }
    column = {p.name: i for i, p in enumerate(every)}
    return {
        order: _tables(array, errors, column, weights, inputs)
        for order, array in values.items()
    }


def _tables(
    every: Floats,
    every_error: Floats,
    column: Mapping[str, int],
    weights: Mapping[str, Mapping[str, LayerPrecision]],
    inputs: Mapping[str, Mapping[str, LayerPrecision]],
) -> dict[str, Table]:
    """Add what parameters and inputs lose, option by option."""
    tables = {}
    for name in weights:
        pairs = {kind: (kind, "nearest") for kind in weights[name]}
        if inputs[name]:
            pairs |= {f"x {kind}": ("nearest", kind) for kind in DIRECTIONS}
        values, errors = (
            np.stack(
                [
                    array[:, column[weights[name][w].name]]
                    + (array[:, column[inputs[name][x].name]] if inputs[name] else 0.0)
                    for w, x in pairs.values()
                ],
                axis=1,
            )
            for array in (every, every_error)
        )
        tables[name] = Table(tuple(pairs), values, errors)
    return tables


def measured(network: Network, batches: Batches, signs: Signs, precision: str) -> Table:
    """Return the loss change of each layer rounded alone."""
    assert precision in PRECISIONS
    options = joined(precision, signs)
    scores = calibrate(
        network.model, batches, network.loss, list(options.values()), ["measured"]
    )["measured"]
    return Table(tuple(options), scores.values, scores.standard_error)
