"""Layouts of bootstrap resamples of the calibration samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import mpsolve
from benchmarks.paper.budgets.expansion import Expansion, expansion_problem
from benchmarks.paper.rounded import Choices, RoundedNetwork

__all__ = ["METRICS", "Resampler", "disagreement", "upper_bound"]

Floats = npt.NDArray[np.float64]

#: What a sample's values are: its loss change, its divergence, and the divergence with
#: the second-order terms of all pairs.
METRICS = ("measured", "output_kl", "kl_pairs")


def upper_bound(values: Floats, counts: npt.NDArray[np.int64], z: float) -> Floats:
    """Return mean + z standard errors over samples that were drawn `counts` times.

    Parameters
    ----------
    values : ndarray, shape (..., samples)
    counts : ndarray, shape (samples,)
    z : float
    """
    total = int(counts.sum())
    mean = values @ counts / total
    if not z:
        return mean
    variance = np.maximum(values**2 @ counts / total - mean**2, 0) * total / (total - 1)
    return np.asarray(mean + z * np.sqrt(variance / total))


@dataclass(frozen=True)
class Resampler:
    """Solves for the layouts of samples drawn again.

    Attributes
    ----------
    network : RoundedNetwork
    expansion : Expansion
        Around full precision, of all samples.
    budgets : sequence of int
        Bytes.
    """

    network: RoundedNetwork
    expansion: Expansion
    budgets: Sequence[int]

    def layouts(
        self, metric: str, counts: npt.NDArray[np.int64], z: float = 0.0
    ) -> list[Choices]:
        """Return a layout for every budget, from samples with multiplicities."""
        found = self.expansion
        values = found.loss if metric == "measured" else found.divergence
        pairs = None
        if metric == "kl_pairs":
            pairs = self._pairs(counts)
        problem = expansion_problem(self.network, upper_bound(values, counts, z), pairs)
        bounds = [{"memory": budget} for budget in self.budgets]
        results = mpsolve.solve_many(problem, bounds)
        layouts = []
        for result in results:
            assert result.reason == "OPTIMAL", result
            layouts.append(tuple(result.layout.choices.tolist()))
        return layouts

    def _pairs(self, counts: npt.NDArray[np.int64]) -> Floats:
        features = self.expansion.features
        assert features is not None, "pairs of resamples need features"
        drawn = np.flatnonzero(counts)
        roots = np.sqrt(counts[drawn] / counts.sum()).astype(np.float32)
        rows = (features[:, drawn] * roots[:, None]).reshape(len(features), -1)
        gram = (rows @ rows.T).astype(np.float64)
        return gram.reshape(*self.network.shape, *self.network.shape)

    def draws(
        self, size: int, count: int, seed: int
    ) -> Iterator[npt.NDArray[np.int64]]:
        """Yield multiplicities of `count` resamples of the first `size` samples."""
        rng = np.random.default_rng((seed, size))
        total = self.expansion.divergence.shape[-1]
        for _ in range(count):
            rows = rng.integers(size, size=size)
            yield np.bincount(rows, minlength=total)

    def first(self, size: int) -> npt.NDArray[np.int64]:
        """Return the multiplicities of the first `size` samples themselves."""
        counts = np.zeros(self.expansion.divergence.shape[-1], dtype=np.int64)
        counts[:size] = 1
        return counts


def disagreement(layouts: Sequence[Choices], reference: Choices) -> Floats:
    """Return how often each decision differs from the reference's."""
    return (np.array(layouts) != np.array(reference)).mean(0)
