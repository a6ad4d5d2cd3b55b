"""Problem 3 in real data types: an inventory of types, and what conversions lose."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from benchmarks.paper.datatypes.arms import (
    ARMS,
    Choice,
    choose,
    random_layout,
    why_algorithm_2,
)
from benchmarks.paper.datatypes.cast import Reference, rounded_list
from benchmarks.paper.datatypes.chain import load_chain
from benchmarks.paper.datatypes.errors import Errors, measure
from benchmarks.paper.datatypes.inventories import INVENTORIES, TYPES
from benchmarks.paper.datatypes.problem3 import Problem3, scaled_inventory
from benchmarks.paper.datatypes.report import report
from benchmarks.paper.networks import STORIES, Network, load_network
from benchmarks.paper.store import Store
from mpsolve.torch import trace

__all__ = ["SMOKE", "add_arguments", "report", "run"]

NETWORKS = ("plain10", "resnet8", "resnet20", "stories260k")

SMOKE = [
    *("--networks", "resnet8", "--calibration", "4", "--held-out", "8"),
    *("--casts", "1", "--draws", "20", "--epochs", "0"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say how large the run is."""
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    add("--calibration", type=int, default=64, help="images; a 16th as many stories")
    add("--held-out", type=int, default=400, help="images; a 20th as many stories")
    add("--draws", type=int, default=1000, help="random layouts whose losses are added")
    add("--casts", type=int, default=20, help="random layouts that are cast and run")
    add("--epochs", type=int, default=8, help="of training the chain")


def run(arguments: argparse.Namespace, store: Store) -> None:
    """Measure, solve, cast; what the store has is not done again."""
    with Progress() as progress:
        for name in arguments.networks:
            arms = [*ARMS, *(f"random {i}" for i in range(arguments.casts))]
            wanted = [
                (name, inventory, arm)
                for inventory, parts in INVENTORIES.items()
                for arm in [*arms, *(f"all {kind}" for kind in parts)]
            ]
            if all(("layout", *key) in store for key in wanted):
                continue
            task = progress.add_task(f"{name}: data", total=None)
            network = _load(name, arguments)
            graph = trace(network.model, network.calibration[0][0])
            layers = graph.with_role("layer")
            progress.update(task, description=f"{name}: errors", total=len(layers))
            errors = _errors(store, network, lambda t=task: progress.advance(t))
            progress.update(task, description=f"{name}: layouts", total=len(wanted))
            progress.update(task, completed=0)
            reference = Reference(network.model, network.held_out)
            for inventory, parts in INVENTORIES.items():
                counts = scaled_inventory(parts, len(layers))
                problem = Problem3(graph, errors, counts)
                _describe(store, name, inventory, problem, arguments.draws)
                for key in wanted:
                    if key[1] == inventory:
                        _layout(store, key, problem, reference)
                        progress.advance(task)


def _load(name: str, arguments: argparse.Namespace) -> Network:
    sizes: dict[str, Any] = {
        "calibration": arguments.calibration,
        "held_out": arguments.held_out,
        "folder": Path(arguments.data),
    }
    if name in STORIES:
        sizes["calibration"] = -(-arguments.calibration // 16)
        sizes["held_out"] = -(-arguments.held_out // 20)
        return load_network(name, **sizes)
    if name == "plain10":
        return load_chain(**sizes, epochs=arguments.epochs)
    return load_network(name, **sizes)


def _errors(store: Store, network: Network, tick: Any) -> Errors:
    key = ("errors", network.name)
    if key not in store:
        found = measure(network, TYPES, tick)
        store.add(
            key,
            layers=found.layers,
            types=found.types,
            conversion=[rounded_list(row) for row in found.conversion],
            own=[rounded_list(row) for row in found.own],
            both=[rounded_list(row) for row in found.both],
            gradient=rounded_list(found.gradient),
            source=found.source.tolist(),
            calibration=sum(len(y) for _, y in network.calibration),
        )
    record = store[key]
    arrays = {
        name: np.array(record[name]) for name in ("conversion", "own", "both", "source")
    }
    return Errors(
        tuple(record["layers"]),
        tuple(record["types"]),
        gradient=np.array(record["gradient"]),
        **arrays,
    )


def _describe(
    store: Store, name: str, inventory: str, problem: Problem3, draws: int
) -> None:
    """Note the counts, what Algorithm 2 assumes, and how random layouts are spread."""
    key = ("inventory", name, inventory)
    if key in store:
        return
    is_optimal, why = why_algorithm_2(problem)
    layouts = [random_layout(problem, seed) for seed in range(draws)]
    conversion = [problem.conversion_loss(layout) for layout in layouts]
    both = [
        c + problem.own_loss(layout)
        for c, layout in zip(conversion, layouts, strict=True)
    ]
    store.add(
        key,
        counts=problem.inventory,
        assumptions_hold=is_optimal,
        why=why,
        edges=list(problem.graph.layer_graph().edges),
        conversion=[float(np.mean(conversion)), *np.quantile(conversion, [0, 0.5, 1])],
        both=[float(np.mean(both)), *np.quantile(both, [0, 0.5, 1])],
    )


def _layout(
    store: Store, key: tuple[str, str, str], problem: Problem3, reference: Reference
) -> None:
    """Note a layout's losses, predicted and observed."""
    if ("layout", *key) in store:
        return
    arm = key[2]
    if arm.startswith("random "):
        choice = Choice(random_layout(problem, int(arm.removeprefix("random "))))
    else:
        choice = choose(arm, problem)
    found = reference.cast(choice.layout, problem.base)
    is_named = arm in ARMS
    lossy = problem.lossy(choice.layout)
    store.add(
        ("layout", *key),
        layout=[choice.layout[n] for n in problem.errors.layers] if is_named else [],
        method=choice.method,
        reason=choice.reason,
        detail=choice.detail,
        bound=choice.bound,
        conversion=problem.conversion_loss(choice.layout),
        own=problem.own_loss(choice.layout),
        lossy=lossy if is_named else [],
        counted=len(lossy),
        observed=len(found.lossy),
        differ=sorted(set(lossy) ^ set(found.lossy)),
        divergence=float(np.average(found.divergence, weights=reference.weights)),
        loss_change=float(np.average(found.loss_change, weights=reference.weights)),
        loss_changes=rounded_list(found.loss_change) if is_named else [],
        flips=found.flips,
        divergences=rounded_list(found.divergence) if is_named else [],
        weights=reference.weights.tolist() if arm == "algorithm 2" else [],
    )
