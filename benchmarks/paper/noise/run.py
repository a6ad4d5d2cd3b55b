"""Runs of the protocol: the plan's settings, with noise on held-out images."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from torch import Tensor

from benchmarks.paper.networks import Network, load_network
from benchmarks.paper.noise.arms import random_layout
from benchmarks.paper.noise.layouts import Layouts, bar
from benchmarks.paper.noise.levels import Setting
from benchmarks.paper.noise.perturb import NoisyNetwork
from benchmarks.paper.noise.plan import (
    DEEP,
    PLAN,
    RANDOM,
    RANDOM_IMAGES,
    RANDOM_SEEDS,
    blocks_of,
)
from benchmarks.paper.noise.trials import trial
from benchmarks.paper.store import Store

__all__ = ["run"]


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
                open_ones[name] = _Runs(_load(name, arguments), arguments, store)
            open_ones[name].run(what, levels, split)


def _load(name: str, arguments: argparse.Namespace) -> Network:
    """Load a network with as many held-out images as its last seed needs."""
    images = arguments.images // (1 + (name in DEEP))
    last = max(
        blocks_of(name, levels, split, arguments)[-1].stop
        for _, levels, split, names in PLAN
        if name in names
    )
    return load_network(
        name,
        calibration=arguments.calibration,
        held_out=images * last,
        batch=images,
        folder=arguments.data,
    )


class _Runs:
    """What is run on one network."""

    def __init__(
        self, network: Network, arguments: argparse.Namespace, store: Store
    ) -> None:
        self.network = network
        self.arguments = arguments
        self.store = store
        self.noisy = NoisyNetwork(network.model)
        self.layouts = Layouts(network, self.noisy, arguments, store)

    def run(self, what: str, levels: str, split: str) -> None:
        """Run one line of the plan."""
        setting = self.layouts.setting(levels, split)
        layouts = self.layouts.of_arms(setting)
        self.layouts.verified(setting)
        if what == "random":
            self._random(setting)
            return
        if what == "in_place":
            found = self.layouts.in_place(setting), self.layouts.settled(setting)
            layouts = sorted(set(found))
        elif what == "pairs":
            layouts = [self.layouts.with_pairs(setting)]
        for seeds in blocks_of(self.network.name, levels, split, self.arguments):
            self._clean(seeds)
            self._trials(setting, layouts, seeds)

    def _sizes(self, seeds: range) -> tuple[int, ...]:
        """Return what a record's key says of seeds and images."""
        images = len(self.network.held_out[0][1])
        # Records from the first seed on are from before one could begin elsewhere.
        return (len(seeds), images, *([seeds[0]] if seeds[0] else []))

    def _clean(self, seeds: range) -> None:
        """Measure full precision on the images of every seed."""
        key = ("clean", self.network.name, *self._sizes(seeds))
        if key in self.store:
            return
        self._add(key, [self._own(self.network.held_out[seed]) for seed in seeds])

    def _own(self, batch: tuple[Tensor, Tensor]) -> tuple[float, float]:
        """Return full precision's loss and accuracy."""
        count = len(self.noisy.layers)
        none = Setting("absolute", "both", *[np.zeros((count, 4))] * 2, ())
        # Noise of size 0 is not drawn, so that any seed will do.
        return trial(self.noisy, none, ["0" * count], batch, seed=0)[0]

    def _trials(self, setting: Setting, layouts: list[str], seeds: range) -> None:
        """Measure layouts, and a random one for each seed, on the same noise."""
        name, place = self.network.name, (setting.levels, setting.split)
        start = ("trial", name, *place, *self._sizes(seeds))
        missing = [one for one in layouts if (*start, one) not in self.store]
        is_random = (*start, "random") not in self.store
        if not missing and not is_random:
            return
        self.noisy.store(setting.storage, seed=0)
        rows: dict[str, list[tuple[float, float]]] = {one: [] for one in missing}
        drawn: list[tuple[float, float]] = []
        total = len(seeds) * (len(missing) + is_random)
        with bar(f"{name}: {' '.join(place)}, from seed {seeds[0]}", total) as tick:
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
        seeds = range(RANDOM_SEEDS // (1 + (name in DEEP)))
        key = ("random", name, *RANDOM, count, len(seeds), RANDOM_IMAGES)
        if key in self.store:
            return
        layouts = [random_layout(setting, 1000 + i) for i in range(count)]
        arms = {
            record["key"][4]: record["layout"]
            for record in self.store.select("layout", name, *RANDOM)
        }
        asked = [*layouts, *arms.values()]
        losses = []
        with bar(f"{name}: random layouts", len(seeds) * len(asked)) as tick:
            for seed in seeds:
                x, y = self.network.held_out[seed % len(self.network.held_out)]
                batch = (x[:RANDOM_IMAGES], y[:RANDOM_IMAGES])
                found = trial(self.noisy, setting, asked, batch, 5000 + seed, tick)
                own = self._own(batch)
                losses.append([row[0] - own[0] for row in found])
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
