"""The mean curvature of the loss in a layer's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.batches import Batch
from mpsolve.torch.distributed import all_agree, is_sharded
from mpsolve.torch.metrics.curvature import (
    Signs,
    by_second_pass,
    by_second_pass_in_parts,
    owned,
)
from mpsolve.torch.metrics.protocol import Context, Estimate, State, as_array
from mpsolve.torch.offloaded import is_offloaded
from mpsolve.torch.rounding import round_tensors, weights_of
from mpsolve.torch.sharded_gradients import whole

__all__ = ["HessianTrace"]

#: Draws before the stopping rule may stop.
FEWEST_DRAWS = 4


class HessianTrace:
    r"""Mean eigenvalue of the Hessian times the parameters' squared error (HAWQ-v2).

    The value is :math:`\sum_p \frac{\mathrm{Tr} H_p}{n_p} \|Q_k(p) - p\|^2` over the
    layer's parameters p, which are its weight and, where the precision rounds it, its
    bias [1]_. Traces are Hutchinson's: :math:`z^\top H z` with random signs z, one
    Hessian-vector product for all layers, of which each takes its part.

    Parameters
    ----------
    tolerance : float
        A batch's draws stop when the standard error of the sum of all traces is at most
        this share of it.
    max_draws : int
        At most this many for a batch; at least 4 are taken.
    in_parts : bool, optional
        Hold a parameter, its signs and its gradients only while its layer runs or runs
        backward, and run the model anew for every draw. It is what models get whose
        parameters are sharded or offloaded.

    Notes
    -----
    Unit: that of the loss (nats). Usually positive; negative where the Hessian's trace
    is. `sensitivity` is the trace divided by the number of parameters. The standard
    error is that of the draws, for these data. Signs depend on the calibration's seed
    and on the batch's place alone. A parameter that layers share counts for the first
    of them, with the curvature of all its uses.

    References
    ----------
    .. [1] Z. Dong et al., "HAWQ-V2: Hessian Aware trace-Weighted Quantization of Neural
       Networks", NeurIPS 2020, arXiv 1911.03852.
    """

    name = "hessian_trace"
    unit = "nats"
    is_signed = True
    needs = frozenset({"batch"})

    def __init__(
        self,
        tolerance: float = 0.02,
        max_draws: int = 100,
        *,
        in_parts: bool | None = None,
    ) -> None:
        if not tolerance >= 0:
            msg = f"tolerance must be >= 0. Got {tolerance!r}"
            raise InvalidParameterError(msg)
        if max_draws < FEWEST_DRAWS:
            msg = f"max_draws must be at least {FEWEST_DRAWS}. Got {max_draws!r}"
            raise InvalidParameterError(msg)
        self.tolerance = tolerance
        self.max_draws = max_draws
        self.in_parts = in_parts

    def start(self, context: Context) -> State:
        """Return the sums before the first batch."""
        zeros = torch.zeros(len(owned(context.layers)), dtype=torch.float64)
        return {
            "traces": zeros,
            "variances": zeros.clone(),
            "samples": torch.zeros((), dtype=torch.float64),
            "draws": torch.zeros((), dtype=torch.float64),
        }

    def update(
        self,
        state: State,
        record: Mapping[str, Any],
        num_samples: int,
        context: Context,
    ) -> None:
        """Add a batch's traces to the sums."""
        mean, variance, draws = self._traces(record["batch"], context)
        state["traces"] += num_samples * mean
        state["variances"] += num_samples**2 * variance
        state["samples"] += num_samples
        state["draws"] += draws

    def finish(self, state: State, context: Context) -> Estimate:
        """Return the traces times the squared errors of the parameters."""
        total = float(state["samples"])
        traces = (state["traces"] / total).tolist()
        errors = (state["variances"].sqrt() / total).tolist()
        values = torch.zeros(context.shape, dtype=torch.float64)
        squared_errors = torch.zeros_like(values)
        sums = torch.zeros(2, len(context.layers), dtype=torch.float64)
        for position, (i, name, _) in enumerate(owned(context.layers)):
            weight = whole(weights_of(context.layers[i])[name]).detach()
            sums[:, i] += torch.tensor([traces[position], weight.numel()])
            for k, precision in enumerate(context.precisions):
                rounded = round_tensors({name: weight}, precision)[name]
                error = rounded.double() - weight.double()
                size = float(error.square().mean())
                values[i, k] += traces[position] * size
                squared_errors[i, k] += (errors[position] * size) ** 2
        return Estimate(
            as_array(values),
            as_array(squared_errors.sqrt()),
            as_array(sums[0] / sums[1].clamp(min=1)),
        )

    def _traces(
        self, batch: Batch, context: Context
    ) -> tuple[torch.Tensor, torch.Tensor, int]:
        """Return each parameter's trace, its variance, and the number of draws."""
        held = owned(context.layers)
        signs = Signs(int(torch.randint(2**60, ())))
        way = by_second_pass
        if self._is_in_parts(context.model):
            way = by_second_pass_in_parts
        sums = torch.zeros(2, len(held), dtype=torch.float64)
        totals: list[float] = []
        with way(batch, context, signs) as product:
            is_enough = is_all_enough = False
            while not is_all_enough:
                draw = product(len(totals))
                if not torch.isfinite(draw).all():
                    first = int(torch.isfinite(draw).logical_not().nonzero()[0, 0])
                    layer = context.layers[held[first][0]].name
                    msg = f"layer {layer!r}: the Hessian must be finite. Got NaN or inf"
                    raise InvalidParameterError(msg)
                if not is_enough:
                    sums += torch.stack([draw, draw.square()])
                    totals.append(float(draw.sum()))
                    is_enough = self._is_enough(totals)
                # Processes that share a model run it equally often.
                is_all_enough = all_agree(context.model, is_enough)
        count = len(totals)
        average = sums[0] / count
        spread = (sums[1] / count - average.square()).clamp(min=0)
        return average, spread / max(count - 1, 1), count

    def _is_in_parts(self, model: torch.nn.Module) -> bool:
        if self.in_parts is not None:
            return self.in_parts
        return is_sharded(model) or is_offloaded(model)

    def _is_enough(self, totals: list[float]) -> bool:
        if len(totals) >= self.max_draws:
            return True
        if len(totals) < FEWEST_DRAWS:
            return False
        values = torch.tensor(totals, dtype=torch.float64)
        error = float(values.std()) / len(totals) ** 0.5
        return bool(error <= self.tolerance * abs(float(values.mean())))
