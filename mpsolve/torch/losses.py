"""Losses: what a sample's error costs, by name or as any callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

from mpsolve.errors import InvalidParameterError

__all__ = ["LOSSES", "Loss", "logits_of", "make_loss"]

#: What every sample's loss depends on: the model's output and the batch's targets.
PerSample = Callable[[Any, Any], torch.Tensor]


def logits_of(output: Any) -> torch.Tensor:
    """Return the tensor of a model's output: itself, its ``logits``, or its first."""
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, Mapping):
        output = output.get("logits", next(iter(output.values()), None))
    elif hasattr(output, "logits"):
        output = output.logits
    elif isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, torch.Tensor):
        msg = f"the model's output holds no tensor of logits. Got {type(output)}"
        raise InvalidParameterError(msg)
    return output


def cross_entropy(output: Any, targets: Any) -> torch.Tensor:
    """Return the cross-entropy in nats of each sample, shape (num_samples,)."""
    logits = logits_of(output)
    losses = functional.cross_entropy(logits, targets, reduction="none")
    return losses.flatten(1).mean(1) if losses.ndim > 1 else losses


def next_token(output: Any, targets: Any) -> torch.Tensor:
    """Return each sequence's mean cross-entropy per token, shape (num_sequences,).

    Targets are the tokens that position t is to predict, shape (num_sequences,
    length), -100 where there is none; a mapping's ``labels`` are shifted here, as
    Hugging Face models do.
    """
    logits = logits_of(output)
    if isinstance(targets, Mapping):
        logits, targets = logits[:, :-1], targets["labels"][:, 1:]
    losses: torch.Tensor = functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="none"
    ).view(targets.shape)
    means: torch.Tensor = losses.sum(1) / (targets != -100).sum(1).clamp(min=1)
    return means


def squared_error(output: Any, targets: Any) -> torch.Tensor:
    """Return each sample's mean squared error, shape (num_samples,)."""
    difference: torch.Tensor = logits_of(output) - targets
    return difference.square().flatten(1).mean(1)


#: Losses by name, each with one value a sample.
LOSSES: dict[str, PerSample] = {
    "cross_entropy": cross_entropy,
    "next_token": next_token,
    "squared_error": squared_error,
}


class Loss:
    """The mean loss of a batch, and that of each sample where it is known.

    Parameters
    ----------
    name : str
    mean : callable, optional
        (output, targets) to a scalar: the mean over the batch's samples.
    per_sample : callable, optional
        (output, targets) to a tensor of shape (num_samples,).
    """

    def __init__(
        self,
        name: str,
        mean: PerSample | None = None,
        per_sample: PerSample | None = None,
    ) -> None:
        self.name = name
        #: Which dimension of the model's output runs over classes.
        self.class_dimension = 1 if name == "cross_entropy" else -1
        self._mean = mean
        self._per_sample = per_sample

    def mean(self, output: Any, targets: Any) -> torch.Tensor:
        """Return the mean loss of a batch, a scalar tensor.

        Raises
        ------
        InvalidParameterError
            If the loss is no scalar tensor, or not finite.
        """
        if self._mean is None:
            return self._checked(self._values(output, targets).mean())
        return self._checked(self._mean(output, targets))

    def check_gradient(self, mean: torch.Tensor) -> None:
        """Raise where a mean loss has no gradient."""
        if not mean.requires_grad:
            msg = f"loss {self.name!r} depends on no layer: it has no gradient. Is "
            msg += "part of the model run under no_grad?"
            raise InvalidParameterError(msg)

    def _checked(self, loss: Any) -> torch.Tensor:
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            shape = (
                f"a tensor of shape {tuple(loss.shape)}"
                if isinstance(loss, torch.Tensor)
                else f"a {type(loss).__name__}"
            )
            msg = f"loss {self.name!r} must return a scalar tensor, the mean over the "
            msg += f"batch's samples. Got {shape}"
            raise InvalidParameterError(msg)
        if not torch.isfinite(loss.detach()):
            msg = f"loss {self.name!r} must be finite. Got {loss.item()}"
            raise InvalidParameterError(msg)
        return loss.reshape(())

    def both(self, output: Any, targets: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean loss, and, without gradient, what is known of samples."""
        if self._mean is None:
            values = self._values(output, targets)
            return self._checked(values.mean()), values.detach()
        mean = self.mean(output, targets)
        with torch.no_grad():
            return mean, self.values(output, targets)

    def values(self, output: Any, targets: Any) -> torch.Tensor:
        """Return what the batch tells about single samples.

        Returns
        -------
        Tensor
            Shape (num_samples,), or (1,), the mean, where only that is known.
        """
        if self._per_sample is None:
            return self.mean(output, targets).reshape(1)
        return self._values(output, targets)

    def _values(self, output: Any, targets: Any) -> torch.Tensor:
        values = self._per_sample(output, targets)  # type: ignore[misc]
        if values.ndim != 1:
            msg = f"loss {self.name!r}: one value a sample is wanted, shape "
            msg += f"(num_samples,). Got shape {tuple(values.shape)}"
            raise InvalidParameterError(msg)
        return values


def make_loss(loss: str | Loss | Callable[..., torch.Tensor]) -> Loss:
    """Return the loss of a name or a callable.

    Parameters
    ----------
    loss : str or callable
        ``"cross_entropy"``, ``"next_token"``, ``"squared_error"``; or a callable of
        the model's output and the targets that returns the mean over the samples, a
        scalar. An attribute ``per_sample``, a callable of the same arguments with one
        value a sample, gives finer standard errors.

    Returns
    -------
    Loss

    Raises
    ------
    InvalidParameterError
        If the name is unknown.

    Examples
    --------
    >>> loss = make_loss("squared_error")
    >>> loss.mean(torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1))
    tensor(5.)
    """
    if isinstance(loss, Loss):
        return loss
    if callable(loss):
        name = getattr(loss, "__name__", type(loss).__name__)
        return Loss(name, mean=loss, per_sample=getattr(loss, "per_sample", None))
    if loss not in LOSSES:
        known = ", ".join(LOSSES)
        msg = f"loss must be a callable or one of {known}. Got {loss!r}"
        raise InvalidParameterError(msg)
    return Loss(loss, per_sample=LOSSES[loss])
