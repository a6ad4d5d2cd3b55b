"""From a model and its calibration to a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.model import Coupling, Problem
from mpsolve.torch.calibration import Calibration, Scores
from mpsolve.torch.layers import Layer, find_layers
from mpsolve.torch.precisions import LayerPrecision, Precision, parse
from mpsolve.torch.resources import memory

__all__ = ["problem_from_model"]


def problem_from_model(
    model: torch.nn.Module,
    calibration: Calibration,
    metric: str | None = None,
    *,
    budgets: Mapping[str, Any] | None = None,
    usage: Mapping[str, npt.ArrayLike] | None = None,
    precisions: Sequence[str | Precision | LayerPrecision] | None = None,
    standard_errors: float = 0.0,
    **options: Any,
) -> Problem:
    """Build the problem of choosing each layer's precision.

    Parameters
    ----------
    model : torch.nn.Module
        Whose layers were calibrated; its parameters' sizes make the resource
        ``memory``.
    calibration : Calibration
    metric : str, optional
        Whose values are the loss; the calibration's first where none is given. That of
        ``measured_pairs`` or ``output_kl_pairs`` makes couplings too.
    budgets : mapping, optional
        As for :class:`mpsolve.Problem`; ``memory`` is in bytes, and counts the layers'
        parameters alone.
    usage : mapping of str to array_like, shape (num_layers, num_precisions), optional
        Further resources: times, bit operations, ….
    precisions : sequence, optional
        The objects that the calibration's precisions stand for, in its order, where
        their names do not say it.
    standard_errors : float
        How many standard errors are added to every loss, so that a gain which the
        samples cannot tell from chance does not count as one.
    **options
        ``fixed``, ``inventory``, ``units``, ``name``, … as for
        :meth:`mpsolve.Problem.from_arrays`.

    Returns
    -------
    Problem
        Layers that share parameters are tied.

    Raises
    ------
    InvalidParameterError
        If the model lacks a layer of the calibration, or the calibration the metric or
        its standard errors.

    Examples
    --------
    >>> from mpsolve.torch import calibrate
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 3))
    >>> data = [(torch.randn(16, 4), torch.randint(3, (16,)))]
    >>> found = calibrate(
    ...     model, data, precisions=["fp16", "int4"], metrics=["loss_mse"])
    >>> problem_from_model(model, found, budgets={"memory": 120})
    Problem(2 groups, 4 options, memory <= 120)
    """
    chosen = metric if metric is not None else next(iter(calibration))
    if chosen not in calibration.scores:
        msg = f"metric must be one of the calibration's: {', '.join(calibration)}. "
        msg += f"Got {chosen!r}"
        raise InvalidParameterError(msg)
    scores = calibration[chosen]
    layers = _layers(model, calibration)
    parsed = [parse(p) for p in (precisions or calibration.precisions)]
    names = tuple(p.name for p in parsed)
    if names != calibration.precisions:
        msg = (
            f"precisions must be the calibration's: {', '.join(calibration.precisions)}"
        )
        msg += f". Got {', '.join(names)}"
        raise InvalidParameterError(msg)
    everything = {"memory": memory(layers, parsed), **(usage or {})}
    options.setdefault("name", calibration.model)
    options.setdefault(
        "source",
        f"{chosen}, {calibration.num_samples:,} samples, {calibration.loss_name}",
    )
    options["couplings"] = [*options.get("couplings", ()), *_couplings(scores, layers)]
    options["ties"] = [*options.get("ties", ()), *calibration.ties]
    return Problem.from_arrays(
        _pessimistic(scores, standard_errors),
        everything,
        budgets,
        layers=calibration.layers,
        precisions=calibration.precisions,
        **options,
    )


def _layers(model: torch.nn.Module, calibration: Calibration) -> list[Layer]:
    """Return the model's layers in the order of the calibration."""
    wanted = set(calibration.layers)
    held = {name for name, _ in model.named_modules(remove_duplicate=False)}
    missing = [name for name in calibration.layers if name not in held]
    if missing:
        some = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        msg = f"{type(model).__name__} has no layers {some}, which were calibrated"
        raise InvalidParameterError(msg)
    found = find_layers(model, lambda _, name: name in wanted)
    by_name = {name: layer for layer in found for name in layer.names}
    return [by_name[name] for name in calibration.layers]


def _pessimistic(scores: Scores, standard_errors: float) -> npt.NDArray[np.float64]:
    """Return the values, with a number of standard errors added."""
    if not np.isfinite(standard_errors) or standard_errors < 0:
        msg = f"standard_errors must be finite and >= 0. Got {standard_errors!r}"
        raise InvalidParameterError(msg)
    if not standard_errors:
        return scores.values
    if not np.isfinite(scores.standard_error).all():
        msg = f"{scores.name}: its standard errors are not known; calibrate with more "
        msg += "batches"
        raise InvalidParameterError(msg)
    return scores.values + standard_errors * scores.standard_error


def _couplings(scores: Scores, layers: Sequence[Layer]) -> list[Coupling]:
    if scores.pairs is None:
        return []
    return [
        Coupling(layers[i].name, layers[j].name, scores.pairs[i, :, j, :])
        for i in range(len(layers))
        for j in range(i + 1, len(layers))
        if scores.pairs[i, :, j, :].any()
    ]
