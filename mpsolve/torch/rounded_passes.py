"""Forward passes with one layer, or two, rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import torch

from mpsolve.torch.batches import Batch
from mpsolve.torch.layers import Layer
from mpsolve.torch.losses import Loss, logits_of
from mpsolve.torch.metrics.protocol import Context
from mpsolve.torch.output_pairs import output_feature
from mpsolve.torch.rounding import rounded

__all__ = ["ROUNDED_QUANTITIES", "rounded_passes"]

#: rounded_loss: loss change, (layers, precisions, observations); rounded_kl: divergence
#: of the outputs, (layers, precisions, samples); pair_loss: interaction of two layers,
#: (layers, precisions, layers, precisions, observations), the first layer the earlier;
#: output_pairs: that of the divergence, to second order, from single layers' passes.
ROUNDED_QUANTITIES = frozenset(
    {"rounded_loss", "rounded_kl", "pair_loss", "output_pairs"}
)


def rounded_passes(
    batch: Batch, context: Context, needs: frozenset[str], tick: Callable[[], None]
) -> dict[str, torch.Tensor]:
    """Run a batch with every layer at every precision, and with every pair if asked.

    Parameters
    ----------
    batch : Batch
    context : Context
    needs : frozenset of str
        Of `ROUNDED_QUANTITIES`.
    tick : callable
        Called after every forward pass.

    Returns
    -------
    dict of str to Tensor
        Float64, on the CPU. Layers that share parameters are rounded together, and
        stand at the first of them; the others hold zeros.
    """
    groups = tied_groups(context)
    num_layers, num_precisions = context.shape
    with torch.no_grad():
        output = batch.run(context.model)
        base = _losses(context.loss, output, batch)
        reference = None
        if needs & {"rounded_kl", "output_pairs"}:
            reference = _log_probabilities(output, context.loss)
            weights = _position_weights(reference.shape[:-1], batch, reference.device)
        del output
        shape = (num_layers, num_precisions)
        change = torch.zeros(*shape, len(base), dtype=torch.float64)
        divergence = torch.zeros(*shape, batch.num_samples, dtype=torch.float64)
        features: list[torch.Tensor] = []
        for group in groups:
            for k in range(num_precisions):
                output = _run(batch, context, [(group, k)])
                change[group[0], k] = _losses(context.loss, output, batch) - base
                if reference is not None:
                    other = _log_probabilities(output, context.loss)
                    terms = _divergences(reference, other) * weights
                    by_sample = terms.reshape(batch.num_samples, -1)
                    divergence[group[0], k] = by_sample.sum(1).cpu()
                    if "output_pairs" in needs:
                        features.append(output_feature(reference, other, weights))
                del output
                tick()
        record = {"rounded_loss": change}
        if "rounded_kl" in needs:
            record["rounded_kl"] = divergence
        if features:
            products = _products(features, groups, context)
            record["output_pairs"] = products / batch.num_samples
        if "pair_loss" in needs:
            pairs = torch.zeros(*shape, *shape, len(base), dtype=torch.float64)
            for a, k, b, h in _pairs(groups, num_precisions):
                output = _run(batch, context, [(a, k), (b, h)])
                total = _losses(context.loss, output, batch) - base
                alone = change[a[0], k] + change[b[0], h]
                pairs[a[0], k, b[0], h] = total - alone
                tick()
            record["pair_loss"] = pairs
    return record


def tied_groups(context: Context) -> list[tuple[int, ...]]:
    """Return the positions of layers that are rounded together."""
    tied = {i: tie for tie in context.ties for i in tie}
    groups = [tied.get(i, (i,)) for i in range(len(context.layers))]
    return [group for i, group in enumerate(groups) if group[0] == i]


def num_passes(context: Context, needs: frozenset[str]) -> int:
    """Return how many forward passes a batch takes."""
    width = len(tied_groups(context)) * len(context.precisions)
    if "pair_loss" not in needs:
        return width
    groups = len(tied_groups(context))
    return width + groups * (groups - 1) // 2 * len(context.precisions) ** 2


def _pairs(
    groups: list[tuple[int, ...]], num_precisions: int
) -> Iterator[tuple[tuple[int, ...], int, tuple[int, ...], int]]:
    for i, first in enumerate(groups):
        for second in groups[i + 1 :]:
            for k in range(num_precisions):
                for h in range(num_precisions):
                    yield first, k, second, h


def _run(
    batch: Batch, context: Context, choices: list[tuple[tuple[int, ...], int]]
) -> Any:
    """Return the output with some groups of layers rounded."""
    with ExitStack() as stack:
        for group, k in choices:
            for i in group:
                layer: Layer = context.layers[i]
                stack.enter_context(rounded(layer, context.precisions[k]))
        return batch.run(context.model)


def _losses(loss: Loss, output: Any, batch: Batch) -> torch.Tensor:
    return loss.values(output, batch.targets).double().cpu()


def _log_probabilities(output: Any, loss: Loss) -> torch.Tensor:
    """Return log-probabilities, classes last."""
    logits = logits_of(output).double().movedim(loss.class_dimension, -1)
    return torch.log_softmax(logits, dim=-1)


def _position_weights(
    shape: torch.Size, batch: Batch, device: torch.device
) -> torch.Tensor:
    """Return what each prediction counts; those of a sample share 1."""
    targets = batch.targets
    is_meant = torch.ones(shape, dtype=torch.float64, device=device)
    # Padding predicts nothing.
    if isinstance(targets, torch.Tensor) and targets.shape == shape:
        is_meant = (targets != -100).double()
    counts = is_meant.reshape(batch.num_samples, -1).sum(1).clamp(min=1)
    rows = is_meant.reshape(batch.num_samples, -1) / counts[:, None]
    return rows.reshape(shape)


def _divergences(reference: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return KL(p || q) of each prediction, in nats."""
    return (reference.exp() * (reference - other)).sum(-1)


def _products(
    features: list[torch.Tensor], groups: list[tuple[int, ...]], context: Context
) -> torch.Tensor:
    """Return the products of all pairs of features, of different groups."""
    num_precisions = len(context.precisions)
    stacked = torch.stack(features)
    gram = (stacked @ stacked.T).double().cpu()
    shape = context.shape
    pairs = torch.zeros(*shape, *shape, 1, dtype=torch.float64)
    for i, first in enumerate(groups):
        for j in range(i + 1, len(groups)):
            rows = slice(i * num_precisions, (i + 1) * num_precisions)
            columns = slice(j * num_precisions, (j + 1) * num_precisions)
            pairs[first[0], :, groups[j][0], :, 0] = gram[rows, columns]
    return pairs
