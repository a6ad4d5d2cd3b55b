"""The mean loss of a model on data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from mpsolve.torch.batches import read_batches
from mpsolve.torch.losses import make_loss

__all__ = ["mean_loss"]


def mean_loss(
    model: torch.nn.Module,
    data: Iterable[Any],
    loss: Any = "cross_entropy",
    num_batches: int | None = None,
) -> float:
    """Return the mean loss over the samples of a stream of batches.

    Parameters
    ----------
    model : torch.nn.Module
        Run as it is, in evaluation mode or not.
    data, loss, num_batches
        As for :func:`mpsolve.torch.calibrate`.

    Returns
    -------
    float

    Examples
    --------
    >>> model = torch.nn.Identity()
    >>> mean_loss(model, [(torch.ones(2, 3), torch.zeros(2, 3))], "squared_error")
    1.0
    """
    made = make_loss(loss)
    place = next((p.device for p in model.parameters()), torch.device("cpu"))
    total, count = 0.0, 0
    with torch.no_grad():
        for batch in read_batches(data, num_batches):
            moved = batch.to(place)
            mean = made.mean(moved.run(model), moved.targets)
            total += batch.num_samples * float(mean)
            count += batch.num_samples
    return total / count
