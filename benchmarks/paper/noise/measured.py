"""The losses that the exact arms minimise: measured points, and the law between."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.paper.noise.arms import shrink
from benchmarks.paper.noise.levels import LEVELS, Setting
from benchmarks.paper.noise.single import measure

__all__ = ["grid", "losses_of", "measure_points"]

Floats = npt.NDArray[np.float64]

#: Level sets whose first two levels are measured.
MEASURED = ("absolute", "relative")
TOP = 2


def grid(root_mean_squares: tuple[Floats, Floats]) -> Floats:
    """Return what is measured: noise on inputs alone, and on parameters alone.

    Returns
    -------
    ndarray, shape (layers, 2, 4, 2)
        Tensor kind; absolute then relative points; noise on input and parameters.
    """
    count = len(root_mean_squares[0])
    points = np.zeros((count, 2, len(MEASURED) * TOP, 2))
    for kind, sizes in enumerate(root_mean_squares):
        absolute = np.tile(LEVELS["absolute"][:TOP], (count, 1))
        relative = np.outer(sizes, LEVELS["relative"][:TOP])
        points[:, kind, :, kind] = np.hstack([absolute, relative])
    return points


def measure_points(
    model: Any, batches: list[Any], points: Floats, *, draws: int, seed: int, tick: Any
) -> dict[str, Any]:
    """Measure a grid, one kind of tensor at a time, and say what it took."""
    started = time.process_time()
    found = [
        measure(model, batches, points[:, kind], draws=draws, seed=seed, tick=tick)
        for kind in range(points.shape[1])
    ]
    samples = sum(len(labels) for _, labels in batches)
    return {
        "points": points.tolist(),
        **{
            key: np.stack([getattr(m, key) for m in found], 1).round(9).tolist()
            for key in ("loss", "loss_error", "divergence")
        },
        "samples": samples,
        "seconds": round(time.process_time() - started, 2),
        "forward": round(sum(m.passes for m in found) / samples, 1),
        "backward": 0,
    }


def losses_of(record: dict[str, Any], setting: Setting) -> dict[str, Floats]:
    """Return losses of shape (layers, 4) for a setting, three ways.

    The first two levels are as measured; smaller noise follows the quadratic law, from
    the second. Noise of inputs and of parameters adds up: both have mean 0 and are
    independent, so no second-order term joins them. The published levels follow the
    law from the absolute ones.

    Returns
    -------
    dict
        ``loss``, ``divergence``, and ``shrunk``: see :func:`shrink`.
    """
    loss, error, far = (
        np.array(record[key]) for key in ("loss", "loss_error", "divergence")
    )
    points = np.array(record["points"])
    start = TOP * MEASURED.index(
        "relative" if setting.levels == "relative" else "absolute"
    )
    columns = slice(start, start + TOP)
    found = {key: np.zeros_like(setting.on_inputs) for key in ("loss", "divergence")}
    found["shrunk"] = np.zeros_like(setting.on_inputs)
    for kind, sizes in enumerate(setting.sizes):
        measured = {
            "loss": loss[:, kind, columns],
            "divergence": far[:, kind, columns],
            "shrunk": shrink(
                loss[:, kind, columns], error[:, kind, columns], far[:, kind, columns]
            ),
        }
        at = points[:, kind, columns, kind]
        for key, values in measured.items():
            scaled = values[:, -1:] * (sizes / at[:, -1:]) ** 2
            if setting.levels in MEASURED:
                scaled[:, :TOP] = np.where(sizes[:, :TOP] > 0, values, 0.0)
            found[key] += scaled
    return found
