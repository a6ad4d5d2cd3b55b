"""The special cases against every layout: over a thousand problems for each method."""

import importlib.util
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import mpsolve
from mpsolve.methods import METHODS, SPECIAL_CASES, cannot_solve, get_method

SPEC = importlib.util.spec_from_file_location(
    "instances", Path(__file__).with_name("instances.py")
)
instances = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(instances)

CLASSES = {
    "with_inventory": 1300,
    "coupled": 1300,
    "two_options": 1100,
    "sortable": 1500,
    "convertible": 1900,
}
BATCHES = 10

#: How many problems each method has solved; the last test looks at it.
solved = dict.fromkeys(SPECIAL_CASES, 0)
finished: set[tuple[str, int]] = set()


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("kind", CLASSES)
def test_every_method_that_takes_a_problem_is_right(kind, batch):
    """A method that claims to apply where it does not would fail here as well."""
    size = CLASSES[kind] // BATCHES
    for seed in range(batch * size, (batch + 1) * size):
        rng = np.random.default_rng([list(CLASSES).index(kind), seed])
        problem = getattr(instances, kind)(rng)
        expected = None
        for name in SPECIAL_CASES:
            if cannot_solve(get_method(name), problem):
                continue
            if expected is None:
                expected = mpsolve.solve(problem, method="brute_force", rel_gap=0.0)
            found = mpsolve.solve(problem, method=name, rel_gap=0.0)
            where = f"{kind} {seed} {name}"
            assert found.reason == expected.reason, where
            assert found.detail, where
            if found.layout is not None:
                rounding = 1e-13 * np.abs(problem.loss).sum()
                assert found.loss == pytest.approx(
                    expected.loss, rel=1e-12, abs=rounding
                ), where
            solved[name] += 1
    finished.add((kind, batch))


def test_every_method_solved_a_thousand():
    if len(finished) < BATCHES * len(CLASSES):
        pytest.skip("counts what the whole file solves")
    assert min(solved.values()) >= 1000, solved


def test_auto_prefers_them_and_says_so():
    seen = set()
    for seed in range(200):
        rng = np.random.default_rng(seed)
        for kind in CLASSES:
            problem = getattr(instances, kind)(rng)
            first = next(
                name for name in METHODS if not cannot_solve(get_method(name), problem)
            )
            assert mpsolve.solve(problem).method == first
            seen.add(first)
    assert seen >= {"rearrange", "monotone", "transport"}


def test_problems_without_inventory_and_couplings_are_not_theirs():
    problem = mpsolve.Problem.from_arrays([[0.0, 1.0]])
    for name in SPECIAL_CASES:
        assert cannot_solve(get_method(name), problem)
    assert mpsolve.solve(problem).method not in SPECIAL_CASES


def test_a_budget_is_refused():
    problem = mpsolve.Problem.from_arrays(
        [[0.0, 1.0]] * 2,
        usage={"memory": [[1, 2]] * 2},
        budgets={"memory": 3},
        inventory={"option0": 1},
    )
    for name in SPECIAL_CASES:
        with pytest.raises(mpsolve.UnsupportedProblemError, match=r"budget|inventory"):
            mpsolve.solve(problem, method=name)


@pytest.mark.parametrize("seed", range(40))
def test_transport_agrees_with_another_flow(seed):
    """OR-tools' flow on integer losses, up to thousands of layers; few values tie."""
    flows = pytest.importorskip("ortools.graph.python.min_cost_flow")
    rng = np.random.default_rng(seed)
    n, k = int(rng.choice([20, 250, 3000])), int(rng.integers(2, 9))
    loss = rng.integers(0, int(rng.choice([3, 50, 10**9])), (n, k))
    counts = np.bincount(rng.integers(0, k, n), minlength=k)
    is_exact = bool(seed % 2)
    more = 0 if is_exact else int(rng.integers(0, 5))
    flow = flows.SimpleMinCostFlow()
    for i in range(n):
        for j in range(k):
            flow.add_arc_with_capacity_and_unit_cost(i, n + j, 1, int(loss[i, j]))
        flow.set_node_supply(i, 1)
    for j in range(k):
        flow.add_arc_with_capacity_and_unit_cost(n + j, n + k, int(counts[j]) + more, 0)
    flow.set_node_supply(n + k, -n)
    assert flow.solve() == flow.OPTIMAL
    named = {f"p{j}": int(counts[j]) + more for j in range(k)}
    problem = mpsolve.Problem.from_arrays(
        loss,
        precisions=list(named),
        inventory=mpsolve.Inventory(named) if is_exact else mpsolve.at_most(named),
    )
    result = mpsolve.solve(problem, method="transport", rel_gap=0.0)
    assert (result.reason, result.loss) == ("OPTIMAL", flow.optimal_cost())


def test_transport_says_which_counts_conflict():
    options = [mpsolve.Option("int4", 1.0), mpsolve.Option("int8", 0.0)]
    groups = [mpsolve.Group("a", options), mpsolve.Group("b", options[:1])]
    problem = mpsolve.Problem(groups, inventory={"int8": 2})
    result = mpsolve.solve(problem, method="transport")
    assert result.reason == "INFEASIBLE"
    assert result.detail == "the inventory asks for 2 layers of int8; 1 can be that"
    problem = mpsolve.Problem(groups, inventory=mpsolve.at_most({"int4": 0}))
    result = mpsolve.solve(problem, method="transport")
    assert result.detail == "1 layers can only be int4; the inventory has 0 of those"


def test_time_limit_leaves_a_valid_bound():
    problem = mpsolve.Problem.from_arrays(
        np.zeros((50, 2)), precisions=["x", "y"], inventory={"x": 25, "y": 25}
    )
    result = mpsolve.solve(problem, method="transport", time_limit=0.0)
    assert (result.reason, result.limit, result.bound) == (
        "NO_SOLUTION_FOUND",
        "TIME",
        0,
    )


def test_memory_limit_of_the_counts():
    problem = mpsolve.Problem.from_arrays(
        np.zeros((50, 2)), precisions=["x", "y"], inventory={"x": 25, "y": 25}
    )
    result = mpsolve.solve(problem, method="count_dp", memory_limit=100)
    assert (result.reason, result.limit) == ("NO_SOLUTION_FOUND", "MEMORY")


@pytest.mark.parametrize("name", ["transport", "count_dp"])
def test_no_layers_at_all(name):
    for count, reason in ((0, "OPTIMAL"), (1, "INFEASIBLE")):
        problem = mpsolve.Problem.from_arrays(
            np.zeros((0, 2)), inventory={"option0": count}
        )
        assert mpsolve.solve(problem, method=name).reason == reason


def test_rings_are_not_chains():
    layers = ["a", "b", "c"]
    ring = [("a", "b"), ("b", "c"), ("a", "c")]
    couplings = [mpsolve.Coupling(u, v, np.eye(3)) for u, v in ring]
    problem = mpsolve.Problem.from_arrays(
        np.zeros((3, 3)), layers=layers, couplings=couplings
    )
    with pytest.raises(mpsolve.UnsupportedProblemError, match="do not form chains"):
        mpsolve.solve(problem, method="count_dp")


def test_losses_that_cancel_are_proven_exactly():
    """Sums of both signs around 1e6 and an optimum near 0, with no gap allowed."""
    rng = np.random.default_rng(3)
    layers = [f"l{i}" for i in range(12)]
    table = rng.normal(size=(12, 2)) * 1e6
    table[:, 1] = -table[:, 0]
    couplings = [
        mpsolve.Coupling(u, v, rng.normal(size=(2, 2)) * 1e-9)
        for u, v in pairwise(layers)
    ]
    problem = mpsolve.Problem.from_arrays(
        table, layers=layers, couplings=couplings, inventory={"option0": 6}
    )
    found = mpsolve.solve(problem, method="count_dp", rel_gap=0.0)
    expected = mpsolve.solve(problem, method="brute_force", rel_gap=0.0)
    assert found.reason == "OPTIMAL"
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
