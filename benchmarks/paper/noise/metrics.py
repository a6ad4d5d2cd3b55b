"""Cheap metrics of every layer, each split into what inputs and parameters add."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.paper.noise.curvature import traces
from benchmarks.paper.noise.perturb import NoisyNetwork
from mpsolve.torch import LayerPrecision, Noise, calibrate
from mpsolve.torch.metrics import HessianTrace, InputGradient

__all__ = ["METRICS", "measure_metric"]

Floats = npt.NDArray[np.float64]

#: Draws for every batch, where nothing else is said.
DRAWS = 8

#: Noise that metrics of actual errors are shown; they are quadratic in it.
LEVEL = 1e-2

METRICS = (
    "algorithm1",
    "storage",
    "stored",
    "hessian",
    "loss_mse",
    "gauss_newton",
    "curvature",
)


def measure_metric(
    name: str,
    network: NoisyNetwork,
    batches: list[Any],
    draws: int = DRAWS,
    storage: float = 0.0,
) -> dict[str, Any]:
    """Measure a family of metrics on the calibration samples.

    Parameters
    ----------
    name : str
        Of `METRICS`. ``algorithm1``: input gradients in three norms; ``storage``: input
        and parameter gradients, as Algorithm 3 has them, without storage noise;
        ``stored``: with it; ``hessian``: the trace of HAWQ-v2; ``loss_mse``: both terms
        of it, in units of nats² for noise of variance 1; ``gauss_newton``: the same
        with labels drawn from the network's own outputs, whose mean is the trace of the
        Gauss-Newton matrix; ``curvature``: both traces by Hutchinson's estimator.
    network : NoisyNetwork
    batches : list of (images, labels)
    draws : int
        For every batch, of the Hessian's signs and of parameters' noise.
    storage : float
        Level of the storage noise.

    Returns
    -------
    dict
        Lists with a number for each layer, ``seconds`` of processor time, and
        ``forward`` and ``backward`` passes for each calibration sample; a
        Hessian-vector product counts as two backward passes.
    """
    started = time.process_time()
    passes = (1, 1)
    noise = LayerPrecision("noise", Noise(LEVEL, 0), Noise(LEVEL, 1))

    def found(precisions: list[LayerPrecision], metrics: list[Any]) -> Any:
        return calibrate(network.model, batches, "cross_entropy", precisions, metrics)

    values: dict[str, Floats] = {}
    if name == "algorithm1":
        norms = [InputGradient("sum"), InputGradient("mean"), InputGradient("rms")]
        scores = found([noise], norms)
        for key, norm in zip(("sum", "mean", "rms"), norms, strict=True):
            values[key] = scores[norm.name].sensitivity
    elif name in ("storage", "stored"):
        network.store(storage if name == "stored" else 0.0, seed=0)
        metrics = [InputGradient("sum"), InputGradient("rms"), "parameter_gradient"]
        scores = found([noise], metrics)
        network.store(0.0, seed=0)
        values["inputs"] = scores["input_gradient_sum"].sensitivity
        values["inputs_rms"] = scores["input_gradient"].sensitivity
        values["parameters"] = scores["parameter_gradient"].sensitivity
    elif name == "hessian":
        scores = found([noise], [HessianTrace(tolerance=0, max_draws=draws)])
        values["mean_trace"] = scores["hessian_trace"].sensitivity
        counts = [
            sum(p.numel() for p in layer.parameters.values())
            for layer in network.layers
        ]
        values["parameters"] = values["mean_trace"] * counts
        passes = (1, 1 + 2 * draws)
    elif name in ("loss_mse", "gauss_newton"):
        if name == "gauss_newton":
            labels = draws // 2
            batches, draws = _own_labels(network, batches, labels), 2
            passes = (1 + labels * (1 + draws), labels)
        else:
            passes = (1 + draws, 1)
        on_inputs = LayerPrecision("x", Noise(0.0), Noise(LEVEL, 2))
        drawn = [
            LayerPrecision(f"w{d}", Noise(LEVEL, 3 + d), Noise(0.0))
            for d in range(draws)
        ]
        scores = found([on_inputs, *drawn], ["loss_mse"])["loss_mse"].values
        variance = LEVEL**2 / 3
        values["inputs"] = scores[:, 0] / variance
        values["parameters"] = scores[:, 1:].mean(1) / variance
    else:
        both = traces(network.model, batches, draws=draws)
        values = {key: np.asarray(value) for key, value in both._asdict().items()}
        passes = (1, 1 + 2 * draws)
    seconds = time.process_time() - started
    return {
        **{key: np.asarray(value).tolist() for key, value in values.items()},
        "seconds": round(seconds, 2),
        "forward": passes[0],
        "backward": passes[1],
    }


@torch.no_grad()
def _own_labels(network: NoisyNetwork, batches: list[Any], draws: int) -> list[Any]:
    """Return batches several times, with labels drawn from the network's outputs."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for images, _ in batches:
        chances = network.model(images).double().softmax(1)
        labels = torch.multinomial(
            chances, draws, replacement=True, generator=generator
        )
        made += [(images, labels[:, d]) for d in range(draws)]
    return made
