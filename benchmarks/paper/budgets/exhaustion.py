"""All layouts of a small network: what is a metric's error, what a search's?"""

from __future__ import annotations

import base64
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import Progress
from torch import Tensor

import mpsolve
from benchmarks.paper.budgets.arms import ADDITIVE, budgets_of
from benchmarks.paper.budgets.expansion import expand, expansion_problem
from benchmarks.paper.budgets.incumbent import Incumbents
from benchmarks.paper.networks import Batches, load_network, quality
from benchmarks.paper.rounded import (
    Choices,
    RoundedNetwork,
    divergences,
    flat_targets,
    log_probabilities,
)
from benchmarks.paper.store import Store
from mpsolve.torch import calibrate
from mpsolve.torch.metrics import HessianTrace

__all__ = ["all_layouts", "measured_values", "run"]

Floats = npt.NDArray[np.float64]

NETWORK = "resnet8"

#: Every third budget's neighbourhood is measured.
EXPANSIONS = 6

#: A block's shortcut gets the precision of its second convolution, whose output it is
#: added to (HAWQ-v3 ties them too).
TIES = [
    ("layer2.0.conv2", "layer2.0.shortcut"),
    ("layer3.0.conv2", "layer3.0.shortcut"),
]


def all_layouts(network: RoundedNetwork, ties: list[tuple[str, str]]) -> list[Choices]:
    """Return every layout that respects the ties, in the order of `measured_values`."""
    num, width = network.shape
    same = [tuple(network.names.index(name) for name in tie) for tie in ties]
    found = product(range(width), repeat=num)
    return [c for c in found if all(c[a] == c[b] for a, b in same)]


def measured_values(
    network: RoundedNetwork, layouts: list[Choices], batches: Batches
) -> Floats:
    """Return divergence and loss of every layout, shape (layouts, 2).

    Layouts come in lexicographic order; what two neighbours have in common at the
    network's beginning runs once.
    """
    values = np.zeros((len(layouts), 2))
    samples = sum(len(targets) for _, targets in batches)
    last = len(network.parts)
    with Progress(transient=True) as bar:
        task = bar.add_task("all layouts", total=len(batches) * len(layouts))
        for inputs, targets in batches:
            flat = flat_targets(targets)
            with network.running():
                p = log_probabilities(network.model(inputs), flat)
                before: Choices | None = None
                known: list[Tensor] = []
                for row, choices in enumerate(layouts):
                    changed = [
                        i
                        for i, k in enumerate(choices)
                        if before is None or before[i] != k
                    ]
                    for i in changed:
                        network.change(i, choices[i])
                    first = min((network.first_part[i] for i in changed), default=last)
                    if before is None:
                        known = network.begin(inputs)
                    for j in range(first, last):
                        known[j + 1] = network.parts[j].run(known[j])
                    before = choices
                    q = log_probabilities(known[-1], flat)
                    losses = -q.gather(1, flat.targets[:, None])[:, 0]
                    values[row, 0] += float((flat.weights * divergences(p, q)).sum())
                    values[row, 1] += float((flat.weights * losses).sum())
                    if row % 64 == 63:
                        bar.advance(task, 64)
    return values / samples


def run(store: Store, folder: Path, *, small: bool) -> None:
    """Exhaust ResNet-8, and solve every arm's problem on the same options."""
    if ("exhausted whole", NETWORK) in store:
        return
    precisions = ("w4", "w8") if small else ("w2", "w4", "w8")
    counts = (8, 8) if small else (64, 96)
    loaded = load_network(
        NETWORK, calibration=counts[0], held_out=counts[1], batch=64, folder=folder
    )
    network = RoundedNetwork(loaded, precisions)
    layouts = all_layouts(network, TIES)
    key = ("exhausted", NETWORK)
    if key not in store:
        with torch.no_grad():
            own = [
                quality(loaded.model, b).loss
                for b in (loaded.calibration, loaded.held_out)
            ]
        columns = [
            measured_values(network, layouts, batches)
            for batches in (loaded.calibration, loaded.held_out)
        ]
        table = np.concatenate(columns, axis=1).astype(np.float32)
        store.add(
            key,
            precisions=list(precisions),
            samples=list(counts),
            layouts=len(layouts),
            own=own,
            values=base64.b64encode(table.tobytes()).decode(),
        )
    packed = base64.b64decode(store[key]["values"])
    values = np.frombuffer(packed, np.float32).reshape(-1, 4).astype(np.float64)
    row_of = {choices: row for row, choices in enumerate(layouts)}
    budgets = budgets_of(network, 3 if small else 20, (1.15, 1.0))
    usages = np.array([network.usage(c) for c in layouts])
    problems = _problems(network, small=small)

    def add(arm: str, budget: int, choices: Choices) -> None:
        kl, loss, _, held_out = values[row_of[choices]].tolist()
        store.add(
            ("exhausted layout", NETWORK, arm, budget),
            choices=list(choices),
            divergence=kl,
            loss=loss,
            held_out=held_out,
        )

    found = Incumbents(network, [{"memory": b} for b in budgets], ties=TIES)
    for budget in budgets:
        for metric, problem in problems.items():
            for method in ("greedy", "auto") if metric == "output_kl" else ("auto",):
                twin = problem.with_budgets({"memory": budget})
                result = mpsolve.solve(twin, method)
                choices = tuple(result.layout.choices.tolist())
                arm = "greedy" if method == "greedy" else f"exact:{metric}"
                add(arm, budget, choices)
                if method == "auto":
                    found.measure(choices)
    for position in range(0, len(budgets), max(1, len(budgets) // EXPANSIONS)):
        found.improve(position)
    for i, budget in enumerate(budgets):
        add("exact:incumbent", budget, found.best(i))
        fits = np.flatnonzero(usages <= budget)
        for arm, column in (("best held out", 3), ("least loss", 1), ("optimum", 0)):
            add(arm, budget, layouts[fits[values[fits, column].argmin()]])
    store.add(("exhausted whole", NETWORK))


def _problems(network: RoundedNetwork, *, small: bool) -> dict[str, mpsolve.Problem]:
    """Return the exact arms' problems, from a calibration of their own."""
    names = [m for m in ADDITIVE if m not in ("measured", "output_kl", "hessian_trace")]
    asked: list[Any] = [*names, HessianTrace(0.05, 4 if small else 24)]
    asked += [] if small else ["measured_pairs"]
    data = network.network.calibration
    scores = calibrate(
        network.model, data, network.network.loss, network.precisions, asked
    )
    found = expand(network)
    kl = found.divergence.mean(-1)
    half = np.einsum("ikik->ik", found.pairs) / 2
    values: dict[str, tuple[Floats, Floats | None]] = {
        **{name: (scores[name].values, None) for name in (*names, "hessian_trace")},
        "measured": (found.loss.mean(-1), None),
        "output_kl": (kl, None),
        "pairs": (half, found.pairs),
        "kl_pairs": (kl, found.pairs),
    }
    if not small:
        clado = scores["measured_pairs"]
        values["measured_pairs"] = (clado.values, clado.pairs)
    return {
        name: expansion_problem(network, table, both, ties=TIES)
        for name, (table, both) in values.items()
    }
