"""Runs of the protocol: metrics, layouts, and noise on held-out images."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich.progress import Progress

from benchmarks.paper.networks import Network, load_network
from benchmarks.paper.noise.arms import ARMS, layout_of, random_layout
from benchmarks.paper.noise.in_place import refine
from benchmarks.paper.noise.levels import Setting, root_mean_squares, settings
from benchmarks.paper.noise.measured import grid, losses_of, measure_points
from benchmarks.paper.noise.metrics import METRICS, measure_metric
from benchmarks.paper.noise.pairs import measure_pairs, with_pairs
from benchmarks.paper.noise.perturb import NoisyNetwork
from benchmarks.paper.noise.trials import trial
from benchmarks.paper.store import Store

__all__ = ["run"]

#: Images of a batch of calibration: for metrics, and for single-layer losses, where
#: every batch has its own draws of the parameters' noise.
BATCH = 32
SMALL_BATCH = 8
IN_PLACE_BATCH = 16

#: Most rounds of measuring around a layout.
STEPS = 3

#: Networks that take half of the images, and not all of the settings.
DEEP = ("resnet32", "resnet44", "resnet56")

COMMON = [
    *(("absolute", split) for split in ("inputs", "parameters", "both")),
    ("relative", "both"),
    ("published", "both"),
]
MORE = [
    *(("relative", split) for split in ("inputs", "parameters")),
    *(("small", split) for split in ("parameters", "both", "stored")),
    ("published", "stored"),
]

#: The setting of the random layouts, and its seeds and images of each.
RANDOM = ("absolute", "both")
RANDOM_SEEDS = 4
RANDOM_IMAGES = 16

#: Calibration images that pairs are measured on, in the random layouts' setting.
PAIR_IMAGES = 64


def chosen_settings(name: str) -> list[tuple[str, str]]:
    """Return the level sets and splits that a network runs."""
    return COMMON if name in DEEP else [*COMMON, *MORE]


def run(arguments: argparse.Namespace, store: Store) -> None:
    """Run everything that the store lacks."""
    for name in arguments.networks:
        images = arguments.images // (1 + (name in DEEP))
        network = load_network(
            name,
            calibration=arguments.calibration,
            held_out=arguments.seeds * images,
            batch=images,
            folder=arguments.data,
        )
        _Runs(network, arguments, store).run()


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
        half = 1 + (network.name in DEEP)
        self.measured_on = _batches(
            images[: arguments.measured_images // half], SMALL_BATCH
        )
        self.in_place_on = _batches(
            images[: arguments.measured_images // half], IN_PLACE_BATCH
        )
        self.means = root_mean_squares(self.noisy, self.batches)
        self.settings = settings(chosen_settings(network.name), *self.means)
        self.sizes = (arguments.seeds, len(network.held_out[0][1]))

    def run(self) -> None:
        name = self.network.name
        if ("network", name) not in self.store:
            self.store.add(
                ("network", name),
                layers=self.noisy.names,
                inputs=self.means[0].round(6).tolist(),
                parameters=self.means[1].round(6).tolist(),
                inventory=self.settings[0].inventory,
            )
        metrics = self._metrics()
        self._clean()
        for setting in self.settings:
            self._trials(setting, self._layouts(setting, metrics))
        chosen = next(s for s in self.settings if (s.levels, s.split) == RANDOM)
        self._random(chosen)

    def _metrics(self) -> dict[str, Any]:
        """Return the records of all metrics, those of Algorithm 3 by storage level."""
        name, count = self.network.name, self.arguments.calibration
        found: dict[str, Any] = {}
        levels = sorted({s.storage for s in self.settings})
        for metric in METRICS:
            for level in levels[1:] if metric == "stored" else [0.0]:
                key = ("metric", name, metric, level, count)
                if key not in self.store:
                    values = measure_metric(metric, self.noisy, self.batches, level)
                    self.store.add(key, **_rounded(values))
                found[f"{metric}{level:g}" if level else metric] = self.store[key]
        key = ("single", name, sum(len(y) for _, y in self.measured_on))
        if key not in self.store:
            points = grid(self.means)
            total = 2 * len(self.measured_on) * len(self.noisy.layers)
            with _bar(f"{name}: single layers", total) as tick:
                values = measure_points(
                    self.network.model,
                    self.measured_on,
                    points,
                    draws=1,
                    seed=0,
                    tick=tick,
                )
            self.store.add(key, **values)
        found["points"] = self.store[key]
        return found

    def _layouts(self, setting: Setting, metrics: dict[str, Any]) -> list[str]:
        """Return the different layouts of all arms, and of a random one per seed."""
        name = self.network.name
        given = {
            **metrics,
            "single": {
                f"{setting.levels}/{setting.split}/{key}": losses
                for key, losses in losses_of(metrics["points"], setting).items()
            },
        }
        if setting.storage:
            given["stored"] = metrics[f"stored{setting.storage:g}"]
        layouts = []
        for arm in ARMS:
            if (arm == "alg3_stored") != bool(setting.storage) and arm in {
                "alg3",
                "alg3_stored",
            }:
                continue
            key = ("layout", name, setting.levels, setting.split, arm)
            if key not in self.store:
                found = layout_of(arm, given, setting)
                self.store.add(key, **found._asdict())
            layouts.append(self.store[key]["layout"])
        if name not in DEEP and setting.levels != "published" and not setting.storage:
            layouts.append(self._in_place(setting))
        if name in self.arguments.pairs and (setting.levels, setting.split) == RANDOM:
            layouts.append(self._with_pairs(setting, given))
        return list(dict.fromkeys(layouts))

    def _in_place(self, setting: Setting) -> str:
        """Return the exact layout after steps over losses measured around it."""
        place = (self.network.name, setting.levels, setting.split)
        key = ("layout", *place, "in_place")
        if key not in self.store:
            start = self.store[("layout", *place, "exact")]["layout"]
            total = STEPS * len(self.in_place_on)
            with _bar(f"{' '.join(place)}: in place", total) as tick:
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

    def _with_pairs(self, setting: Setting, given: dict[str, Any]) -> str:
        """Return the exact layout with the terms of all pairs of layers."""
        place = (self.network.name, setting.levels, setting.split)
        key = ("layout", *place, "pairs")
        if key not in self.store:
            batches = self.in_place_on[: PAIR_IMAGES // IN_PLACE_BATCH]
            with _bar(f"{' '.join(place)}: pairs", len(batches)) as tick:
                terms = measure_pairs(self.noisy, setting, batches, tick)
            single = ARMS["exact"].losses(given, setting)
            found = with_pairs(single, terms, setting)
            self.store.add(key, **found._asdict(), **terms)
        layout: str = self.store[key]["layout"]
        return layout

    def _clean(self) -> None:
        """Measure full precision on the images of every seed."""
        key = ("clean", self.network.name, *self.sizes)
        if key in self.store:
            return
        none = Setting(
            "absolute", "both", *[np.zeros((len(self.noisy.layers), 4))] * 2, ()
        )
        zeros = "0" * len(self.noisy.layers)
        rows = [
            trial(self.noisy, none, [zeros], batch, 1 + seed)[0]
            for seed, batch in enumerate(self.network.held_out)
        ]
        self._add(key, rows)

    def _trials(self, setting: Setting, layouts: list[str]) -> None:
        name, place = self.network.name, (setting.levels, setting.split)
        seeds = range(self.arguments.seeds)
        start = ("trial", name, *place, *self.sizes)
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
        key = ("random", name, *RANDOM, count, RANDOM_SEEDS, RANDOM_IMAGES)
        if key in self.store:
            return
        layouts = [random_layout(setting, 1000 + i) for i in range(count)]
        arms = {
            record["key"][4]: record["layout"]
            for record in self.store.select("layout", name, *RANDOM)
        }
        asked = ["0" * len(self.noisy.layers), *layouts, *arms.values()]
        losses = []
        seeds = range(min(RANDOM_SEEDS, self.arguments.seeds))
        with _bar(f"{name}: random layouts", len(seeds) * len(asked)) as tick:
            for seed in seeds:
                x, y = self.network.held_out[seed]
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
