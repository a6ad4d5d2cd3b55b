"""Values of single samples out of a batch's tensors, and their means and errors."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mpsolve.errors import InvalidParameterError

__all__ = ["Moments", "by_sample", "sample_dots"]


def by_sample(values: torch.Tensor, num_samples: int, where: str) -> torch.Tensor:
    """Return a tensor's values as one row for each sample.

    Parameters
    ----------
    values : Tensor
        Its first dimension is the samples, or samples × positions, as where a layer
        sees the tokens of all sequences in one row.
    num_samples : int
    where : str
        Named in the error.

    Returns
    -------
    Tensor
        Shape (num_samples, values per sample).

    Raises
    ------
    InvalidParameterError
        If the first dimension is no multiple of the samples.

    Examples
    --------
    >>> by_sample(torch.zeros(4, 2, 3), 4, "fc").shape
    torch.Size([4, 6])
    >>> by_sample(torch.zeros(8, 3), 4, "fc").shape
    torch.Size([4, 6])
    """
    first = values.shape[0] if values.ndim else 1
    if first % num_samples or (first != num_samples and values.ndim > 2):
        msg = f"{where}: the first dimension of its tensors must be the samples of the "
        msg += f"batch, {num_samples}, or samples × positions of a matrix. Got shape "
        msg += f"{tuple(values.shape)}; leave the layer out with a filter"
        raise InvalidParameterError(msg)
    return values.reshape(num_samples, -1)


def sample_dots(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the dot product of each row, shape (num_samples,), in float64."""
    dots: torch.Tensor = torch.linalg.vecdot(first, second)
    return dots.double()


@dataclass(frozen=True)
class Moments:
    """Names of the sums in a metric's state that make up a mean and its error.

    The sums are additive, over batches and over processes. An observation is a sample,
    or a batch of `weight` samples where only its mean is known.

    Parameters
    ----------
    name : str
        What is averaged; the state's keys begin with it.

    Examples
    --------
    >>> moments = Moments("loss")
    >>> state = moments.start(())
    >>> moments.add(state, torch.tensor([1.0, 2.0, 3.0, 6.0]), 4)
    >>> mean, error = moments.estimate(state)
    >>> float(mean), round(float(error), 4)
    (3.0, 1.0801)
    """

    name: str

    def start(self, shape: tuple[int, ...]) -> dict[str, torch.Tensor]:
        """Return sums of nothing, of a shape."""
        zeros = torch.zeros(shape, dtype=torch.float64)
        counts = torch.zeros(2, dtype=torch.float64)
        return {
            f"{self.name}.sum": zeros,
            f"{self.name}.squares": zeros.clone(),
            f"{self.name}.weights": counts,
        }

    def add(
        self, state: dict[str, torch.Tensor], values: torch.Tensor, num_samples: int
    ) -> None:
        """Add a batch, whose observations are the last dimension of `values`."""
        values = values.double()
        weight = num_samples / values.shape[-1]
        state[f"{self.name}.sum"] += weight * values.sum(-1)
        state[f"{self.name}.squares"] += weight * values.square().sum(-1)
        state[f"{self.name}.weights"] += torch.tensor(
            [num_samples, weight * num_samples], dtype=torch.float64
        )

    def estimate(
        self, state: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean, and its standard error; NaN for a single observation."""
        total, squared = state[f"{self.name}.weights"].tolist()
        mean = state[f"{self.name}.sum"] / total
        variance = (state[f"{self.name}.squares"] / total - mean.square()).clamp(min=0)
        freedom = total**2 / squared - 1
        if freedom < 1e-9:
            return mean, torch.full_like(mean, torch.nan)
        return mean, (variance / freedom).sqrt()
