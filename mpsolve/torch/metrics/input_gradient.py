"""Gradients at the layers' inputs: what their errors may cost, to first order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.metrics.errors_of_rounding import nominal_input_error
from mpsolve.torch.metrics.protocol import Context, Estimate, State, as_array
from mpsolve.torch.samples import Moments

__all__ = ["InputGradient"]

#: The quantity that each norm averages.
QUANTITIES = {
    "rms": "input_gradient",
    "mean": "input_gradient",
    "l1": "input_gradient_l1",
    "sum": "input_gradient",
}


class InputGradient:
    r"""Norm of the gradient at a layer's input, times the size of the input's error.

    With :math:`g_{lj}` the gradient of sample j's loss at the input of layer l, the
    value is :math:`s_l e_{lk}`: an upper bound, to first order, of the mean loss change
    that rounding the input can cause. Parameters' errors do not count [1]_.

    Parameters
    ----------
    norm : {"rms", "mean", "l1", "sum"}
        :math:`s_l` is :math:`\sqrt{\mathrm{mean}_j \|g_{lj}\|^2}` by default;
        :math:`\mathrm{mean}_j \|g_{lj}\|`; :math:`\mathrm{mean}_j \|g_{lj}\|_1`; or
        :math:`\|\mathrm{mean}_j g_{lj}\|`, which is what the paper's theory has, and
        which vanishes at a layer with bias of a converged model.
    errors : {"nominal", "measured"}
        :math:`e_{lk}` is the norm of the error of an input of the layer's mean square
        and of normal values (with `l1`: its largest element), which costs nothing; or
        the root mean square, over samples, of the actual errors' norms, for which every
        input is rounded.

    Notes
    -----
    Unit: nats (that of the loss); `sensitivity` is :math:`s_l`, in nats for each unit
    of the input. Nonnegative. The standard error is that of :math:`s_l` over samples;
    with ``"sum"`` the root mean square distance of the mean gradient from its
    expectation. A layer that is called several times counts every call's input.

    References
    ----------
    .. [1] W. Cheng and P. Chen, "Quantization in Layer's Input is Matter", arXiv
       2202.05137.
    """

    unit = "nats"
    is_signed = False

    def __init__(
        self,
        norm: Literal["rms", "mean", "l1", "sum"] = "rms",
        errors: Literal["nominal", "measured"] = "nominal",
    ) -> None:
        if norm not in QUANTITIES:
            msg = f"norm must be one of {', '.join(QUANTITIES)}. Got {norm!r}"
            raise InvalidParameterError(msg)
        if errors not in ("nominal", "measured"):
            msg = f"errors must be 'nominal' or 'measured'. Got {errors!r}"
            raise InvalidParameterError(msg)
        self.norm = norm
        self.errors = errors
        self.name = "input_gradient" if norm == "rms" else f"input_gradient_{norm}"
        needs = {QUANTITIES[norm]}
        if norm == "sum":
            needs.add("input_gradient_sum")
        if errors == "nominal":
            needs |= {"input_norm", "input_size"}
        else:
            needs.add("input_error")
        self.needs = frozenset(needs)

    def start(self, context: Context) -> State:
        """Return the sums before the first batch."""
        state = Moments("gradient").start((len(context.layers),))
        state |= Moments("norm").start((len(context.layers),))
        state |= Moments("size").start((len(context.layers),))
        if self.errors == "measured":
            state |= Moments("error").start(context.shape)
        return state

    def update(
        self,
        state: State,
        record: Mapping[str, Any],
        num_samples: int,
        context: Context,
    ) -> None:
        """Add a batch's norms to the sums."""
        values = record[QUANTITIES[self.norm]]
        if self.norm == "mean":
            values = values.sqrt()
        Moments("gradient").add(state, values, num_samples)
        if self.norm == "sum":
            self._add_sums(state, record["input_gradient_sum"], context)
        if self.errors == "measured":
            Moments("error").add(state, record["input_error"], num_samples)
        else:
            Moments("norm").add(state, record["input_norm"], num_samples)
            Moments("size").add(state, record["input_size"], num_samples)

    def finish(self, state: State, context: Context) -> Estimate:
        """Return s_l e_lk."""
        mean, error = Moments("gradient").estimate(state)
        if self.norm == "rms":
            sensitivity = mean.sqrt()
            error = torch.where(mean > 0, error / (2 * sensitivity), 0.0)
        elif self.norm == "sum":
            sensitivity, error = self._norm_of_sum(state, mean, context)
        else:
            sensitivity = mean
        sizes = self._error_sizes(state, context)
        return Estimate(
            as_array(sensitivity[:, None] * sizes),
            as_array(error[:, None] * sizes),
            as_array(sensitivity),
        )

    def _error_sizes(self, state: State, context: Context) -> torch.Tensor:
        if self.errors == "measured":
            return Moments("error").estimate(state)[0].sqrt()
        squares, _ = Moments("norm").estimate(state)
        size, _ = Moments("size").estimate(state)
        scale = (squares / size.clamp(min=1)).sqrt()
        element = nominal_input_error(context, scale, largest=self.norm == "l1")
        return element if self.norm == "l1" else element * size.sqrt()[:, None]

    def _add_sums(self, state: State, sums: list[Any], context: Context) -> None:
        for i, total in enumerate(sums):
            if total is None:
                continue
            key = f"vector.{i}"
            held = state.get(key)
            if held is not None and held.shape != total.shape:
                msg = (
                    f"layer {context.layers[i].name!r}: {self.name} adds gradients of "
                )
                msg += "all batches, whose samples must have one shape. Got "
                msg += f"{total.numel()} elements after {held.numel()}"
                raise InvalidParameterError(msg)
            state[key] = total.cpu() if held is None else held + total.cpu()

    def _norm_of_sum(
        self, state: State, mean_square: torch.Tensor, context: Context
    ) -> tuple[torch.Tensor, torch.Tensor]:
        total = float(state["gradient.weights"][0])
        norms = torch.zeros(len(context.layers), dtype=torch.float64)
        for i in range(len(context.layers)):
            if f"vector.{i}" in state:
                norms[i] = torch.linalg.vector_norm(state[f"vector.{i}"]) / total
        spread = (mean_square - norms.square()).clamp(min=0)
        return norms, (spread / max(total - 1, 1)).sqrt()
