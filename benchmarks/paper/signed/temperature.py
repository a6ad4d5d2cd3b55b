"""A network's outputs, and the one number that makes any of them less certain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.paper.networks import Batches

__all__ = ["Outputs", "best_temperature", "outputs_of"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outputs:
    """Logits of every prediction that counts.

    Attributes
    ----------
    logits : Tensor of float32, shape (predictions, classes)
    targets : Tensor of int64, shape (predictions,)
    sample : Tensor of int64, shape (predictions,)
        To which image or story a prediction belongs.
    """

    logits: Tensor
    targets: Tensor
    sample: Tensor

    def first(self, samples: int) -> Outputs:
        """Return those of the first samples."""
        own = self.sample < samples
        return Outputs(self.logits[own], self.targets[own], self.sample[own])

    def losses(self, temperature: float = 1.0) -> Floats:
        """Return each sample's summed cross-entropy, in mean numbers of predictions.

        So that their mean is that of all predictions, and samples are what is paired.
        """
        each = functional.cross_entropy(
            self.logits.double() / temperature, self.targets, reduction="none"
        )
        num_samples = int(self.sample.max()) + 1
        sums = torch.zeros(num_samples, dtype=torch.float64)
        sums.index_add_(0, self.sample, each)
        return np.asarray(sums * num_samples / len(each))

    def accuracy(self) -> float:
        """Return the part of the predictions that is right."""
        return float((self.logits.argmax(1) == self.targets).double().mean())


@torch.no_grad()
def outputs_of(model: nn.Module, batches: Batches) -> Outputs:
    """Run a model over batches."""
    logits, targets, samples, count = [], [], [], 0
    for x, y in batches:
        z = model(x)
        z = z.reshape(-1, z.shape[-1])
        numbers = torch.arange(count, count + len(y)).reshape(-1, *[1] * (y.ndim - 1))
        own = y.flatten() != -100
        logits.append(z[own])
        targets.append(y.flatten()[own])
        samples.append(numbers.expand_as(y).flatten()[own])
        count += len(y)
    return Outputs(torch.cat(logits), torch.cat(targets), torch.cat(samples))


def best_temperature(outputs: Outputs) -> float:
    """Return what to divide logits by for the least mean loss, by Newton's method."""
    # In b = 1 / T the loss is convex.
    z, b = outputs.logits.double(), 1.0
    right = z.gather(1, outputs.targets[:, None])[:, 0].mean()
    for _ in range(30):
        p = (b * z).softmax(1)
        mean = (p * z).sum(1)
        slope = float(mean.mean() - right)
        bend = float(((p * z.square()).sum(1) - mean.square()).mean())
        if bend <= 0:
            break
        step = slope / bend
        b = max(b - step, b / 4)
        if abs(step) < 1e-10 * b:
            break
    return 1.0 / b
