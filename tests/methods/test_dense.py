"""The method `dense` against brute force, and what it promises when stopped."""

import math
import os
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings

from mpsolve import (
    Coupling,
    Group,
    Inventory,
    Option,
    Problem,
    Reason,
    at_most,
    solve,
    verify,
)
from mpsolve.model.generate_dense import dense_pairs
from tests.methods import test_paths as paths
from tests.strategies import problems

NAMES = ("p0", "p1", "p2", "p3")


def dense_problem(rng: np.random.Generator, most_layouts: int = 3000) -> Problem:
    """Draw a problem with couplings of all or many pairs, and whatever bounds it."""
    n = int(rng.integers(2, 9))
    sizes = rng.integers(1, 5, n)
    while math.prod(sizes.tolist()) > most_layouts:
        sizes[rng.integers(n)] = 2 if rng.random() < 0.8 else 1
    kind = str(rng.choice(["normal", "integers", "psd", "wide"]))
    scale = 10.0 ** int(rng.integers(-9, 4))
    errors = [rng.normal(size=(size, 3)) for size in sizes]
    largest = (5, 1000, 10**9)
    num_budgets = int(rng.choice([0, 1, 1, 1, 2, 3]))
    groups = []
    for i, size in enumerate(sizes.tolist()):
        losses = paths.losses_of(kind, (size,), rng)
        if kind == "psd":
            losses = (errors[i] ** 2).sum(axis=1) + rng.random(size)
        options = [
            Option(
                NAMES[j],
                float(scale * losses[j]),
                {f"r{r}": int(rng.integers(0, largest[r])) for r in range(num_budgets)},
            )
            for j in range(size)
        ]
        groups.append(Group(f"g{i}", options))
    couplings = []
    density, forbidden = rng.choice([1.0, 1.0, 0.5]), rng.choice([0.0, 0.0, 0.1])
    for u in range(n):
        for v in range(u + 1, n):
            if rng.random() > density:
                continue
            table = paths.losses_of(kind, (int(sizes[u]), int(sizes[v])), rng)
            if kind == "psd":
                table = 2.0 * errors[u] @ errors[v].T
            table = scale * table
            table[rng.random(table.shape) < forbidden] = math.inf
            couplings.append(Coupling(f"g{u}", f"g{v}", table))
    inventory = None
    if rng.random() < 0.25:
        chosen = [int(rng.integers(size)) for size in sizes]
        counts = {NAMES[j]: chosen.count(j) for j in range(max(sizes))}
        inventory = Inventory(counts) if rng.random() < 0.5 else at_most(counts)
    ties = []
    if rng.random() < 0.2:
        ties = [[f"g{i}" for i in rng.choice(n, 2, replace=False)]]
    problem = Problem(
        groups,
        couplings=couplings,
        inventory=inventory,
        ties=ties,
        fixed={"g0": "p0"} if rng.random() < 0.1 else None,
        maximize=bool(rng.random() < 0.2),
    )
    budgets = {}
    for name in problem.resources:
        smallest, most = problem.merged.reachable(name)
        target = int(smallest + rng.random() * (most - smallest))
        width = int(0.2 * rng.random() * (most - smallest))
        sides = [
            (None, target),
            (target, None),
            (target, target),
            (target, target + width),
        ]
        budgets[name] = sides[int(rng.choice([0, 0, 0, 1, 2, 3]))]
    return problem.with_budgets(budgets) if budgets else problem


def assert_agrees(problem: Problem, **parameters: object) -> str:
    reference = solve(problem, "brute_force")
    result = solve(problem, "dense", rel_gap=0, **parameters)
    if reference.layout is None:
        assert result.reason is Reason.INFEASIBLE, problem
        return "INFEASIBLE"
    assert result.reason is Reason.OPTIMAL, (problem, result)
    sign = -1.0 if problem.maximize else 1.0
    allowed = paths.rounding(problem, reference.layout)
    assert abs(result.loss - reference.loss) <= allowed, (problem, result, reference)
    assert sign * (result.bound - reference.loss) <= allowed
    return "OPTIMAL"


@pytest.mark.parametrize("seed", range(10))
def test_agrees_with_brute_force(seed):
    rng = np.random.default_rng([61, seed])
    reasons = [assert_agrees(dense_problem(rng)) for _ in range(100)]
    assert min(reasons.count("OPTIMAL"), reasons.count("INFEASIBLE")) > 5


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_brute_force_on_any_couplings(seed):
    rng = np.random.default_rng([62, seed])
    reasons = [assert_agrees(paths.random_problem(rng)) for _ in range(100)]
    assert min(reasons.count("OPTIMAL"), reasons.count("INFEASIBLE")) > 5


def test_convex_forms_prove_what_brute_force_finds():
    """With more layouts, parts of the search are bounded by convex forms."""
    rng = np.random.default_rng(63)
    used = 0
    for _ in range(150):
        problem = dense_problem(rng, most_layouts=20_000)
        assert_agrees(problem)
        used += solve(problem, "dense").counters["newton_steps"] > 0
    assert used > 10


@given(problems(couplings=True, inventory=True, num_budgets=2))
@settings(max_examples=150)
def test_agrees_with_brute_force_whatever_hypothesis_draws(problem):
    reference = solve(problem, "brute_force")
    result = solve(problem, "dense", rel_gap=0)
    assert (result.layout is None) == (reference.layout is None)
    if reference.layout is not None:
        allowed = paths.rounding(problem, reference.layout)
        assert abs(result.loss - reference.loss) <= allowed


@pytest.mark.parametrize("kind", ["psd", "indefinite"])
def test_agrees_with_paths_on_nine_layers(kind):
    for seed in range(2):
        problem = dense_pairs(9, 4, seed, kind=kind, coupling=0.6)
        dense, paths_result = solve(problem, "dense"), solve(problem, "paths")
        assert dense.loss == pytest.approx(paths_result.loss, rel=1e-9)


@pytest.mark.parametrize("coupling", [0.3, 0.6])
def test_proves_thirty_two_layers(coupling):
    problem = dense_pairs(32, 4, seed=0, coupling=coupling)
    result = solve(problem)
    assert (result.method, result.reason) == ("dense", "OPTIMAL")
    assert verify(problem, result.layout)
    # No exchange of one group that keeps the budget is better.
    for group in range(32):
        for option in range(4):
            choices = result.layout.choices.copy()
            choices[group] = option
            other = verify(problem, type(result.layout)(problem, choices))
            assert not other or other.loss >= result.loss


def test_several_budgets_and_an_inventory():
    problem = dense_pairs(14, 3, seed=4, coupling=0.6)
    usage = problem.resources["memory"].usage.reshape(14, 3)
    groups = [
        Group(
            group.name,
            [
                Option(
                    option.precision,
                    option.loss,
                    {"memory": int(usage[i, j]), "time": (i * 7 + j * 5) % 13},
                )
                for j, option in enumerate(group.options)
            ],
        )
        for i, group in enumerate(problem.groups)
    ]
    budgets = {"memory": problem.budgets["memory"], "time": (60, 75)}
    counts = {"int2": 3, "int4": 7, "int8": 4}
    harder = Problem(
        groups, couplings=problem.couplings, budgets=budgets, inventory=counts
    )
    result = solve(harder, "dense")
    assert result.reason is Reason.OPTIMAL
    assert verify(harder, result.layout)
    assert result.loss >= solve(problem, "dense").loss


def test_auto_leaves_narrow_couplings_to_paths():
    chain = [Coupling(f"g{i}", f"g{i + 1}", np.eye(3)) for i in range(19)]
    loss = np.arange(60.0).reshape(20, 3) % 7
    layers = [f"g{i}" for i in range(20)]
    usage = {"memory": np.tile([3, 2, 1], (20, 1))}
    narrow = Problem.from_arrays(
        loss, usage=usage, budgets={"memory": 40}, layers=layers, couplings=chain
    )
    assert solve(narrow).method == "paths"
    assert solve(dense_pairs(16, 4, seed=0)).method == "dense"


def test_equal_layouts_do_not_multiply_the_search():
    """All pairs alike: every layout with the same counts has the same loss."""
    layers = [f"g{i}" for i in range(14)]
    couplings = [
        Coupling(layers[u], layers[v], [[0.0, 1.0], [1.0, 0.0]])
        for u in range(14)
        for v in range(u + 1, 14)
    ]
    problem = Problem.from_arrays(
        np.zeros((14, 2)), layers=layers, couplings=couplings, precisions=["a", "b"]
    ).with_budgets({})
    split = Problem.from_arrays(
        np.zeros((14, 2)),
        layers=layers,
        couplings=couplings,
        precisions=["a", "b"],
        inventory={"a": 7, "b": 7},
    )
    assert solve(problem, "dense").loss == 0.0
    assert solve(split, "dense", rel_gap=0).loss == 49.0


HARD = {"kind": "indefinite", "coupling": 0.9}


def test_time_limit_leaves_a_layout_and_a_bound():
    problem = dense_pairs(48, 4, seed=1, **HARD)
    start = time.perf_counter()
    result = solve(problem, "dense", time_limit=0.5)
    assert time.perf_counter() - start < 2.0
    assert (result.reason, result.limit) == ("FEASIBLE", "TIME")
    assert -math.inf < result.bound < result.loss
    longer = solve(problem, "dense", time_limit=2.0)
    assert longer.bound >= result.bound
    assert longer.loss <= result.loss


def test_node_limit_and_progress():
    problem = dense_pairs(32, 4, seed=1, **HARD)
    seen = []
    result = solve(
        problem, "dense", node_limit=30, progress=lambda *state: seen.append(state)
    )
    assert (result.reason, result.limit) == ("FEASIBLE", "NODE")
    assert result.counters["nodes"] < 100
    assert all(loss is None or bound <= loss for loss, bound, _ in seen)


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="signals of POSIX")
def test_interrupted(monkeypatch):
    problem = dense_pairs(48, 4, seed=1, **HARD)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        result = solve(problem, "dense", time_limit=30.0)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, handler)
    assert (result.reason, result.limit) == ("FEASIBLE", "INTERRUPTED")
    assert result.bound < result.loss


def test_memory_limit():
    problem = dense_pairs(32, 4, seed=0, coupling=0.6)
    small = solve(problem, "dense", memory_limit=2_000_000)
    assert small.reason is Reason.OPTIMAL
    assert small.loss == pytest.approx(solve(problem, "dense").loss, rel=1e-12)
    none = solve(problem, "dense", memory_limit=10_000)
    assert (none.reason, none.limit) == ("NO_SOLUTION_FOUND", "MEMORY")
    assert none.bound <= small.loss
