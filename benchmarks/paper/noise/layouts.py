"""From a network's calibration samples to the layouts of all arms, kept in a store."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import Progress

from benchmarks.paper.networks import Network
from benchmarks.paper.noise.arms import ARMS, layout_of
from benchmarks.paper.noise.in_place import SEED, UNSEEN, divergences, refine
from benchmarks.paper.noise.levels import (
    Setting,
    counts,
    root_mean_squares,
    settings,
)
from benchmarks.paper.noise.measured import grid, losses_of, measure_points
from benchmarks.paper.noise.metrics import DRAWS, METRICS, measure_metric
from benchmarks.paper.noise.pairs import measure_pairs, with_pairs
from benchmarks.paper.noise.perturb import NoisyNetwork
from benchmarks.paper.noise.plan import DEEP, PAIR_IMAGES
from benchmarks.paper.store import Store

__all__ = ["Layouts", "bar"]

Floats = npt.NDArray[np.float64]

#: Images of a batch of calibration: for metrics, and for single-layer losses, where
#: every batch has its own draws of the parameters' noise.
BATCH = 32
SMALL_BATCH = 8
IN_PLACE_BATCH = 16

#: Arms whose layouts are compared before one is taken: all are optima of losses that
#: were measured or derived on the calibration images.
FINALISTS = (
    "loss_mse",
    "gauss_newton",
    "alg1_rms",
    "divergence",
    "measured",
    "exact",
)

#: Draws of noise for every batch that they are compared with.
COMPARED = 2

#: Arms whose losses pair terms are added to, and measured by.
FOR_PAIRS = ("exact", "divergence")

#: Most rounds of measuring around a layout.
STEPS = 3


class Layouts:
    """What all arms choose for one network.

    Parameters
    ----------
    network : Network
    noisy : NoisyNetwork
        The same.
    arguments : Namespace
        Sizes, as the command line gives them.
    store : Store
        What it holds is not measured again.
    """

    def __init__(
        self,
        network: Network,
        noisy: NoisyNetwork,
        arguments: argparse.Namespace,
        store: Store,
    ) -> None:
        self.network = network
        self.noisy = noisy
        self.store = store
        self.calibration = arguments.calibration
        images = [
            (x[i : i + 1], y[i : i + 1])
            for x, y in network.calibration
            for i in range(len(y))
        ]
        self.batches = _batches(images, BATCH)
        self.share = 1 + (network.name in DEEP)
        some = images[: arguments.measured_images // self.share**2]
        self.measured_on = _batches(some, SMALL_BATCH)
        # Its passes are many, and each has the noise of all layers.
        few = some if network.name == "resnet8" else some[: len(some) // 2]
        self.in_place_on = _batches(few, IN_PLACE_BATCH)
        self.verified_on = _batches(images, IN_PLACE_BATCH)
        self.means = root_mean_squares(noisy, self.batches)
        if ("network", network.name) not in store:
            store.add(
                ("network", network.name),
                layers=noisy.names,
                inputs=self.means[0].round(6).tolist(),
                parameters=self.means[1].round(6).tolist(),
                inventory=counts(len(noisy.names)),
            )

    def setting(self, levels: str, split: str) -> Setting:
        """Return a setting of the network."""
        (found,) = settings([(levels, split)], *self.means)
        return found

    def _metric(self, metric: str, storage: float = 0.0) -> dict[str, Any]:
        key = ("metric", self.network.name, metric, storage, self.calibration)
        if key not in self.store:
            draws = DRAWS // self.share
            values = measure_metric(metric, self.noisy, self.batches, draws, storage)
            self.store.add(key, **_rounded(values))
        return self.store[key]

    def _single(self, setting: Setting) -> dict[str, Floats]:
        """Return measured losses; small and published levels follow the absolute."""
        levels = "relative" if setting.levels == "relative" else "absolute"
        measured = self.setting(levels, "both")
        name, count = self.network.name, sum(len(y) for _, y in self.measured_on)
        key = ("single", name, levels, count)
        if key not in self.store:
            total = 2 * len(self.measured_on) * len(self.noisy.layers)
            with bar(f"{name}: single layers, {levels}", total) as tick:
                values = measure_points(
                    self.network.model, self.measured_on, grid(measured), tick
                )
            self.store.add(key, **values)
        return losses_of(self.store[key], setting)

    def _arms(self, setting: Setting) -> list[str]:
        without = {"alg3"} if setting.storage else {"alg3_stored"}
        return [arm for arm in ARMS if arm not in without]

    def _given(self, setting: Setting) -> dict[str, Any]:
        """Return everything that arms know."""
        needed = {ARMS[arm].needs for arm in self._arms(setting)}
        found: dict[str, Any] = {
            metric: self._metric(metric)
            for metric in METRICS
            if metric in needed - {"stored"}
        }
        if setting.storage:
            found["stored"] = self._metric("stored", setting.storage)
        return {**found, "single": self._single(setting)}

    def of_arms(self, setting: Setting) -> list[str]:
        """Return the different layouts of all arms."""
        place = (self.network.name, setting.levels, setting.split)
        arms = self._arms(setting)
        missing = [a for a in arms if ("layout", *place, a) not in self.store]
        if missing:
            given = self._given(setting)
            for arm in missing:
                found = layout_of(arm, given, setting)
                self.store.add(("layout", *place, arm), **found._asdict())
        layouts = [self.store[("layout", *place, arm)]["layout"] for arm in arms]
        return list(dict.fromkeys(layouts))

    def verified(self, setting: Setting) -> str:
        """Choose among the exact arms' layouts, on all calibration images."""
        place = (self.network.name, setting.levels, setting.split)
        layouts = [self.store[("layout", *place, a)]["layout"] for a in FINALISTS]
        return self._choose(setting, "verified", list(dict.fromkeys(layouts)), SEED)

    def _choose(
        self,
        setting: Setting,
        arm: str,
        layouts: list[str],
        first_seed: int,
        seconds: float = 0.0,
        forward: float = 0,
    ) -> str:
        """Take the layout whose outputs diverge least, on noise from a seed on.

        What the layouts cost before is added to the arm's time and passes.
        """
        key = ("layout", self.network.name, setting.levels, setting.split, arm)
        if key not in self.store:
            began = time.process_time()
            self.noisy.store(setting.storage, seed=0)
            batches = self.verified_on * COMPARED
            found = divergences(self.noisy, setting, layouts, batches, first_seed)
            self.noisy.store(0.0, seed=0)
            self.store.add(
                key,
                layout=layouts[int(np.argmin(found))],
                divergences=[round(d, 7) for d in found],
                seconds=round(seconds + time.process_time() - began, 2),
                forward=forward + 2 * COMPARED * len(layouts),
                backward=0,
            )
        layout: str = self.store[key]["layout"]
        return layout

    def in_place(self, setting: Setting) -> str:
        """Return the exact layout after steps over losses measured around it."""
        place = (self.network.name, setting.levels, setting.split)
        key = ("layout", *place, "in_place")
        if key not in self.store:
            start = self.store[("layout", *place, "verified")]["layout"]
            with bar(
                f"{' '.join(place)}: in place", STEPS * len(self.in_place_on)
            ) as tick:
                found = refine(
                    self.noisy,
                    setting,
                    start,
                    self.in_place_on,
                    steps=STEPS,
                    tick=tick,
                )
            self.store.add(key, **found)
        layout: str = self.store[key]["layout"]
        return layout

    def settled(self, setting: Setting) -> str:
        """Return the layout after the steps, or before, on noise that had no say."""
        place = (self.network.name, setting.levels, setting.split)
        before, after = (
            self.store[("layout", *place, arm)] for arm in ("verified", "in_place")
        )
        return self._choose(
            setting,
            "settled",
            [before["layout"], after["layout"]],
            UNSEEN,
            after["seconds"],
            after["forward"],
        )

    def with_pairs(self, setting: Setting) -> str:
        """Return the exact layout with the terms of all pairs of layers."""
        place = (self.network.name, setting.levels, setting.split)
        key, measured = ("layout", *place, "pairs"), ("pairs", *place)
        if measured not in self.store:
            count = PAIR_IMAGES // self.share // IN_PLACE_BATCH
            batches = self.in_place_on[:count]
            with bar(f"{' '.join(place)}: pairs", len(batches)) as tick:
                terms = measure_pairs(self.noisy, setting, batches, tick)
            self.store.add(measured, **terms)
        if key not in self.store:
            given = self._given(setting)
            single, alone = (ARMS[a].losses(given, setting) for a in FOR_PAIRS)
            found = with_pairs(single, alone, self.store[measured], setting)
            self.store.add(key, **found._asdict())
        layout: str = self.store[key]["layout"]
        return layout


def _batches(images: list[Any], size: int) -> list[Any]:
    return [
        tuple(torch.cat(part) for part in zip(*images[i : i + size], strict=True))
        for i in range(0, len(images), size)
    ]


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [float(f"{v:.7g}") for v in value] if isinstance(value, list) else value
        for key, value in values.items()
    }


@contextmanager
def bar(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar, which a call moves by one."""
    with Progress(transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)
