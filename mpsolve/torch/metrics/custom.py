"""Any callable as a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.batches import Batch
from mpsolve.torch.metrics.mean_of_samples import MeanOfSamples
from mpsolve.torch.metrics.protocol import Context

__all__ = ["CallableMetric"]


class CallableMetric(MeanOfSamples):
    """A metric whose values a callable returns for each batch.

    Parameters
    ----------
    function : callable
        ``function(context, batch)`` returns an array of shape (num_layers,
        num_precisions): the mean over the batch's samples. `context` is a `Context`,
        `batch` a `Batch`. Its attributes ``unit`` and ``is_signed`` are taken over.
    name : str, optional
        The callable's own where none is given.

    Notes
    -----
    The standard error is over batches.
    """

    needs = frozenset({"batch"})

    def __init__(
        self, function: Callable[[Context, Batch], Any], name: str | None = None
    ) -> None:
        self.function = function
        own = getattr(function, "__name__", type(function).__name__)
        self.name: str = name or str(own)
        self.unit = str(getattr(function, "unit", ""))
        self.is_signed = bool(getattr(function, "is_signed", True))

    def _values(self, record: Mapping[str, Any], context: Context) -> torch.Tensor:
        given = self.function(context, record["batch"])
        values = torch.as_tensor(given).detach().double().cpu()
        if tuple(values.shape) != context.shape:
            msg = (
                f"metric {self.name!r} must return an array of shape {context.shape}, "
            )
            msg += f"layers by precisions. Got {tuple(values.shape)}"
            raise InvalidParameterError(msg)
        if not torch.isfinite(values).all():
            i, k = torch.isfinite(values).logical_not().nonzero()[0].tolist()
            msg = f"metric {self.name!r} must return finite values. Got "
            msg += f"{values[i, k].item()} for layer {context.layers[i].name!r} at "
            msg += context.precisions[k].name
            raise InvalidParameterError(msg)
        return values[..., None]
