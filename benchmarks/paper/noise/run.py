"""Runs of the protocol: metrics, layouts, and noise on held-out images."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import Progress

from benchmarks.paper.networks import Network, load_network
from benchmarks.paper.noise.arms import ARMS, layout_of, random_layout
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
from benchmarks.paper.noise.plan import (
    DEEP,
    FAINT,
    PAIR_IMAGES,
    PLAN,
    RANDOM,
    RANDOM_IMAGES,
    RANDOM_SEEDS,
)
from benchmarks.paper.noise.trials import trial
from benchmarks.paper.store import Store

__all__ = ["run"]

Floats = npt.NDArray[np.float64]

#: Images of a batch of calibration: for metrics, and for single-layer losses, where
#: every batch has its own draws of the parameters' noise.
BATCH = 32
SMALL_BATCH = 8
IN_PLACE_BATCH = 16

#: Arms whose layouts are compared before one is taken: all are optima of losses that
#: were measured or derived on the calibration images.
FINALISTS = (
    *("loss_mse", "gauss_newton", "alg1_rms"),
    *("divergence", "measured", "exact"),
)

#: Draws of noise for every batch that they are compared with.
COMPARED = 2

#: Most rounds of measuring around a layout.
STEPS = 3


def first_seed(name: str, arguments: argparse.Namespace) -> int:
    """Return the first seed of noise that no arm of a network was designed by."""
    given: int | None = arguments.first_seed
    if given is not None:
        return given
    return 60 if name == "resnet8" else 40


def run(arguments: argparse.Namespace, store: Store) -> None:
    """Run everything that the store lacks."""
    open_ones: dict[str, _Runs] = {}
    for what, levels, split, names in PLAN:
        if what in arguments.skip or levels not in arguments.levels:
            continue
        for name in names:
            if name not in arguments.networks:
                continue
            if name not in open_ones:
                images = arguments.images // (1 + (name in DEEP))
                batches = max(
                    seeds_of(name, levels, split, arguments).stop
                    for _, levels, split, names in PLAN
                    if name in names
                )
                network = load_network(
                    name,
                    calibration=arguments.calibration,
                    held_out=images * batches,
                    batch=images,
                    folder=arguments.data,
                )
                open_ones[name] = _Runs(network, arguments, store)
            open_ones[name].run(what, levels, split)


def seeds_of(
    name: str, levels: str, split: str, arguments: argparse.Namespace
) -> range:
    """Return the seeds of a setting's noise; each has held-out images of its own."""
    first = first_seed(name, arguments)
    factor = FAINT.get((name, levels, split), 1)
    return range(first, first + factor * arguments.seeds)


class _Runs:
    """What is run on one network."""

    def __init__(
        self, network: Network, arguments: argparse.Namespace, store: Store
    ) -> None:
        self.network = network
        self.arguments = arguments
        self.store = store
        self.noisy = NoisyNetwork(network.model)
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
        self.means = root_mean_squares(self.noisy, self.batches)
        self.store.add(
            ("network", network.name),
            layers=self.noisy.names,
            inputs=self.means[0].round(6).tolist(),
            parameters=self.means[1].round(6).tolist(),
            inventory=counts(len(self.noisy.names)),
        ) if ("network", network.name) not in store else None

    def run(self, what: str, levels: str, split: str) -> None:
        """Run one line of the plan."""
        (setting,) = settings([(levels, split)], *self.means)
        self._clean(setting)
        layouts = self._layouts(setting)
        self._verify(setting)
        if what == "trials":
            self._trials(setting, layouts)
        elif what == "random":
            self._random(setting)
        elif what == "in_place":
            layouts = {self._in_place(setting), self._settled(setting)}
            self._trials(setting, sorted(layouts))
        else:
            self._trials(setting, [self._with_pairs(setting)])

    def _seeds(self, setting: Setting) -> range:
        place = (self.network.name, setting.levels, setting.split)
        return seeds_of(*place, self.arguments)

    def _sizes(self, setting: Setting) -> tuple[int, ...]:
        """Return what a record's key says of seeds and images."""
        seeds, images = self._seeds(setting), len(self.network.held_out[0][1])
        # Records from the first seed on are from before one could begin elsewhere.
        return (len(seeds), images, *([seeds[0]] if seeds[0] else []))

    def _metric(self, metric: str, storage: float = 0.0) -> dict[str, Any]:
        key = (
            *("metric", self.network.name, metric, storage),
            self.arguments.calibration,
        )
        if key not in self.store:
            draws = DRAWS // self.share
            values = measure_metric(metric, self.noisy, self.batches, draws, storage)
            self.store.add(key, **_rounded(values))
        return self.store[key]

    def _single(self, setting: Setting) -> dict[str, Floats]:
        """Return measured losses; small and published levels follow the absolute."""
        levels = "relative" if setting.levels == "relative" else "absolute"
        (measured,) = settings([(levels, "both")], *self.means)
        name, count = self.network.name, sum(len(y) for _, y in self.measured_on)
        key = ("single", name, levels, count)
        if key not in self.store:
            total = 2 * len(self.measured_on) * len(self.noisy.layers)
            with _bar(f"{name}: single layers, {levels}", total) as tick:
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

    def _layouts(self, setting: Setting) -> list[str]:
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

    def _verify(self, setting: Setting) -> None:
        """Choose among the exact arms' layouts, on all calibration images."""
        place = (self.network.name, setting.levels, setting.split)
        layouts = [self.store[("layout", *place, a)]["layout"] for a in FINALISTS]
        self._choose(setting, "verified", list(dict.fromkeys(layouts)), SEED)

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
            found = np.mean(
                [
                    divergences(
                        *(self.noisy, setting, layouts, self.verified_on),
                        first_seed + draw * len(self.verified_on),
                    )
                    for draw in range(COMPARED)
                ],
                0,
            )
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

    def _in_place(self, setting: Setting) -> str:
        """Return the exact layout after steps over losses measured around it."""
        place = (self.network.name, setting.levels, setting.split)
        key = ("layout", *place, "in_place")
        if key not in self.store:
            start = self.store[("layout", *place, "verified")]["layout"]
            with _bar(
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

    def _settled(self, setting: Setting) -> str:
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

    def _with_pairs(self, setting: Setting) -> str:
        """Return the exact layout with the terms of all pairs of layers."""
        place = (self.network.name, setting.levels, setting.split)
        key, measured = ("layout", *place, "pairs"), ("pairs", *place)
        if measured not in self.store:
            count = PAIR_IMAGES // self.share // IN_PLACE_BATCH
            batches = self.in_place_on[:count]
            with _bar(f"{' '.join(place)}: pairs", len(batches)) as tick:
                terms = measure_pairs(self.noisy, setting, batches, tick)
            self.store.add(measured, **terms)
        if key not in self.store:
            single = ARMS["exact"].losses(self._given(setting), setting)
            found = with_pairs(single, self.store[measured], setting)
            self.store.add(key, **found._asdict())
        layout: str = self.store[key]["layout"]
        return layout

    def _clean(self, setting: Setting) -> None:
        """Measure full precision on the images of every seed."""
        key = ("clean", self.network.name, *self._sizes(setting))
        if key in self.store:
            return
        none = Setting(
            "absolute", "both", *[np.zeros((len(self.noisy.layers), 4))] * 2, ()
        )
        zeros = "0" * len(self.noisy.layers)
        rows = [
            trial(self.noisy, none, [zeros], batch, 1 + seed)[0]
            for seed in self._seeds(setting)
            for batch in (self.network.held_out[seed],)
        ]
        self._add(key, rows)

    def _trials(self, setting: Setting, layouts: list[str]) -> None:
        name, place = self.network.name, (setting.levels, setting.split)
        seeds = self._seeds(setting)
        start = ("trial", name, *place, *self._sizes(setting))
        missing = [one for one in layouts if (*start, one) not in self.store]
        is_random = (*start, "random") not in self.store
        if not missing and not is_random:
            return
        self.noisy.store(setting.storage, seed=0)
        rows: dict[str, list[tuple[float, float]]] = {one: [] for one in missing}
        drawn: list[tuple[float, float]] = []
        total = len(seeds) * (len(missing) + is_random)
        with _bar(f"{name}: {' '.join(place)}", total) as tick:
            for seed in seeds:
                batch = self.network.held_out[seed]
                asked = [*missing]
                if is_random:
                    asked.append(random_layout(setting, seed))
                found = trial(self.noisy, setting, asked, batch, 1 + seed, tick)
                for one, row in zip(missing, found, strict=False):
                    rows[one].append(row)
                if is_random:
                    drawn.append(found[-1])
        self.noisy.store(0.0, seed=0)
        for one in missing:
            self._add((*start, one), rows[one])
        if is_random:
            self._add((*start, "random"), drawn)

    def _random(self, setting: Setting) -> None:
        """Measure many random layouts, and those of all arms on the same noise."""
        name, count = self.network.name, self.arguments.random
        key = (
            "random",
            name,
            *RANDOM,
            count,
            RANDOM_SEEDS // self.share,
            RANDOM_IMAGES,
        )
        if key in self.store:
            return
        layouts = [random_layout(setting, 1000 + i) for i in range(count)]
        arms = {
            record["key"][4]: record["layout"]
            for record in self.store.select("layout", name, *RANDOM)
        }
        asked = ["0" * len(self.noisy.layers), *layouts, *arms.values()]
        losses = []
        seeds = range(RANDOM_SEEDS // self.share)
        with _bar(f"{name}: random layouts", len(seeds) * len(asked)) as tick:
            for seed in seeds:
                x, y = self.network.held_out[seed % len(self.network.held_out)]
                batch = (x[:RANDOM_IMAGES], y[:RANDOM_IMAGES])
                found = trial(self.noisy, setting, asked[1:], batch, 5000 + seed, tick)
                none = Setting("absolute", "both", *[setting.on_inputs * 0] * 2, ())
                clean = trial(self.noisy, none, asked[:1], batch, 5000 + seed, tick)
                losses.append([row[0] - clean[0][0] for row in found])
        excess = np.mean(losses, 0).round(6).tolist()
        self.store.add(
            key,
            excess=excess[:count],
            arms=dict(zip(arms, excess[count:], strict=True)),
        )

    def _add(self, key: tuple[Any, ...], rows: list[tuple[float, float]]) -> None:
        self.store.add(
            key,
            loss=[round(loss, 8) for loss, _ in rows],
            accuracy=[round(accuracy, 5) for _, accuracy in rows],
        )


def _batches(images: list[Any], size: int) -> list[Any]:
    import torch

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
def _bar(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar, which a call moves by one."""
    with Progress(transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)
