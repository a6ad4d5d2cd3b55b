"""A layout on the set where it was found, and on one that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.paper.networks import Batches, Network
from benchmarks.paper.signed.significance import sign_flip_p, t_test_p
from benchmarks.paper.signed.temperature import Outputs, best_temperature, outputs_of
from benchmarks.paper.statistics import Mean, mean
from mpsolve.torch import LayerPrecision, apply_

__all__ = ["Trial"]

Floats = npt.NDArray[np.float64]


class Trial:
    """Full precision on both sets, and layouts beside it, sample by sample.

    Parameters
    ----------
    network : Network
    found_on : list of (inputs, targets)
    flips : int
        Draws of the permutation test.
    """

    def __init__(self, network: Network, found_on: Batches, flips: int) -> None:
        self.network = network
        self.found_on = found_on
        self.flips = flips
        self._full = self._outputs()
        self._temperature = best_temperature(self._full[0])
        self._known: dict[tuple[str, ...], dict[str, Any]] = {}

    def base(self) -> dict[str, Any]:
        """Return full precision's losses, and what its best temperature is worth."""
        found, held_out = self._full
        gain = held_out.losses(self._temperature) - held_out.losses()
        return {
            "found_loss": float(found.losses().mean()),
            "held_out_loss": float(held_out.losses().mean()),
            "held_out_samples": len(gain),
            "accuracy": held_out.accuracy(),
            "temperature": self._temperature,
            "temperature_change": _interval(mean(gain)),
            "temperature_p": sign_flip_p(gain, draws=self.flips),
        }

    def of(
        self, precisions: Mapping[str, LayerPrecision], layout: tuple[str, ...]
    ) -> dict[str, Any]:
        """Return what a layout changes; equal layouts are run once.

        Parameters
        ----------
        precisions : mapping of layer to LayerPrecision
        layout : tuple of str
            The same by names.
        """
        if layout not in self._known:
            self._known[layout] = self._compare(precisions)
        return self._known[layout]

    def _outputs(self) -> tuple[Outputs, Outputs]:
        network = self.network
        return (
            outputs_of(network.model, self.found_on),
            outputs_of(network.model, network.held_out),
        )

    def _compare(self, precisions: Mapping[str, LayerPrecision]) -> dict[str, Any]:
        with apply_(self.network.model, precisions):
            own = self._outputs()
        on_found = own[0].losses() - self._full[0].losses()
        on_held_out = own[1].losses() - self._full[1].losses()
        temperature = best_temperature(own[0])
        cooled = own[1].losses(temperature) - self._full[1].losses(self._temperature)
        return {
            "found": _interval(mean(on_found)),
            "held_out": _interval(mean(on_held_out)),
            "flip_p": sign_flip_p(on_held_out, draws=self.flips),
            "t_p": t_test_p(on_held_out),
            "accuracy": own[1].accuracy(),
            "temperature": temperature,
            "with_temperature": _interval(mean(cooled)),
            "with_temperature_p": sign_flip_p(cooled, draws=self.flips),
        }


def _interval(found: Mean) -> list[float]:
    return [found.value, found.half]
