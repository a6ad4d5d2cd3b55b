"""Budgets of bit operations, of time, and of everything at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

import mpsolve
from benchmarks.paper.budgets import programs
from benchmarks.paper.budgets.arms import SECONDS
from benchmarks.paper.budgets.expansion import expand, expansion_problem
from benchmarks.paper.budgets.incumbent import Incumbents, turns
from benchmarks.paper.budgets.kernels import inputs_of, layer_times, with_kernels
from benchmarks.paper.budgets.measured import code_of, packed
from benchmarks.paper.networks import Network, quality
from benchmarks.paper.rounded import Choices, RoundedNetwork
from benchmarks.paper.store import Store
from mpsolve.torch import bops, calibrate, theoretical_time, trace
from mpsolve.torch.metrics import HessianTrace

__all__ = ["quality_key", "run"]

Floats = npt.NDArray[np.float64]
Usage = dict[str, npt.NDArray[np.generic]]

#: Weights and inputs, from the cheapest to the dearest.
INTEGERS = ("int2", "w2a8", "int4", "w4a8", "int8", "fp16")

#: Of these HAWQ knows the error: weights and inputs have the same bits.
SAME_BITS = ("int2", "int4", "int8", "fp16")

#: What this processor has kernels for: convolutions and linear layers, and others.
KERNELS = ("int8", "bf16", "fp16", "fp32")
FLOATS = KERNELS[1:]

#: Bits of a weight times those of an input, on average over the operations.
BOPS = (16.0, 24.0, 32.0, 48.0, 64.0)

#: Where the budget is between the least and the largest usage.
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)

METRICS = ("loss_mse", "loss_mse_elements")


def run(
    loaded: Network,
    store: Store,
    expansions: int,
    *,
    draws: int = 24,
    small: bool = False,
) -> None:
    """Run all arms that can express these budgets.

    Parameters
    ----------
    loaded : Network
    store : Store
    expansions : int
        Around incumbents, for each study.
    draws : int
        Of the Hessian's trace.
    small : bool
        One budget of each study, and few repeats of timings.
    """
    name, studies = loaded.name, ("bops", "together", "time")
    if all(("operations about", name, study) in store for study in studies):
        return
    inputs = loaded.calibration[0][0]
    graph = trace(loaded.model, inputs)
    network = RoundedNetwork(loaded, INTEGERS)
    layers = [layer.name for layer in network.layers]
    times = theoretical_time(graph, INTEGERS, "T4", layers).astype(np.int64)
    usage: Usage = {
        "bops": network.by_decision(bops(graph, INTEGERS, layers) // len(inputs)),
        "time": network.by_decision(times),
    }
    unit = float(usage["bops"][:, 0].sum()) / 4  # int2 has 2 × 2
    few = slice(0, 1) if small else slice(None)
    budgets: list[dict[str, float]] = [{"bops": int(b * unit)} for b in BOPS[few]]
    together = []
    for share in SHARES[few]:
        low, high = network.bytes.sum(0)[0], network.bytes.sum(0)[-2]
        fast, slow = (usage["time"].sum(0)[k] for k in (0, -2))
        together.append(
            {
                "memory": int(low + (0.4 + 0.6 * share) * (high - low)),
                "bops": int((16 + share * 48) * unit),
                "time": int(fast + (0.2 + 0.8 * share) * (slow - fast)),
            }
        )
    asked = {"bops": budgets, "together": together}
    missing = [s for s in asked if ("operations about", name, s) not in store]
    if missing:
        tables = _tables(network, draws)
        for study in missing:
            _study(
                study,
                network,
                tables,
                usage,
                asked[study],
                store,
                expansions=expansions,
            )
    if ("operations about", name, "time") in store:
        return
    kinds = (nn.Conv2d, nn.Linear)
    has_int8 = all(isinstance(layer.module, kinds) for layer in network.layers)
    timed = RoundedNetwork(loaded, KERNELS if has_int8 else FLOATS)
    if ("times", name) not in store:
        repeats = 3 if small else 15
        times = layer_times(loaded.model, inputs, timed.precisions, repeats)
        values = times.astype(np.int64).tolist()
        store.add(("times", name), values=values, batch=len(inputs))
    measured = timed.by_decision(np.array(store["times", name]["values"], np.int64))
    least, most = measured.min(1).sum(), measured[:, -1].sum()
    limits = [{"time": int(least + s * (most - least))} for s in SHARES[few]]
    _study(
        "time",
        timed,
        _tables(timed, draws),
        {"time": measured},
        limits,
        store,
        expansions=0,
        examples=inputs_of(loaded.model, inputs),
    )


def _study(
    study: str,
    network: RoundedNetwork,
    known: tuple[dict[str, Floats], Floats],
    usage: Usage,
    budgets: list[dict[str, float]],
    store: Store,
    *,
    expansions: int,
    examples: Mapping[str, Tensor] | None = None,
) -> None:
    """Solve for every arm, and measure the layouts; in kernels, where examples are."""
    name = network.network.name
    tables, pairs = known
    resources = {"memory": network.bytes, **usage}
    found = Incumbents(network, budgets, usage)
    rows: list[tuple[str, int, Choices | None, float]] = []
    for i, budget in enumerate(budgets):
        ways = _ways(network, tables, pairs, resources, usage, budget)
        for arm, way in ways.items():
            started = time.perf_counter()
            choices = way()
            seconds = time.perf_counter() - started
            if choices is not None and not found.fits(choices, budget):
                choices = None
            rows.append((arm, i, choices, seconds))
            is_start = arm.startswith(("exact", "uniform", "greedy"))
            if is_start and choices is not None:
                found.measure(choices)
    for position in turns(len(budgets))[:expansions]:
        found.improve(position)
    rows += [("exact:incumbent", i, found.best(i), 0.0) for i in range(len(budgets))]
    own = network.quality(None, network.network.held_out)
    for arm, i, choices, seconds in rows:
        measured = {}
        if choices is not None:
            _measure(network, choices, store, examples)
            measured["divergence"] = found.measure(choices)
        store.add(
            ("operations", name, study, arm, i),
            budget=budgets[i],
            choices=None if choices is None else list(choices),
            seconds=round(seconds, 4),
            **measured,
        )
    store.add(
        ("operations about", name, study),
        precisions=list(network.precisions),
        calibration=sum(len(y) for _, y in network.network.calibration),
        held_out=sum(len(y) for _, y in network.network.held_out),
        own=own.loss,
    )


def _tables(network: RoundedNetwork, draws: int) -> tuple[dict[str, Floats], Floats]:
    data, loss = network.network.calibration, network.network.loss
    asked = [*METRICS, HessianTrace(0.05, draws)]
    scores = calibrate(network.model, data, loss, network.precisions, asked)
    found = expand(network)
    tables = {metric: network.by_decision(s.values) for metric, s in scores.items()}
    return {**tables, "output_kl": found.divergence.mean(-1)}, found.pairs


def _ways(
    network: RoundedNetwork,
    tables: dict[str, Floats],
    pairs: Floats,
    resources: Usage,
    usage: Usage,
    budget: Mapping[str, float],
) -> dict[str, Callable[[], Choices | None]]:
    """Return the arms that can express a budget."""
    kl = tables["output_kl"]

    def solve(
        values: Floats, both: Floats | None = None, method: str = "auto"
    ) -> Choices:
        problem = expansion_problem(network, values, both, usage=usage)
        limit = None if both is None else SECONDS
        twin = problem.with_budgets(budget)
        result = mpsolve.solve(twin, method, time_limit=limit)
        return tuple(result.layout.choices.tolist())

    ways: dict[str, Callable[[], Choices | None]] = {
        "uniform": lambda: _uniform(network, resources, budget),
        **{
            f"exact:{metric}": lambda v=values: solve(v)  # type: ignore[misc]
            for metric, values in tables.items()
            if metric != "hessian_trace"
        },
        "exact:kl_pairs": lambda: solve(kl, pairs),
    }
    # HAWQ knows the errors of weights alone.
    columns = [
        i for i, p in enumerate(network.precisions) if p in SAME_BITS or p in FLOATS
    ]
    omega = tables["hessian_trace"][:, columns]
    own = {name: resources[name][:, columns] for name in budget}

    def hawq_v3() -> Choices | None:
        limits = [(own[name], limit) for name, limit in budget.items()]
        found = programs.hawq_v3(omega, *limits)
        return found and tuple(columns[k] for k in found)

    ways["hawq_v3"] = hawq_v3
    if len(budget) > 1:
        return ways
    ((name, limit),) = budget.items()
    table, most = resources[name], int(limit)

    def hawq_v2() -> Choices:
        problem = mpsolve.Problem.from_arrays(omega, own)
        point = mpsolve.front(problem, name).at(most)
        return tuple(columns[k] for k in point.layout.choices.tolist())

    scores = tables["loss_mse_elements"]
    return {
        **ways,
        "greedy": lambda: solve(kl, method="greedy"),
        "gaudi": lambda: programs.gaudi(tables["loss_mse"], table, most),
        "modelopt": lambda: programs.modelopt(scores, table, most)[0],
        "hawq_v2": hawq_v2,
    }


def _uniform(
    network: RoundedNetwork, resources: Usage, budget: Mapping[str, float]
) -> Choices | None:
    """Return the last precision that fits everywhere."""
    num, width = network.shape
    for k in reversed(range(width)):
        if all(resources[n][:, k].sum() <= limit for n, limit in budget.items()):
            return (k,) * num
    return None


def _measure(
    network: RoundedNetwork,
    choices: Choices,
    store: Store,
    examples: Mapping[str, Tensor] | None,
) -> None:
    """Add held-out losses; where a layout really runs, its own, and a batch's time."""
    key = quality_key(network.network.name, network.precisions, choices)
    if key in store:
        return
    held_out, times = network.network.held_out, {}
    if examples is not None:
        model = with_kernels(network.model, network.layout(choices), examples)
        found = quality(model, held_out)
        times["seconds_batch"] = _seconds(model, network.network)
    else:
        found = network.quality(choices, held_out)
    store.add(
        key,
        loss=found.loss,
        accuracy=found.accuracy,
        samples=packed(found.losses),
        **times,
    )


def quality_key(
    name: str, precisions: Sequence[str], choices: Sequence[int]
) -> tuple[str, ...]:
    """Return the key of what was measured of a layout."""
    return ("operations quality", name, ",".join(precisions), code_of(tuple(choices)))


def _seconds(model: nn.Module, network: Network, repeats: int = 9) -> float:
    """Return the least time of a batch, in seconds of the processor."""
    inputs = network.calibration[0][0]
    times = []
    with torch.no_grad():
        for _ in range(repeats):
            started = time.process_time()
            model(inputs)
            times.append(time.process_time() - started)
    return min(times)
