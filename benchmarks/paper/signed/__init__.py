"""Lower loss than full precision: is there a layout, and does it hold on other data?"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import product
from pathlib import Path

from rich.progress import Progress

from benchmarks.paper.networks import STORIES, Network, load_network
from benchmarks.paper.signed.layouts import best, cheapest, random_choice
from benchmarks.paper.signed.options import (
    DIRECTIONS,
    PRECISIONS,
    TOWARDS,
    Signs,
    gradient_signs,
    joined,
)
from benchmarks.paper.signed.report import report
from benchmarks.paper.signed.tables import Table, expansions, first_samples, measured
from benchmarks.paper.signed.trial import Trial
from benchmarks.paper.store import Store
from mpsolve.torch import find_layers, find_ties, memory

__all__ = ["SMOKE", "add_arguments", "report", "run"]

#: Precisions of each network, and calibration sizes at which layers are measured alone.
PLAN: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "resnet8": (("fp16", "bf16", "int8", "w6", "w4"), (64, 256)),
    "resnet20": (("fp16", "bf16"), ()),
    "stories260k": (("bf16", "w4"), ()),
    "resnet56": (("bf16", "w4"), ()),
}

#: Of which layers are measured alone: a forward pass for each layer and option.
MEASURED = ("bf16", "int8", "w4")

#: Two precisions in one memory budget, half-way between one for all and the other.
MIXED = ("w4", "w6")
ONLY_MIXED = ("w6",)

#: Whether a direction is one for a whole tensor, or may be one for each element.
FAMILIES = ("tensor", "element")

#: Whether layers may stay as they are; two standard errors may be added to the loss of
#: those that do not.
RULES = {
    "first order": ("may stay",),
    "second order": ("all rounded", "may stay", "may stay, + 2 s"),
    "measured": ("all rounded", "may stay", "may stay, + 2 s"),
}

SMOKE = [
    *("--networks", "resnet8", "--calibration", "4", "8", "--held-out", "12"),
    *("--random", "1", "--precisions", "bf16", "w4", "w6", "--measured", "8"),
    *("--flips", "100"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say how large the run is."""
    add = parser.add_argument
    add("--networks", nargs="+", choices=list(PLAN), default=list(PLAN))
    add("--precisions", nargs="+", choices=list(PRECISIONS), default=list(PRECISIONS))
    add("--calibration", type=int, nargs="+", default=[64, 256, 1024])
    add("--held-out", type=int, default=2000, help="images; see `held_out`")
    add("--random", type=int, default=1, help="layouts of random directions")
    add("--measured", type=int, nargs="*", help="sizes at which layers run alone")
    add("--flips", type=int, default=20_000, help="draws of the permutation test")


def held_out(name: str, images: int) -> int:
    """Return how many samples a network is tested on: slow ones get fewer."""
    shares = {"resnet20": 3 / 4, "resnet56": 2 / 5, "stories260k": 1 / 25}
    return int(images * shares.get(name, 1))


def samples(name: str, images: int) -> int:
    """Return how many samples a calibration size stands for: a story for 8 images."""
    return images // 8 if name in STORIES else images


def run(arguments: argparse.Namespace, store: Store) -> None:
    """Find layouts on one set, try them on another; resumes at a network's size."""
    sizes = sorted(arguments.calibration)
    with Progress() as progress:
        for name in arguments.networks:
            precisions = [p for p in PLAN[name][0] if p in arguments.precisions]
            alone = PLAN[name][1] if arguments.measured is None else arguments.measured
            task = progress.add_task(name, total=len(sizes) * (len(precisions) + 1))
            done = {
                size: ("done", name, size, "+".join(precisions), size == max(sizes))
                for size in sizes
            }
            if all(key in store for key in done.values()):
                continue
            network = load_network(
                name,
                calibration=samples(name, max(sizes)),
                held_out=held_out(name, arguments.held_out),
                folder=Path(arguments.data),
            )
            network.model.requires_grad_(requires_grad=False)
            for size in sizes:
                if done[size] not in store:
                    progress.update(task, description=f"{name}: {size}")
                    study = _Study(network, store, size, arguments)
                    study.run(
                        precisions,
                        measure=size in alone,
                        is_largest=size == max(sizes),
                        tick=lambda t=task: progress.advance(t),
                    )
                    store.add(done[size])


class _Study:
    """One network, one calibration set."""

    def __init__(
        self, network: Network, store: Store, size: int, arguments: argparse.Namespace
    ) -> None:
        self.network = network
        self.store = store
        self.size = size
        self.arguments = arguments
        count = samples(network.name, size)
        self.batches = first_samples(network.calibration, count)
        self.signs: Signs = gradient_signs(network, self.batches)
        layers = find_layers(network.model)
        self.layers = [layer.name for layer in layers]
        self.ties = find_ties(layers)
        self.trial = Trial(network, self.batches, arguments.flips)
        key = ("full precision", network.name, size)
        if key not in store:
            store.add(key, samples=count, **self.trial.base())

    def run(
        self,
        precisions: list[str],
        *,
        measure: bool,
        is_largest: bool,
        tick: Callable[[], None],
    ) -> None:
        orders = expansions(self.network, self.batches, self.signs, precisions)
        for name in precisions:
            if name in ONLY_MIXED:
                continue
            for metric, tables in orders.items():
                self._arms(name, metric, tables[name])
            if measure and name in MEASURED:
                alone = measured(self.network, self.batches, self.signs, name)
                self._arms(name, "measured", alone)
            if is_largest:
                self._references(name, orders["first order"][name])
            tick()
        if all(name in precisions for name in MIXED):
            tables = orders["second order"]
            self._mixed({name: tables[name] for name in MIXED})
        tick()

    def _arms(self, precision: str, metric: str, table: Table) -> None:
        for family, rule in product(FAMILIES, RULES[metric]):
            choice = best(
                table if family == "element" else table.without(TOWARDS),
                self.layers,
                self.ties,
                may_stay=rule != "all rounded",
                standard_errors=2.0 if rule.endswith("2 s") else 0.0,
            )
            self._try(
                (precision, family, rule, metric),
                self._named(precision, choice.layout),
                predicted=choice.predicted,
                reason=choice.reason,
                method=choice.method,
            )

    def _references(self, precision: str, table: Table) -> None:
        """Try one direction everywhere, and random directions."""
        for kind in ("nearest", *DIRECTIONS, *TOWARDS):
            layout = (kind,) * len(self.layers)
            key = (precision, "everywhere", "all rounded", kind)
            self._try(key, self._named(precision, layout))
        plain = [kind for kind in table.options if kind not in TOWARDS]
        for seed in range(self.arguments.random):
            layout = random_choice(plain, self.layers, self.ties, seed)
            key = (precision, "everywhere", "all rounded", f"random {seed}")
            self._try(key, self._named(precision, layout))

    def _mixed(self, tables: dict[str, Table]) -> None:
        options = {name: joined(name, self.signs)["nearest"] for name in tables}
        layers = find_layers(self.network.model)
        sizes = {name: memory(layers, [own])[:, 0] for name, own in options.items()}
        budget = sum(int(own.sum()) for own in sizes.values()) // len(sizes)
        for only_nearest in (True, False):
            choice = cheapest(
                tables,
                sizes,
                budget,
                self.layers,
                self.ties,
                only_nearest=only_nearest,
            )
            arm = "nearest only" if only_nearest else "second order"
            self._try(
                (" + ".join(tables), "element", "memory", arm),
                choice.layout,
                predicted=choice.predicted,
                reason=choice.reason,
                method=choice.method,
                memory=sum(
                    int(sizes[kind.split()[0]][i])
                    for i, kind in enumerate(choice.layout)
                ),
                budget=budget,
            )

    def _named(self, precision: str, layout: tuple[str, ...]) -> tuple[str, ...]:
        """Put the precision's name before directions."""
        return tuple(k if k == "keep" else f"{precision} {k}" for k in layout)

    def _try(
        self, arm: tuple[str, ...], layout: tuple[str, ...], **more: object
    ) -> None:
        key = ("layout", self.network.name, self.size, *arm)
        if key in self.store:
            return
        options = {
            f"{name} {kind}": own
            for name in PRECISIONS
            for kind, own in joined(name, self.signs).items()
        }
        found = self.trial.of(
            {
                layer: options[kind]
                for layer, kind in zip(self.layers, layout, strict=True)
                if kind != "keep"
            },
            layout,
        )
        counts = {kind: layout.count(kind) for kind in sorted(set(layout))}
        self.store.add(key, layout=counts, **found, **more)
