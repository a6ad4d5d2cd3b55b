"""The losses that the exact arms minimise: measured points, and the law between."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.paper.noise.arms import shrink
from benchmarks.paper.noise.levels import Setting
from benchmarks.paper.noise.single import measure

__all__ = ["grid", "losses_of", "measure_points"]

Floats = npt.NDArray[np.float64]

#: Levels that are measured, of a set; smaller noise follows the quadratic law.
TOP = 2


def grid(setting: Setting) -> Floats:
    """Return what is measured: noise on inputs alone, and on parameters alone.

    Returns
    -------
    ndarray, shape (layers, 2, 2, 2)
        Tensor kind; level; noise on input and on parameters.
    """
    points = np.zeros((len(setting.on_inputs), 2, TOP, 2))
    points[:, 0, :, 0] = setting.on_inputs[:, :TOP]
    points[:, 1, :, 1] = setting.on_parameters[:, :TOP]
    return points


def measure_points(
    model: Any, batches: list[Any], points: Floats, tick: Callable[[], None]
) -> dict[str, Any]:
    """Measure a grid, one kind of tensor at a time, and say what it took."""
    started = time.process_time()
    found = [
        measure(model, batches, points[:, kind], tick=tick)
        for kind in range(points.shape[1])
    ]
    samples = sum(len(labels) for _, labels in batches)
    return {
        "points": points.round(9).tolist(),
        **{
            key: np.stack([getattr(m, key) for m in found], 1).round(9).tolist()
            for key in ("loss", "loss_error", "divergence")
        },
        "seconds": round(time.process_time() - started, 2),
        "forward": round(sum(m.passes for m in found) / samples, 1),
        "backward": 0,
    }


def losses_of(record: dict[str, Any], setting: Setting) -> dict[str, Floats]:
    """Return losses of shape (layers, 4) for a setting, three ways.

    The levels that were measured are as measured; smaller noise follows the quadratic
    law, from the smallest. Noise of inputs and of parameters adds up: both have mean 0
    and are independent, so no second-order term joins them.

    Returns
    -------
    dict
        ``loss``, ``divergence``, and ``shrunk``: see :func:`shrink`.
    """
    loss, error, far = (
        np.array(record[key]) for key in ("loss", "loss_error", "divergence")
    )
    points = np.array(record["points"])
    keys = ("loss", "divergence", "shrunk")
    found = {key: np.zeros_like(setting.on_inputs) for key in keys}
    for kind, sizes in enumerate(setting.sizes):
        y, e, d = loss[:, kind], error[:, kind], far[:, kind]
        at = points[:, kind, :, kind]
        ratio = sizes / at[:, -1:]
        for key, values in zip(keys, (y, d, shrink(y, e, d)), strict=True):
            scaled = values[:, -1:] * ratio**2
            for k in range(TOP):
                is_measured = np.isclose(sizes[:, k], at[:, k])
                scaled[is_measured, k] = values[is_measured, k]
            found[key] += scaled
    return found
