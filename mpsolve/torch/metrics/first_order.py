"""What actual rounding errors do to the loss, to first order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.metrics.errors_of_rounding import (
    nominal_input_error,
    relative_error,
)
from mpsolve.torch.metrics.mean_of_samples import MeanOfSamples
from mpsolve.torch.metrics.protocol import (
    Context,
    Estimate,
    State,
    as_array,
    tied_total,
)
from mpsolve.torch.rounding import is_relative
from mpsolve.torch.samples import Moments

__all__ = ["EmpiricalFisher", "LossMSE", "SignedFirstOrder"]


class SignedFirstOrder(MeanOfSamples):
    r"""The mean loss change of actual rounding errors, to first order, with its sign.

    The value is :math:`\mathrm{mean}_j D_{jlk}` with :math:`D_{jlk} = \langle \partial
    \ell_j / \partial x_l, Q_k(x_{lj}) - x_{lj} \rangle + \langle \partial \ell_j /
    \partial w_l, Q_k(w_l) - w_l \rangle`. It is negative where rounding lowers the loss
    of these samples.

    Notes
    -----
    Unit: nats (that of the loss). Any sign. The standard error is over samples; a gain
    of about its size need not hold on other data. Calls of a layer add up.
    """

    name = "signed_first_order"
    is_signed = True
    needs = frozenset({"input_effect", "weight_effect"})

    def _values(self, record: Mapping[str, Any], context: Context) -> torch.Tensor:
        return _first_order(record)


class EmpiricalFisher(MeanOfSamples):
    r"""Quadratic form of the empirical Fisher matrix, at the parameters' actual error.

    The value is :math:`\frac12 \Delta w^\top F \Delta w = \frac12 \mathrm{mean}_j
    \langle \partial \ell_j / \partial w_l, \Delta w \rangle^2` with :math:`\Delta w =
    Q_k(w_l) - w_l` and :math:`F = \mathrm{mean}_j\, g_j g_j^\top`, the Hessian's
    stand-in where the model fits its data [1]_. Neither a diagonal nor a block of it is
    taken:
    :math:`\langle g_j, \Delta w \rangle` is exact for layers that are linear in their
    parameters. Inputs' errors do not count.

    Notes
    -----
    Unit: nats (that of the loss). Of layers that share parameters each gets its share,
    which may be negative; their sum is the form of the shared error. The standard error
    is over samples.

    References
    ----------
    .. [1] F. Kunstner, L. Balles and P. Hennig, "Limitations of the empirical Fisher
       approximation for natural gradient descent", NeurIPS 2019, arXiv 1905.12558.
    """

    name = "empirical_fisher"
    needs = frozenset({"weight_effect"})

    def _values(self, record: Mapping[str, Any], context: Context) -> torch.Tensor:
        effect: torch.Tensor = record["weight_effect"]
        return 0.5 * effect * tied_total(effect, context.ties)


def _first_order(record: Mapping[str, Any]) -> torch.Tensor:
    """Return each sample's loss change, to first order in all errors of a layer."""
    effect: torch.Tensor = record["input_effect"] + record["weight_effect"]
    return effect


class LossMSE(MeanOfSamples):
    r"""Mean squared loss change of a sample, to first order.

    Parameters
    ----------
    estimator : {1, 2, 3}
        1. :math:`\mathrm{mean}_j D_{jlk}^2`, with :math:`D_{jlk}` as in
           :class:`SignedFirstOrder`: the errors as they are. At the layer's output z it
           is :math:`\langle g_j, \Delta z_j \rangle^2` with :math:`\Delta z = Q(w) x +
           w Q(x) - 2 w x`.
        2. :math:`\mathrm{mean}_j \sum_i g_{ji}^2 \Delta z_{ji}^2` with :math:`\Delta z
        =
           z(Q(w), Q(x)) - z(w, x)`: errors of outputs' elements taken for independent.
        3. Errors of elements independent, of random sign, and as large as the format
           makes them: for floating-point formats :math:`\alpha_k (\|x_j \circ
           \partial\ell_j/\partial x\|^2 + \|w \circ \partial\ell_j/\partial w\|^2)`,
           for others :math:`e_k^2 \|\partial\ell_j/\partial x\|^2` and the same for
           parameters, whose terms are estimated by one draw of signs for each batch.
    products : bool
        With estimator 1, count what the product of both errors adds to the output:
        :math:`\Delta z = z(Q(w), Q(x)) - z(w, x)`. It is of second order in the errors,
        and costs a run of the layer for each precision.

    Notes
    -----
    Unit: the loss's squared (nats²). Nonnegative, but for layers that share parameters:
    with estimators 1 and 3 each gets its share, which may be negative. The standard
    error is over samples, with estimator 3 over batches, which draw the signs. It is
    the metric of the Gaudi paper [1]_, derived here from its abstract's description.

    References
    ----------
    .. [1] S. Markovich-Golan et al., arXiv 2505.13060.
    """

    unit = "nats^2"

    def __init__(
        self, estimator: Literal[1, 2, 3] = 1, *, products: bool = False
    ) -> None:
        names = {
            1: ("loss_mse", {"input_effect", "weight_effect"}),
            2: ("loss_mse_elements", {"output_effect_elements"}),
            3: (
                "loss_mse_noise",
                {
                    "input_gradient",
                    "input_relative",
                    "input_norm",
                    "input_size",
                    "weight_noise",
                },
            ),
        }
        if products and estimator == 1:
            names[1] = ("loss_mse_output", {"output_effect"})
        if estimator not in names:
            msg = f"estimator must be 1, 2 or 3. Got {estimator!r}"
            raise InvalidParameterError(msg)
        self.estimator = estimator
        self.products = products
        self.name, needs = names[estimator]
        self.needs = frozenset(needs)

    def start(self, context: Context) -> State:
        """Return the sums before the first batch."""
        if self.estimator != 3:
            return super().start(context)
        state = Moments("value").start(context.shape)
        for name in ("gradient", "norm", "size"):
            state |= Moments(name).start((len(context.layers),))
        return state

    def update(
        self,
        state: State,
        record: Mapping[str, Any],
        num_samples: int,
        context: Context,
    ) -> None:
        """Add a batch's samples to the sums."""
        if self.estimator != 3:
            super().update(state, record, num_samples, context)
        else:
            # A batch's samples share their draw of signs: the batch is the observation.
            values = self._values(record, context).mean(-1, keepdim=True)
            Moments("value").add(state, values, num_samples)
            for name in ("gradient", "norm", "size"):
                values = record[f"input_{name}"]
                Moments(name).add(state, values, num_samples)

    def finish(self, state: State, context: Context) -> Estimate:
        """Return the mean over samples."""
        if self.estimator != 3:
            return super().finish(state, context)
        mean, error = Moments("value").estimate(state)
        gradient, gradient_error = Moments("gradient").estimate(state)
        squares, _ = Moments("norm").estimate(state)
        size, _ = Moments("size").estimate(state)
        nominal = nominal_input_error(context, (squares / size.clamp(min=1)).sqrt())
        is_absolute = torch.tensor(
            [not is_relative(p.input) for p in context.precisions]
        )
        nominal = torch.where(is_absolute, nominal, 0.0).square()
        return Estimate(
            as_array(mean + nominal * gradient[:, None]),
            as_array(error + nominal * gradient_error[:, None]),
        )

    def _values(self, record: Mapping[str, Any], context: Context) -> torch.Tensor:
        if self.estimator == 1:
            effect = record["output_effect"] if self.products else _first_order(record)
            return effect * tied_total(effect, context.ties)
        if self.estimator == 2:
            elements: torch.Tensor = record["output_effect_elements"]
            return elements
        dtype = next(iter(context.layers[0].parameters.values())).dtype
        alpha = torch.tensor(
            [
                relative_error(p.input, dtype) if is_relative(p.input) else 0.0
                for p in context.precisions
            ],
            dtype=torch.float64,
        )
        inputs: torch.Tensor = alpha[:, None] * record["input_relative"][:, None, :]
        weights: torch.Tensor = record["weight_noise"]
        return inputs + weights * tied_total(weights, context.ties)
