"""Every arm's layout at every memory budget."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

import mpsolve
from benchmarks.paper.budgets import programs
from benchmarks.paper.budgets.expansion import expansion_problem
from benchmarks.paper.budgets.hawq_v2 import ordered_pick
from benchmarks.paper.budgets.tables import read_expansion, table
from benchmarks.paper.rounded import Choices, RoundedNetwork
from benchmarks.paper.store import Store

__all__ = ["ADDITIVE", "ARMS", "EXACT", "budgets_of", "solve_arms", "uniform"]

Floats = npt.NDArray[np.float64]

#: After which a solve with all pairs returns the best layout so far.
SECONDS = 10.0

#: Metrics of single layers that mpsolve solves exactly.
ADDITIVE = (
    "measured",
    "output_kl",
    "loss_mse",
    "loss_mse_elements",
    "empirical_fisher",
    "hessian_trace",
    "signed_first_order",
)

#: Exact arms, by what they minimise.
EXACT = (*ADDITIVE, "pairs", "kl_pairs")

#: What the tables and plots call the arms, in their order, and the table that each
#: needs (its calibration).
ARMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "uniform": ("uniform", ()),
    "uniform_padded": ("uniform, padded", ()),
    "greedy": ("greedy on output_kl", ("output_kl",)),
    "hawq_v2": ("HAWQ-v2, pick on the front", ("hessian_trace",)),
    "hawq_v2_ordered": ("HAWQ-v2, ordered by trace", ("hessian_trace",)),
    "hawq_v3": ("HAWQ-v3 ILP (CBC)", ("hessian_trace",)),
    "hawq_v3_published": ("HAWQ-v3 ILP, w4/w8 only", ("hessian_trace",)),
    "gaudi": ("loss-MSE program (CBC)", ("loss_mse",)),
    "modelopt": ("ModelOpt's score and CBC", ("loss_mse_elements",)),
    **{f"exact:{name}": (f"exact, {name}", (name,)) for name in ADDITIVE},
    "exact:pairs": ("exact, second-order pairs", ("pairs",)),
    "exact:kl_pairs": ("exact, output_kl and pairs", ("pairs",)),
    "exact:chosen": ("exact, best metric on calibration", (*ADDITIVE, "pairs")),
    "exact:incumbent": ("exact, around the incumbent", (*ADDITIVE, "pairs")),
}


def budgets_of(
    network: RoundedNetwork, count: int, ends: tuple[float, float] = (1.4, 0.6)
) -> list[int]:
    """Return budgets in bytes, in equal ratios; some are those of uniform layouts.

    From 1.4 times the least to 0.6 times the largest unless `ends` says otherwise:
    below, the best layouts are no better than chance; above, all of them are full
    precision's equals.
    """
    sizes = network.bytes.sum(0)
    found = np.geomspace(ends[0] * sizes[0], ends[1] * sizes[-1], count)
    found = found.astype(np.int64)
    for size in sizes[1:-1]:
        found[np.abs(np.log(found / size)).argmin()] = size
    return sorted({int(budget) for budget in found})


def uniform(network: RoundedNetwork, budget: int, *, padded: bool) -> Choices:
    """Return the highest precision that fits everywhere.

    Padded: layers are raised by one precision, from the first on, while it fits.
    """
    num, width = network.shape
    fits = [k for k in range(width) if network.bytes[:, k].sum() <= budget]
    choices = [fits[-1]] * num
    if padded and fits[-1] + 1 < width:
        for i in range(num):
            raised = [*choices[:i], choices[i] + 1, *choices[i + 1 :]]
            if network.usage(tuple(raised)) <= budget:
                choices = raised
    return tuple(choices)


def solve_arms(network: RoundedNetwork, store: Store, budgets: list[int]) -> None:
    """Add the layouts that the store does not hold yet, all but the incumbents'."""
    name, memory = network.network.name, network.bytes
    omega = table(store, name, "hessian_trace")
    errors = _mean_traces(network, omega)
    problems = problems_of(network, store)
    front = mpsolve.front(problems["hessian_trace"], "memory")
    middle = [network.precisions.index(p) for p in ("w4", "w8")]

    unproven: set[tuple[str, int]] = set()

    def exactly(metric: str, method: str = "auto") -> Callable[[int], Choices]:
        def solve(budget: int) -> Choices:
            problem = problems[metric].with_budgets({"memory": budget})
            limit = SECONDS if problem.couplings else None
            result = mpsolve.solve(problem, method, time_limit=limit)
            proven = result.reason == "OPTIMAL"
            assert method != "auto" or proven or problem.couplings, result
            if not proven and method == "auto":
                unproven.add((metric, budget))
            return tuple(result.layout.choices.tolist())

        return solve

    ways: dict[str, Callable[[int], Choices | None]] = {
        "uniform": lambda b: uniform(network, b, padded=False),
        "uniform_padded": lambda b: uniform(network, b, padded=True),
        "greedy": exactly("output_kl", "greedy"),
        "hawq_v2": lambda b: tuple(front.at(b).layout.choices.tolist()),
        "hawq_v2_ordered": lambda b: ordered_pick(errors, omega, memory, b),
        "hawq_v3": lambda b: programs.hawq_v3(omega, (memory, b)),
        "hawq_v3_published": lambda b: programs.hawq_v3(
            omega, (memory, b), published=middle
        ),
        "gaudi": lambda b: programs.gaudi(table(store, name, "loss_mse"), memory, b),
        "modelopt": lambda b: programs.modelopt(
            table(store, name, "loss_mse_elements"), memory, b
        )[0],
        **{f"exact:{metric}": exactly(metric) for metric in EXACT},
    }
    for budget in budgets:
        for arm, way in ways.items():
            if ("layout", name, arm, budget) in store:
                continue
            started = time.perf_counter()
            choices = way(budget)
            seconds = time.perf_counter() - started
            if choices is not None and network.usage(choices) > budget:
                choices = None  # CBC's tolerance let it through; it does not count.
            store.add(
                ("layout", name, arm, budget),
                choices=None if choices is None else list(choices),
                bytes=None if choices is None else network.usage(choices),
                seconds=round(seconds, 4),
                proven=(arm.removeprefix("exact:"), budget) not in unproven,
            )


def _mean_traces(network: RoundedNetwork, omega: Floats) -> Floats:
    """Return traces up to a common factor: omega over the parameters' error."""
    errors = np.zeros(network.shape[0])
    for i in range(network.shape[0]):
        errors[i] = network.squared_error(i, 0)
    traces: Floats = omega[:, 0] / errors
    return traces


def problems_of(network: RoundedNetwork, store: Store) -> dict[str, mpsolve.Problem]:
    """Return the problem of every exact arm, without a budget."""
    name = network.network.name
    problems = {
        metric: expansion_problem(network, table(store, name, metric))
        for metric in ADDITIVE
    }
    half, pairs = read_expansion(store, name, network.shape)
    problems["pairs"] = expansion_problem(network, half, pairs)
    kl = table(store, name, "output_kl")
    problems["kl_pairs"] = expansion_problem(network, kl, pairs)
    return problems
