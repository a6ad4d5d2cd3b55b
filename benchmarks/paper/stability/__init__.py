"""Does a layout depend on the calibration samples, and what does that cost?"""

from __future__ import annotations

import argparse

from rich.progress import track

from benchmarks.paper.budgets.arms import budgets_of
from benchmarks.paper.budgets.expansion import expand
from benchmarks.paper.budgets.measured import add_quality, code_of
from benchmarks.paper.networks import load_network
from benchmarks.paper.rounded import Choices, RoundedNetwork
from benchmarks.paper.stability.report import report
from benchmarks.paper.stability.resample import METRICS, Resampler
from benchmarks.paper.store import Store

__all__ = ["SMOKE", "add_arguments", "report", "run"]

PRECISIONS = ("w2", "w4", "w8", "w16")

#: Calibration sizes, held-out samples.
SIZES: dict[str, tuple[tuple[int, ...], int]] = {
    "resnet8": ((16, 64), 500),
    "resnet20": ((16, 64, 256), 300),
    "stories260k": ((4, 12, 24), 16),
}

#: Of these the solutions are compared: every fourth of the budgets' study.
BUDGETS = slice(2, 20, 4)

#: Resamples where a solve has all pairs, and takes longer.
MOST_WITH_PAIRS = 12

SMOKE = [
    *("--networks", "resnet8", "--sizes", "8", "24", "--held-out", "32"),
    *("--draws", "4", "--measured-draws", "2"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--networks", nargs="+", default=list(SIZES))
    parser.add_argument(
        "--metrics",
        nargs="+",
        choices=METRICS,
        default=METRICS,
        help="kl_pairs only where samples have one prediction",
    )
    parser.add_argument("--sizes", nargs="+", type=int, help="calibration samples")
    parser.add_argument("--held-out", type=int, help="samples")
    parser.add_argument("--draws", type=int, default=100, help="resamples")
    parser.add_argument(
        "--measured-draws", type=int, default=6, help="whose layouts are measured"
    )
    parser.add_argument("--z", nargs="+", type=float, default=[0.0, 1.0, 2.0])
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace, store: Store) -> None:
    for name in arguments.networks:
        run_network(name, arguments, store)


def run_network(name: str, arguments: argparse.Namespace, store: Store) -> None:
    """Resample, solve and measure."""
    sizes, held_out = SIZES.get(name, SIZES["resnet20"])
    sizes = tuple(arguments.sizes or sizes)
    held_out = arguments.held_out or held_out
    loaded = load_network(
        name,
        calibration=max(sizes),
        held_out=held_out,
        batch=64 if name.startswith("resnet") else 32,
        folder=arguments.data,
    )
    network = RoundedNetwork(loaded, PRECISIONS)
    budgets = budgets_of(network, 20)[BUDGETS]
    if ("network", name) not in store:
        store.add(
            ("network", name),
            sizes=list(sizes),
            held_out=held_out,
            budgets=budgets,
            names=list(network.names),
            draws=arguments.draws,
            measured_draws=arguments.measured_draws,
            z=arguments.z,
        )
    has_pairs = loaded.loss == "cross_entropy"
    jobs = [
        (metric, z, size)
        for metric in arguments.metrics
        if metric != "kl_pairs" or has_pairs
        for z in (arguments.z[:1] if metric == "kl_pairs" else arguments.z)
        for size in sizes
        if ("resampled", name, metric, z, size, budgets[-1]) not in store
    ]
    if jobs:
        resampler = Resampler(network, expand(network, keep=has_pairs), budgets)
        for metric, z, size in track(jobs, f"{name} resamples", transient=True):
            resample(resampler, metric, z, size, arguments, store)
    add_quality(network, store, None)
    wanted: dict[Choices, None] = {}
    for record in store.select("resampled", name):
        measured = record["layouts"][: arguments.measured_draws]
        if record["key"][2] == "measured" or record["key"][3] > 0:
            measured = []  # how far their layouts spread says enough
        wanted.update(
            dict.fromkeys(tuple(map(int, code)) for code in [record["own"], *measured])
        )
    for choices in track(list(wanted), f"{name} held out", transient=True):
        add_quality(network, store, choices)


def resample(
    resampler: Resampler,
    metric: str,
    z: float,
    size: int,
    arguments: argparse.Namespace,
    store: Store,
) -> None:
    """Add the layouts of all resamples of one size."""
    own = resampler.layouts(metric, resampler.first(size), z)
    count = arguments.draws
    if metric == "kl_pairs":
        count = min(count, MOST_WITH_PAIRS)
    drawn = [
        resampler.layouts(metric, counts, z)
        for counts in resampler.draws(size, count, arguments.seed)
    ]
    for i, budget in enumerate(resampler.budgets):
        store.add(
            ("resampled", resampler.network.network.name, metric, z, size, budget),
            own=code_of(own[i]),
            layouts=[code_of(layouts[i]) for layouts in drawn],
        )
