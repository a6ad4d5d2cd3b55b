"""Loss against memory, bit operations and time: all arms at the same budgets."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
from rich.progress import track

from benchmarks.paper.budgets import exhaustion, operations
from benchmarks.paper.budgets.arms import ADDITIVE, ARMS, EXACT, budgets_of, solve_arms
from benchmarks.paper.budgets.incumbent import Incumbents, turns
from benchmarks.paper.budgets.measured import (
    add_divergence,
    add_held_out,
    add_quality,
    code_of,
)
from benchmarks.paper.budgets.report import report
from benchmarks.paper.budgets.tables import measure_tables
from benchmarks.paper.networks import Batches, Network, load_network
from benchmarks.paper.rounded import RoundedNetwork
from benchmarks.paper.store import Store

__all__ = ["SMOKE", "add_arguments", "report", "run"]

#: Weights; inputs stay as they are, which memory does not see.
PRECISIONS = ("w2", "w4", "w8", "w16")

#: Calibration samples, held-out samples and expansions around incumbents.
SIZES = {
    "resnet8": (256, 300, 3),
    "resnet20": (256, 1000, 12),
    "resnet56": (128, 500, 10),
    "stories260k": (48, 96, 2),
}

#: Expansions of each study of operations and times.
OPERATIONS = {"resnet8": 3, "resnet20": 2, "resnet56": 1, "stories260k": 0}

#: Part of the held-out samples whose divergence from full precision is measured.
SHARE = 1 / 3

SMOKE = [
    *("--networks", "resnet8", "--budgets", "2", "--calibration", "8"),
    *("--held-out", "8", "--expansions", "1", "--draws", "4"),
    *("--exhaustion", "smoke", "--operations", "smoke"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--networks", nargs="+", default=list(SIZES))
    parser.add_argument("--budgets", type=int, default=20)
    sizes = "default: " + ", ".join(f"{n} {s}" for n, s in SIZES.items())
    parser.add_argument("--calibration", type=int, help=f"samples; first of {sizes}")
    parser.add_argument("--held-out", type=int, help="samples; the second of these")
    parser.add_argument("--expansions", type=int, help="for all budgets; the third")
    parser.add_argument("--draws", type=int, default=24, help="of the Hessian's trace")
    choices = ("run", "smoke", "skip")
    parser.add_argument("--exhaustion", choices=choices, default="run")
    parser.add_argument("--operations", choices=choices, default="run")


def run(arguments: argparse.Namespace, store: Store) -> None:
    for name in arguments.networks:
        calibration, held_out, expansions = sizes_of(name, arguments)
        loaded = load_network(
            name,
            calibration=calibration,
            held_out=held_out,
            batch=64 if name.startswith("resnet") else 32,
            folder=arguments.data,
        )
        run_memory(loaded, arguments, store, expansions)
        if arguments.operations != "skip":
            operations.run(
                *(loaded, store, OPERATIONS.get(name, 1)),
                draws=arguments.draws,
                small=arguments.operations == "smoke",
            )
    if arguments.exhaustion != "skip" and "resnet8" in arguments.networks:
        exhaustion.run(store, arguments.data, small=arguments.exhaustion == "smoke")


def sizes_of(name: str, arguments: argparse.Namespace) -> tuple[int, int, int]:
    """Return calibration samples, held-out samples and expansions of a network."""
    asked = (arguments.calibration, arguments.held_out, arguments.expansions)
    calibration, held_out, expansions = (
        default if given is None else given
        for given, default in zip(asked, SIZES.get(name, (64, 200, 2)), strict=True)
    )
    return calibration, held_out, expansions


def run_memory(
    loaded: Network, arguments: argparse.Namespace, store: Store, expansions: int
) -> None:
    """Run all arms of a network under memory budgets."""
    name = loaded.name
    calibration, held_out = (
        sum(len(targets) for _, targets in batches)
        for batches in (loaded.calibration, loaded.held_out)
    )
    network = RoundedNetwork(loaded, PRECISIONS)
    budgets = budgets_of(network, arguments.budgets)
    sizes: dict[str, Any] = {
        "calibration": calibration,
        "held_out": held_out,
        "decisions": network.shape[0],
        "precisions": list(PRECISIONS),
        "bytes": network.bytes.sum(0).tolist(),
        "budgets": budgets,
    }
    if ("network", name) not in store:
        store.add(("network", name), **sizes)
    assert store["network", name]["calibration"] == calibration, "run with --restart"
    measure_tables(network, store, arguments.draws)
    solve_arms(network, store, budgets)
    solve_incumbents(network, store, budgets, expansions)
    add_quality(network, store, None)
    twin = RoundedNetwork(
        replace(loaded, calibration=first(loaded.held_out)), PRECISIONS
    )
    for arm in ARMS:
        for budget in track(budgets, f"{name} {arm}", transient=True):
            choices = store["layout", name, arm, budget]["choices"]
            if choices is not None:
                add_divergence(network, store, tuple(choices))
                add_quality(network, store, tuple(choices))
                if arm.removeprefix("exact:") not in ADDITIVE:
                    add_held_out(twin, store, tuple(choices))


def first(batches: Batches) -> Batches:
    """Return the first batches: divergences need fewer samples than losses do."""
    counts = np.cumsum([len(targets) for _, targets in batches])
    return batches[: int(np.searchsorted(counts, SHARE * counts[-1])) + 1]


def solve_incumbents(
    network: RoundedNetwork, store: Store, budgets: list[int], expansions: int
) -> None:
    """Add the layouts that the calibration samples themselves choose."""
    name = network.network.name
    last = ("layout", name, "exact:incumbent", budgets[-1])
    if last in store:
        return
    found = Incumbents(network, [{"memory": budget} for budget in budgets])
    starts = ["uniform", "uniform_padded", *(f"exact:{metric}" for metric in EXACT)]

    def measure(arm: str) -> None:
        for budget in track(budgets, f"{name} starts {arm}", transient=True):
            choices = store["layout", name, arm, budget]["choices"]
            if choices is not None:
                found.measure(tuple(choices))

    def add(arm: str) -> None:
        for i, budget in enumerate(budgets):
            choices = found.best(i)
            store.add(
                ("layout", name, arm, budget),
                choices=list(choices),
                bytes=network.usage(choices),
                seconds=0.0,
            )
        store.add(("cost", name, arm), passes=found.passes, seconds=found.seconds)

    for arm in starts:
        measure(arm)
    add("exact:chosen")
    measure("greedy")
    order = turns(len(budgets))
    done = 0
    while done < expansions and order:
        position = order.pop(0)
        is_better = found.improve(position)
        done += 1
        if is_better:
            order.append(position)
    add("exact:incumbent")
    for record in store.select("layout", name):
        choices = None if record["choices"] is None else tuple(record["choices"])
        key = ("divergence", name, code_of(choices))
        if choices in found.known and key not in store:
            store.add(key, value=found.known[choices])
