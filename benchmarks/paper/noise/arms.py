"""From metrics to layouts: every arm states a problem, and mpsolve solves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import mpsolve
from benchmarks.paper.noise.levels import Setting

__all__ = ["ARMS", "Arm", "Found", "layout_of", "random_layout", "shrink"]

Floats = npt.NDArray[np.float64]
Metrics = Mapping[str, Mapping[str, Any]]


class Arm(NamedTuple):
    """A way to choose a layout.

    Attributes
    ----------
    title : str
    needs : str
        Whose cost it pays: a family of metrics, or ``single``.
    losses : callable
        Losses of shape (layers, 4) from metrics and setting.
    """

    title: str
    needs: str
    losses: Callable[[Metrics, Setting], Floats]


class Found(NamedTuple):
    """A layout as a string of level numbers, and what mpsolve said of it."""

    layout: str
    loss: float
    method: str
    reason: str


def _inputs(family: str, key: str) -> Callable[[Metrics, Setting], Floats]:
    return lambda m, s: np.array(m[family][key])[:, None] * s.on_inputs


def _hawq(m: Metrics, s: Setting) -> Floats:
    return np.array(m["hessian"]["parameters"])[:, None] * s.on_parameters**2 / 6


def _mean_trace(m: Metrics, s: Setting) -> Floats:
    return np.array(m["hessian"]["mean_trace"])[:, None] * s.on_parameters**2


def _parameter_gradient(m: Metrics, s: Setting) -> Floats:
    return np.array(m["storage"]["parameters"])[:, None] * s.on_parameters


def _gradients(family: str) -> Callable[[Metrics, Setting], Floats]:
    """Algorithm 3: a_l e_k + b_l e_k, with e of either tensor."""

    def losses(m: Metrics, s: Setting) -> Floats:
        a, b = (np.array(m[family][key])[:, None] for key in ("inputs", "parameters"))
        # The problem of `mpsolve.gradient_storage`, with each layer's own levels.
        return a * s.on_inputs + b * s.on_parameters

    return losses


def _second_order(
    family: str, parts: tuple[str, ...], share: float
) -> Callable[[Metrics, Setting], Floats]:
    """Half of variance times curvature; of what the split gives noise."""

    def losses(m: Metrics, s: Setting) -> Floats:
        total = np.zeros_like(s.on_inputs)
        for size, key in zip(s.sizes, ("inputs", "parameters"), strict=True):
            if key in parts:
                total += share * np.array(m[family][key])[:, None] * size**2 / 3
        return total

    return losses


def _fisher(m: Metrics, s: Setting) -> Floats:
    curvature = np.array(m["loss_mse"]["parameters"])[:, None]
    return curvature * s.on_parameters**2 / 6


def _measured(key: str) -> Callable[[Metrics, Setting], Floats]:
    return lambda m, _: np.array(m["single"][key])


BOTH = ("inputs", "parameters")

#: Seconds after which a solve with all pairs returns the best layout so far.
PAIRS_LIMIT = 60.0

#: In the order of the tables.
ARMS = {
    "hawq": Arm("HAWQ-v2: trace × error", "hessian", _hawq),
    "hawq_mean": Arm("HAWQ-v2: mean trace", "hessian", _mean_trace),
    "alg1_sum": Arm(
        "Algorithm 1, norm of the sum", "algorithm1", _inputs("algorithm1", "sum")
    ),
    "alg1_mean": Arm(
        "Algorithm 1, mean norm", "algorithm1", _inputs("algorithm1", "mean")
    ),
    "alg1_rms": Arm("Algorithm 1, RMS", "algorithm1", _inputs("algorithm1", "rms")),
    "alg3": Arm("Algorithm 3's sums, nothing stored", "storage", _gradients("storage")),
    "alg3_stored": Arm("Algorithm 3", "stored", _gradients("stored")),
    "parameter_gradient": Arm("parameter gradient", "storage", _parameter_gradient),
    "fisher": Arm("empirical Fisher, parameters", "loss_mse", _fisher),
    "loss_mse": Arm("loss MSE", "loss_mse", _second_order("loss_mse", BOTH, 1)),
    "gauss_newton": Arm(
        "loss MSE, the network's own labels",
        "gauss_newton",
        _second_order("gauss_newton", BOTH, 0.5),
    ),
    "curvature": Arm(
        "both Hessian traces (Hutchinson)",
        "curvature",
        _second_order("curvature", BOTH, 0.5),
    ),
    "divergence": Arm("exact: measured divergence", "single", _measured("divergence")),
    "measured": Arm("exact: measured losses", "single", _measured("loss")),
    "exact": Arm("exact: losses and divergence", "single", _measured("shrunk")),
}


def layout_of(arm: str, metrics: Metrics, setting: Setting) -> Found:
    """Solve an arm's problem, with a proof."""
    return solve(ARMS[arm].losses(metrics, setting), setting)


def solve(
    losses: Floats, setting: Setting, couplings: list[mpsolve.Coupling] | None = None
) -> Found:
    """Return the layout of the setting's inventory with the least total."""
    problem = mpsolve.Problem.from_arrays(
        losses,
        layers=[str(i) for i in range(len(losses))],
        precisions=setting.names,
        inventory=dict(zip(setting.names, setting.inventory, strict=True)),
        couplings=couplings or [],
    )
    result = mpsolve.solve(problem, time_limit=PAIRS_LIMIT if couplings else None)
    number = {name: str(k) for k, name in enumerate(setting.names)}
    layout = "".join(number[name] for name in result.layout.values())
    return Found(layout, float(result.loss), result.method, str(result.reason))


def random_layout(setting: Setting, seed: int) -> str:
    """Return one of all layouts of the inventory, each as likely as any other."""
    levels = np.repeat(np.arange(4), setting.inventory)
    return "".join(map(str, np.random.default_rng(seed).permutation(levels)))


def shrink(loss: Floats, error: Floats, divergence: Floats) -> Floats:
    """Pull measured losses towards what the divergence predicts, as far as they err.

    Empirical Bayes for every column: losses are taken for b times the divergence plus
    a deviation of unknown variance, measured with known errors.

    Parameters
    ----------
    loss, error, divergence : ndarray, shape (layers, points)
        Measured changes, their standard errors, and divergences, all in nats.
    """
    shrunk = np.empty_like(loss)
    for k in range(loss.shape[1]):
        y, d, v = loss[:, k], divergence[:, k], error[:, k] ** 2
        spread = 0.0
        # Slope and spread of the deviations depend on each other; this settles fast.
        for _ in range(50):
            w = 1 / np.maximum(v + spread, 1e-300)
            slope = (w * y * d).sum() / max((w * d * d).sum(), 1e-300)
            apart = (w * ((y - slope * d) ** 2 - v)).sum() / w.sum()
            spread = max(apart, 0.0)
        trust = spread / np.maximum(spread + v, 1e-300)
        shrunk[:, k] = slope * d + trust * (y - slope * d)
    return shrunk
