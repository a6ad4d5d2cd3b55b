"""The mean curvature of the loss in a layer's parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.batches import Batch
from mpsolve.torch.metrics.protocol import Context, Estimate, State, as_array
from mpsolve.torch.rounding import round_weights

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

    def __init__(self, tolerance: float = 0.02, max_draws: int = 100) -> None:
        if not tolerance >= 0:
            msg = f"tolerance must be >= 0. Got {tolerance!r}"
            raise InvalidParameterError(msg)
        if max_draws < FEWEST_DRAWS:
            msg = f"max_draws must be at least {FEWEST_DRAWS}. Got {max_draws!r}"
            raise InvalidParameterError(msg)
        self.tolerance = tolerance
        self.max_draws = max_draws

    def start(self, context: Context) -> State:
        """Return the sums before the first batch."""
        zeros = torch.zeros(len(_parameters(context)), dtype=torch.float64)
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
        rounded = [
            [round_weights(layer, precision) for precision in context.precisions]
            for layer in context.layers
        ]
        for position, (i, name, p) in enumerate(_parameters(context)):
            sums[:, i] += torch.tensor([traces[position], p.numel()])
            own = p.detach().double()
            for k in range(len(context.precisions)):
                error = rounded[i][k][name].double() - own
                size = float(error.square().sum()) / p.numel()
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
        held = _parameters(context)
        parameters = [p for _, _, p in held]
        with _double_backward(parameters):
            output = batch.run(context.model)
            mean = context.loss.mean(output, batch.targets)
            gradients = torch.autograd.grad(
                mean, parameters, create_graph=True, allow_unused=True
            )
            used = [i for i, g in enumerate(gradients) if g is not None and g.grad_fn]
            sums = torch.zeros(3, len(parameters), dtype=torch.float64)
            totals: list[float] = []
            while used and len(totals) < self.max_draws:
                signs = [
                    torch.randint_like(parameters[i], 2).mul_(2).sub_(1) for i in used
                ]
                products = torch.autograd.grad(
                    [gradients[i] for i in used],
                    [parameters[i] for i in used],
                    signs,
                    retain_graph=True,
                    allow_unused=True,
                    materialize_grads=True,
                )
                draw = torch.zeros(len(parameters), dtype=torch.float64)
                for i, z, product in zip(used, signs, products, strict=True):
                    draw[i] = float((z.double() * product.double()).sum())
                if not torch.isfinite(draw).all():
                    first = int(torch.isfinite(draw).logical_not().nonzero()[0, 0])
                    layer = context.layers[held[first][0]].name
                    msg = f"layer {layer!r}: the Hessian must be finite. Got NaN or inf"
                    raise InvalidParameterError(msg)
                sums[0] += draw
                sums[1] += draw.square()
                totals.append(float(draw.sum()))
                if self._is_enough(totals):
                    break
        count = max(len(totals), 1)
        average = sums[0] / count
        spread = (sums[1] / count - average.square()).clamp(min=0)
        return average, spread / max(count - 1, 1), count

    def _is_enough(self, totals: list[float]) -> bool:
        if len(totals) < FEWEST_DRAWS:
            return False
        values = torch.tensor(totals, dtype=torch.float64)
        error = float(values.std()) / len(totals) ** 0.5
        return bool(error <= self.tolerance * abs(float(values.mean())))


def _parameters(context: Context) -> list[tuple[int, str, torch.nn.Parameter]]:
    """Return every parameter once, with the first layer that holds it."""
    seen: set[int] = set()
    found: list[tuple[int, str, torch.nn.Parameter]] = []
    for i, layer in enumerate(context.layers):
        for name, parameter in layer.parameters.items():
            if id(parameter) not in seen:
                seen.add(id(parameter))
                found.append((i, name, parameter))
    return found


@contextmanager
def _double_backward(parameters: list[torch.nn.Parameter]) -> Iterator[None]:
    """Let parameters require gradients, and attention be differentiable twice."""
    before = [p.requires_grad for p in parameters]
    for p in parameters:
        p.requires_grad_(True)
    try:
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        for p, required in zip(parameters, before, strict=True):
            p.requires_grad_(required)
