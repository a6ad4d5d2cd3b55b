"""What metrics share whose value is a mean over samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mpsolve.torch.metrics.protocol import Context, Estimate, State, as_array
from mpsolve.torch.samples import Moments

__all__ = ["MeanOfSamples"]


class MeanOfSamples:
    """A metric whose value is the mean of one number for each sample.

    Attributes
    ----------
    quantity : str
        Of the record: values of samples, layers and precisions. Metrics that compute
        theirs from several define `_values` instead.
    """

    name = ""
    unit = "nats"
    is_signed = False
    needs: frozenset[str] = frozenset()
    quantity = ""

    def start(self, context: Context) -> State:
        """Return the sums before the first batch."""
        return Moments("value").start(context.shape)

    def update(
        self,
        state: State,
        record: Mapping[str, Any],
        num_samples: int,
        context: Context,
    ) -> None:
        """Add a batch's samples to the sums."""
        Moments("value").add(state, self._values(record, context), num_samples)

    def finish(self, state: State, context: Context) -> Estimate:
        """Return the mean over samples."""
        mean, error = Moments("value").estimate(state)
        return Estimate(as_array(mean), as_array(error))

    def _values(self, record: Mapping[str, Any], context: Context) -> torch.Tensor:
        values: torch.Tensor = record[self.quantity]
        return values
