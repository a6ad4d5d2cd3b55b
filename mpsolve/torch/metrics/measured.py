"""What rounding does when it is done: forward passes with rounded layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mpsolve.torch.metrics.mean_of_samples import MeanOfSamples
from mpsolve.torch.metrics.protocol import Context, Estimate, State, as_array
from mpsolve.torch.samples import Moments

__all__ = ["Measured", "MeasuredPairs", "OutputKL", "OutputKLPairs"]


class Measured(MeanOfSamples):
    r"""The loss change with one layer rounded and all others as they are.

    :math:`L(w_l \to Q_k(w_l), x_l \to Q_k(x_l)) - L`, one forward pass for each layer
    and precision.

    Notes
    -----
    Unit: that of the loss (nats). Any sign. The standard error is over samples, or over
    batches where the loss tells only their means. Layers that share parameters are
    rounded together, and stand at the first of them.
    """

    name = "measured"
    unit = "nats"
    is_signed = True
    needs = frozenset({"rounded_loss"})
    quantity = "rounded_loss"


class OutputKL(Measured):
    r"""Divergence of the model's output distribution with one layer rounded.

    :math:`\mathrm{mean}_j\, \mathrm{KL}(p_j \| q_j)` with p the softmax of the outputs
    of the model as it is, and q with layer l rounded. Needs no labels.

    Notes
    -----
    Unit: nats. Nonnegative. The standard error is over samples; a sample's divergence
    is the mean over its positions.
    """

    name = "output_kl"
    is_signed = False
    needs = frozenset({"rounded_kl"})
    quantity = "rounded_kl"


class MeasuredPairs(Measured):
    r"""The loss change of every layer, and what every pair of layers adds to it.

    For layers l < m at precisions k and h: :math:`L(l{:}k, m{:}h) - L - \Omega_l(k) -
    \Omega_m(h)` with :math:`\Omega` as in :class:`Measured` [1]_. The problem gets them
    as couplings. One forward pass for each pair of options: quadratic in the layers.

    Notes
    -----
    Unit: that of the loss (nats). Any sign.

    References
    ----------
    .. [1] Z. Deng et al., "Mixed-Precision Quantization with Cross-Layer Dependencies"
       (CLADO), arXiv 2307.05657.
    """

    name = "measured_pairs"
    needs = frozenset({"rounded_loss", "pair_loss"})
    pair_quantity = "pair_loss"

    def start(self, context: Context) -> State:
        """Return the sums before the first batch."""
        shape = context.shape
        return super().start(context) | Moments("pairs").start((*shape, *shape))

    def update(
        self,
        state: State,
        record: Mapping[str, Any],
        num_samples: int,
        context: Context,
    ) -> None:
        """Add a batch's changes to the sums."""
        super().update(state, record, num_samples, context)
        Moments("pairs").add(state, record[self.pair_quantity], num_samples)

    def finish(self, state: State, context: Context) -> Estimate:
        """Return the mean changes and interactions."""
        alone = super().finish(state, context)
        pairs: torch.Tensor = Moments("pairs").estimate(state)[0]
        return Estimate(alone.values, alone.standard_error, pairs=as_array(pairs))


class OutputKLPairs(MeasuredPairs):
    r"""Divergence of the outputs with one layer rounded, and what pairs add to it.

    Values are those of :class:`OutputKL`. With :math:`D_{jlk}` the change of sample j's
    outputs when layer l alone has precision k, layers l < m at k and h add
    :math:`\mathrm{mean}_j\, D_{jlk}^\top F_j D_{jmh}` with :math:`F_j =
    \mathrm{diag}(p_j) - p_j p_j^\top`: the Gauss-Newton form of the divergence, whose
    Hessian in the outputs is F. The problem gets them as couplings. They come with the
    passes of `OutputKL`: no pair is run.

    Notes
    -----
    Unit: nats. Pairs have any sign, and make with :math:`\frac12 D^\top F D` a positive
    semidefinite form. A batch holds its outputs for every layer and precision at once,
    in float32: where these are many, as in language models, batches have to be small.
    """

    name = "output_kl_pairs"
    is_signed = False
    needs = frozenset({"rounded_kl", "output_pairs"})
    quantity = "rounded_kl"
    pair_quantity = "output_pairs"
