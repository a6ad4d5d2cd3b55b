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
from mpsolve.torch.rounding import rounded

__all__ = ["ROUNDED_QUANTITIES", "rounded_passes"]

#: rounded_loss: loss change, (layers, precisions, observations); rounded_kl: divergence
#: of the outputs, (layers, precisions, samples); pair_loss: interaction of two layers,
#: (layers, precisions, layers, precisions, observations), the first layer the earlier.
ROUNDED_QUANTITIES = frozenset({"rounded_loss", "rounded_kl", "pair_loss"})


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
        if "rounded_kl" in needs:
            reference = _log_probabilities(output, context.loss)
        del output
        shape = (num_layers, num_precisions)
        change = torch.zeros(*shape, len(base), dtype=torch.float64)
        divergence = torch.zeros(*shape, batch.num_samples, dtype=torch.float64)
        for group in groups:
            for k in range(num_precisions):
                output = _run(batch, context, [(group, k)])
                change[group[0], k] = _losses(context.loss, output, batch) - base
                if reference is not None:
                    divergence[group[0], k] = _divergence(
                        reference, output, context.loss, batch
                    )
                del output
                tick()
        record = {"rounded_loss": change}
        if "rounded_kl" in needs:
            record["rounded_kl"] = divergence
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
    return torch.log_softmax(logits_of(output).double(), dim=loss.class_dimension)


def _divergence(
    reference: torch.Tensor, output: Any, loss: Loss, batch: Batch
) -> torch.Tensor:
    """Return KL(p || q) in nats of each sample, the mean over its positions."""
    other = _log_probabilities(output, loss)
    terms = (reference.exp() * (reference - other)).sum(loss.class_dimension)
    # Padding predicts nothing.
    targets = batch.targets
    if isinstance(targets, torch.Tensor) and targets.shape == terms.shape:
        is_meant = (targets != -100).to(terms.dtype).reshape(batch.num_samples, -1)
        terms = terms.reshape(batch.num_samples, -1)
        total = (terms * is_meant).sum(1) / is_meant.sum(1).clamp(min=1)
        return total.cpu()
    return terms.reshape(batch.num_samples, -1).mean(1).cpu()
