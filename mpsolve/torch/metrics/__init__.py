"""Sensitivity metrics: how much each layer's precision matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import entry_points
from typing import Any

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.metrics.custom import CallableMetric
from mpsolve.torch.metrics.first_order import (
    EmpiricalFisher,
    LossMSE,
    SignedFirstOrder,
)
from mpsolve.torch.metrics.hessian_trace import HessianTrace
from mpsolve.torch.metrics.input_gradient import InputGradient
from mpsolve.torch.metrics.measured import (
    Measured,
    MeasuredPairs,
    OutputKL,
    OutputKLPairs,
)
from mpsolve.torch.metrics.parameter_gradient import ParameterGradient
from mpsolve.torch.metrics.protocol import Context, Estimate, Metric, State

__all__ = [
    "ENTRY_POINTS",
    "METRICS",
    "CallableMetric",
    "Context",
    "EmpiricalFisher",
    "Estimate",
    "HessianTrace",
    "InputGradient",
    "LossMSE",
    "Measured",
    "MeasuredPairs",
    "Metric",
    "OutputKL",
    "OutputKLPairs",
    "ParameterGradient",
    "SignedFirstOrder",
    "State",
    "make_metrics",
    "metric_names",
]

#: Where other packages offer metrics by name: a class, a metric, or a callable.
ENTRY_POINTS = "mpsolve.metrics"

#: The metrics that come with mpsolve.
METRICS: dict[str, Callable[[], Metric]] = {
    "input_gradient": InputGradient,
    "input_gradient_mean": partial(InputGradient, "mean"),
    "input_gradient_l1": partial(InputGradient, "l1"),
    "input_gradient_sum": partial(InputGradient, "sum"),
    "parameter_gradient": ParameterGradient,
    "signed_first_order": SignedFirstOrder,
    "loss_mse": LossMSE,
    "loss_mse_output": partial(LossMSE, products=True),
    "loss_mse_elements": partial(LossMSE, 2),
    "loss_mse_noise": partial(LossMSE, 3),
    "empirical_fisher": EmpiricalFisher,
    "hessian_trace": HessianTrace,
    "output_kl": OutputKL,
    "output_kl_pairs": OutputKLPairs,
    "measured": Measured,
    "measured_pairs": MeasuredPairs,
}


def metric_names() -> list[str]:
    """Return the names of all metrics, those of other packages last."""
    return [*METRICS, *sorted(e.name for e in entry_points(group=ENTRY_POINTS))]


def make_metrics(metrics: Iterable[Any]) -> list[Metric]:
    """Return metrics by names, as they are, or from callables.

    Parameters
    ----------
    metrics : iterable of str, Metric or callable
        See :func:`metric_names`; any callable of (context, batch) is a metric.

    Returns
    -------
    list of Metric

    Raises
    ------
    InvalidParameterError
        If a name is unknown or stands twice, or there is none.

    Examples
    --------
    >>> [metric.name for metric in make_metrics(["loss_mse", HessianTrace()])]
    ['loss_mse', 'hessian_trace']
    """
    given = [metrics] if isinstance(metrics, str) else list(metrics)
    made = [_make(metric) for metric in given]
    names = [metric.name for metric in made]
    if not made or len(set(names)) < len(names):
        got = ", ".join(names) or "none"
        msg = f"metrics must be at least one, each with its own name. Got {got}"
        raise InvalidParameterError(msg)
    return made


def _make(metric: Any) -> Metric:
    if isinstance(metric, str):
        if metric in METRICS:
            return METRICS[metric]()
        for entry in entry_points(group=ENTRY_POINTS, name=metric):
            loaded = entry.load()
            made = loaded() if isinstance(loaded, type) else loaded
            return made if isinstance(made, Metric) else CallableMetric(made, metric)
        known = ", ".join(metric_names())
        msg = f"metric must be one of {known}, or a callable. Got {metric!r}"
        raise InvalidParameterError(msg)
    if isinstance(metric, Metric) and not isinstance(metric, type):
        return metric
    if callable(metric) and not isinstance(metric, type):
        return CallableMetric(metric)
    msg = f"metric must be a name, a metric or a callable. Got {metric!r}"
    raise InvalidParameterError(msg)
