"""What a metric is: the quantities it needs, sums over batches, and an estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from mpsolve.torch.layers import Layer
from mpsolve.torch.losses import Loss
from mpsolve.torch.precisions import LayerPrecision

__all__ = ["Context", "Estimate", "Metric", "State"]

#: Sums over samples: tensors that add up over batches and over processes.
State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Context:
    """What metrics know besides a batch's record.

    Attributes
    ----------
    model : torch.nn.Module
    layers : tuple of Layer
    precisions : tuple of LayerPrecision
    loss : Loss
    ties : tuple of tuple of int
        Positions of layers that share parameters; sets of two and more.
    seed : int
    """

    model: torch.nn.Module
    layers: tuple[Layer, ...]
    precisions: tuple[LayerPrecision, ...]
    loss: Loss
    ties: tuple[tuple[int, ...], ...] = ()
    seed: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Number of layers and of precisions."""
        return len(self.layers), len(self.precisions)


@dataclass(frozen=True)
class Estimate:
    """A metric's values for every layer and precision.

    Attributes
    ----------
    values : ndarray, shape (num_layers, num_precisions)
        What is minimised, in the metric's unit.
    standard_error : ndarray, shape (num_layers, num_precisions)
        NaN where a single observation tells nothing about it.
    sensitivity : ndarray, shape (num_layers,), optional
        What a layer contributes to the values, without any precision.
    pairs : ndarray, shape (layers, precisions, layers, precisions), optional
        What two layers' precisions add to the sum of their values.
    """

    values: npt.NDArray[np.float64]
    standard_error: npt.NDArray[np.float64]
    sensitivity: npt.NDArray[np.float64] | None = None
    pairs: npt.NDArray[np.float64] | None = field(default=None, repr=False)


@runtime_checkable
class Metric(Protocol):
    """How much a layer's precision matters.

    Attributes
    ----------
    name : str
    unit : str
        ``"nats"`` where the loss is a cross-entropy; in general that of the loss.
    is_signed : bool
        Whether values may be negative.
    needs : frozenset of str
        Quantities that each record is to hold; see :mod:`mpsolve.torch.records`.
    """

    name: str
    unit: str
    is_signed: bool
    needs: frozenset[str]

    def start(self, context: Context) -> State:
        """Return the sums before the first batch."""
        ...

    def update(
        self,
        state: State,
        record: Mapping[str, Any],
        num_samples: int,
        context: Context,
    ) -> None:
        """Add a batch's record to the sums."""
        ...

    def finish(self, state: State, context: Context) -> Estimate:
        """Return the estimate that the sums amount to."""
        ...


def as_array(values: torch.Tensor) -> npt.NDArray[np.float64]:
    """Return a float64 array of a tensor."""
    return np.array(values.detach().cpu().double().numpy())


def tied_total(values: torch.Tensor, ties: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return each layer's set's sum: its own values where it is tied to none."""
    total = values.clone()
    for tie in ties:
        indices = list(tie)
        total[indices] = values[indices].sum(0, keepdim=True)
    return total
