"""How well metrics predict the loss change that rounding a layer makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.models import load_resnet
from benchmarks.sensitivity.cost import PRECISIONS, batches
from mpsolve.torch import Calibration, calibrate
from mpsolve.torch.metrics import HessianTrace, InputGradient

#: What each is compared with, and everything that is cheap.
METRICS = [
    "measured",
    "output_kl",
    "input_gradient",
    InputGradient("mean"),
    InputGradient("l1"),
    InputGradient("sum"),
    "parameter_gradient",
    "signed_first_order",
    "loss_mse",
    "loss_mse_output",
    "loss_mse_elements",
    "loss_mse_noise",
    "empirical_fisher",
    HessianTrace(tolerance=0.05, max_draws=12),
]


def calibrated(name: str, num_samples: int) -> Calibration:
    """Return all metrics of a ResNet."""
    torch.set_num_threads(1)
    model = load_resnet(name)
    data = batches(num_samples)
    return calibrate(model, data, "cross_entropy", PRECISIONS, METRICS, progress=True)


def rank_correlation(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> float:
    """Return Spearman's correlation, ties with their mean rank."""
    a, b = _ranks(first.ravel()), _ranks(second.ravel())
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size else float("nan")


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def correlations(name: str, calibration: Calibration) -> list[dict[str, Any]]:
    """Return each metric's rank correlation with both measurements."""
    records = []
    for metric, scores in calibration.items():
        record: dict[str, Any] = {
            "model": name,
            "samples": calibration.num_samples,
            "metric": metric,
            "unit": scores.unit,
        }
        for reference in ("measured", "output_kl"):
            if metric == reference:
                continue
            values = calibration[reference].values
            for k, precision in enumerate(calibration.precisions):
                key = f"{reference}/{precision}"
                record[key] = rank_correlation(scores.values[:, k], values[:, k])
            record[f"{reference}/all"] = rank_correlation(scores.values, values)
        records.append(record)
    return records
