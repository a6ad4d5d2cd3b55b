"""Batches of calibration data, and how a model is called with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from mpsolve.errors import InvalidParameterError, MPSolveError

__all__ = ["Batch", "read_batch", "read_batches"]


@dataclass(frozen=True)
class Batch:
    """One batch, ready for the model.

    Attributes
    ----------
    index : int
        Its place in the stream, from 0.
    args, kwargs : tuple, dict
        What the model is called with.
    targets : object
        What the loss compares the model's output with.
    num_samples : int
        Length of the first dimension of the first input.
    """

    index: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    targets: Any
    num_samples: int

    def run(self, model: torch.nn.Module) -> Any:
        """Return the model's output for this batch.

        Raises
        ------
        InvalidParameterError
            If the model does not run with it.
        """
        try:
            return model(*self.args, **self.kwargs)
        except (MPSolveError, torch.OutOfMemoryError):
            raise
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            given = tree_leaves((self.args, self.kwargs))
            shapes = [tuple(x.shape) for x in given if isinstance(x, torch.Tensor)]
            msg = f"data: batch {self.index}: {type(model).__name__} does not run with "
            msg += f"inputs of shape {', '.join(map(str, shapes))}: {error}"
            raise InvalidParameterError(msg) from error

    def to(self, device: torch.device) -> Batch:
        """Return the batch with its tensors on a device."""

        def move(value: Any) -> Any:
            return value.to(device) if isinstance(value, torch.Tensor) else value

        args, kwargs, targets = tree_map(move, (self.args, self.kwargs, self.targets))
        return Batch(self.index, args, kwargs, targets, self.num_samples)


def read_batch(raw: Any, index: int) -> Batch:
    """Read one element of a data stream.

    Parameters
    ----------
    raw : (inputs, targets) or mapping
        `inputs` is a tensor, a tuple of positional inputs or a mapping of named ones. A
        mapping alone is given to the model by names and to the loss as targets.
    index : int
        Its place in the stream.

    Returns
    -------
    Batch

    Raises
    ------
    InvalidParameterError
        If it is neither, or holds no tensor.

    Examples
    --------
    >>> batch = read_batch((torch.zeros(4, 3), torch.zeros(4)), index=0)
    >>> batch.num_samples, len(batch.args)
    (4, 1)
    """
    where = f"data: batch {index}"
    if isinstance(raw, Mapping):
        inputs, targets = raw, raw
    elif isinstance(raw, tuple | list) and len(raw) == 2:
        inputs, targets = raw
    else:
        got = f"{type(raw).__name__}" + (f" of {len(raw)}" if _is_row(raw) else "")
        msg = f"{where} must be (inputs, targets) or a mapping of inputs. Got {got}"
        raise InvalidParameterError(msg)
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    if isinstance(inputs, Mapping):
        kwargs = {str(name): value for name, value in inputs.items()}
    else:
        args = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    if not tensors or tensors[0].ndim == 0:
        msg = f"{where} must hold an input tensor with a dimension of samples"
        raise InvalidParameterError(msg)
    if not tensors[0].shape[0]:
        msg = f"{where} has no samples: its input has shape {tuple(tensors[0].shape)}"
        raise InvalidParameterError(msg)
    return Batch(index, args, kwargs, targets, int(tensors[0].shape[0]))


def read_batches(
    data: Iterable[Any], num_batches: int | None, *, start: int = 0
) -> Iterator[Batch]:
    """Yield the batches of a stream, from `start` on.

    Parameters
    ----------
    data : iterable
        Of what :func:`read_batch` takes. It is read once, a batch at a time.
    num_batches : int, optional
        Stop after this many, counted from the stream's beginning.
    start : int
        Batches to pass over.

    Yields
    ------
    Batch

    Raises
    ------
    InvalidParameterError
        If the stream is empty, or ends before `num_batches`.
    """
    count = 0
    for index, raw in enumerate(data):
        if num_batches is not None and index >= num_batches:
            return
        count = index + 1
        if index >= start:
            yield read_batch(raw, index)
    if count < max(num_batches or 1, start):
        wanted = num_batches or start
        asked = f": it ended after {count} of {wanted}" if count else ""
        msg = f"data: must hold at least one batch{asked}"
        if count:
            msg = f"data: exhausted after {count} batches of the {wanted} asked for"
        raise InvalidParameterError(msg)


def _is_row(raw: Any) -> bool:
    return isinstance(raw, tuple | list)
