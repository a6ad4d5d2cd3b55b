"""What measured times have in common: a clock, repeats, and what may be measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.apply import Backend
from mpsolve.torch.layers import Layer
from mpsolve.torch.precisions import LayerPrecision, Precision, parse

__all__ = ["Clock", "Floats", "Names", "check_counts", "device_of", "measure"]
__all__ += ["signature", "spread_of", "timed_precisions"]

Floats = npt.NDArray[np.float64]
Names = Sequence[str | LayerPrecision | Precision]


class Clock:
    """Moments on a device: CUDA events, or the processor's own time.

    Parameters
    ----------
    device : torch.device
    """

    def __init__(self, device: torch.device) -> None:
        if device.type not in ("cpu", "cuda"):
            msg = f"times are measured on cpu and cuda. Got {device}"
            raise InvalidParameterError(msg)
        self.device = device

    def now(self) -> Any:
        """Return a moment."""
        if self.device.type == "cpu":
            return time.perf_counter_ns()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event

    def between(self, start: Any, end: Any) -> float:
        """Return the time between two moments, in ns."""
        if self.device.type == "cpu":
            return float(end - start)
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e6  # from ms


def measure(
    runs: Sequence[Callable[[], Any]], clock: Clock, warmup: int, repeats: int
) -> list[Floats]:
    """Run functions in turns; return the times of each, in ns."""
    samples = np.empty((len(runs), repeats))
    with torch.no_grad():
        for i in range(warmup + repeats):
            for j, run in enumerate(runs):
                start = clock.now()
                run()
                passed = clock.between(start, clock.now())
                if i >= warmup:
                    samples[j, i - warmup] = passed
    return list(samples)


def signature(layer: Layer) -> object:
    """Return what is equal for layers that do the same work."""
    parameters = tuple(
        (name, tuple(p.shape), p.dtype) for name, p in layer.parameters.items()
    )
    return type(layer.module), layer.module.extra_repr(), parameters


def check_counts(warmup: int, repeats: int) -> None:
    """Refuse numbers of runs that measure nothing."""
    if warmup < 0 or repeats < 1:
        msg = "warmup must be at least 0 and repeats at least 1. "
        msg += f"Got {warmup!r} and {repeats!r}"
        raise InvalidParameterError(msg)


def timed_precisions(
    precisions: Names, *, simulated: bool, backend: Backend
) -> list[LayerPrecision]:
    """Read precisions, and refuse those whose time would say nothing."""
    read = [parse(name) for name in precisions]
    for i, precision in enumerate(read):
        has_kernel = backend != "torch" or precision.weight.dtype is not None
        if not (has_kernel or simulated or precision.weight.name == "keep"):
            msg = (
                f"precisions[{i}]: {precision.name!r} is decoded before torch "
                "computes: its time says nothing; use backend='torchao', or "
                "simulated=True"
            )
            raise InvalidParameterError(msg)
    return read


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's first parameter."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def spread_of(samples: Floats) -> float:
    """Return the distance of the quartiles."""
    low, high = np.percentile(samples, [25, 75])
    return float(high - low)
