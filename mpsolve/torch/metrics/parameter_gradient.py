"""The gradient of the mean loss by a layer's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mpsolve.torch.metrics.errors_of_rounding import weight_error
from mpsolve.torch.metrics.protocol import Context, Estimate, State, as_array

__all__ = ["ParameterGradient"]


class ParameterGradient:
    r"""Norm of the mean loss's gradient by the parameters, times that of their error.

    The value is :math:`b_l \|Q_k(w_l) - w_l\|` with :math:`b_l = \|\mathrm{mean}_j
    \partial \ell_j / \partial w_l\|`: an upper bound, to first order, of the mean loss
    change that rounding the parameters can cause. It is what Algorithm 3 sorts by, for
    networks whose parameters are rounded already [1]_; at a converged model it is
    small.

    Notes
    -----
    Unit: nats (that of the loss); `sensitivity` is :math:`b_l`. Nonnegative. The
    standard error is the root mean square distance of the mean gradient from its
    expectation, as the spread between batches tells it. A parameter that layers share
    counts for the first of them, with the gradient of all its uses.

    References
    ----------
    .. [1] W. Cheng and P. Chen, "Quantization in Layer's Input is Matter", arXiv
       2202.05137, Algorithm 3.
    """

    name = "parameter_gradient"
    unit = "nats"
    is_signed = False
    needs = frozenset({"weight_gradient"})

    def start(self, context: Context) -> State:
        """Return the sums before the first batch."""
        return {
            "squares": torch.zeros(len(context.layers), dtype=torch.float64),
            "weights": torch.zeros(2, dtype=torch.float64),
            "sharded": torch.zeros(len(context.layers), dtype=torch.float64),
        }

    def update(
        self,
        state: State,
        record: Mapping[str, Any],
        num_samples: int,
        context: Context,
    ) -> None:
        """Add a batch's gradients to the sums."""
        if "gradient_square" in record:
            state["squares"] += num_samples * record["gradient_square"]
        for i, gradients in enumerate(record.get("weight_gradient", ())):
            for name, gradient in gradients.items():
                key = f"gradient.{i}.{name}"
                wide = gradient.double().cpu()
                if key not in state:
                    state[key] = torch.zeros_like(wide)
                state[key].add_(wide, alpha=num_samples)
                norm = torch.linalg.vector_norm(wide)
                state["squares"][i] += num_samples * norm.square()
        state["weights"] += torch.tensor(
            [num_samples, num_samples**2], dtype=torch.float64
        )

    def update_parts(self, state: State, record: Mapping[str, Any]) -> None:
        """Add a round's gradients, of which every process holds its part."""
        for i, parts in enumerate(record["gradient_parts"]):
            for name, part in parts.items():
                key = f"part.{i}.{name}"
                state[key] = state[key] + part if key in state else part

    def settle(self, state: State) -> State:
        """Return sums that add up over processes: the squared norms of the parts."""
        sharded = state["sharded"].clone()
        for key, part in state.items():
            if key.startswith("part."):
                norm = torch.linalg.vector_norm(part)
                sharded[int(key.split(".")[1])] += norm.square()
        kept = {k: v for k, v in state.items() if not k.startswith("part.")}
        return kept | {"sharded": sharded}

    def finish(self, state: State, context: Context) -> Estimate:
        """Return b_l ||Q_k(w_l) - w_l||."""
        total, squared = state["weights"].tolist()
        squares = state["sharded"] / total**2
        for i in range(len(context.layers)):
            for key, value in state.items():
                if key.startswith(f"gradient.{i}."):
                    norm = torch.linalg.vector_norm(value) / total
                    squares[i] += norm.square()
        sensitivity = squares.sqrt()
        freedom = total**2 / squared - 1
        spread = (state["squares"] / total - squares).clamp(min=0)
        error = (
            (spread / freedom).sqrt()
            if freedom > 1e-9
            else torch.full_like(spread, torch.nan)
        )
        sizes = weight_error(context)[0].sqrt()
        return Estimate(
            as_array(sensitivity[:, None] * sizes),
            as_array(error[:, None] * sizes),
            as_array(sensitivity),
        )
