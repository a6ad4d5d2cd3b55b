"""Few precisions and worst losses, each over a thousand problems against an oracle."""

import numpy as np
import pytest

import mpsolve
from mpsolve.model.generate import mixed_precision
from mpsolve.testing import structured
from tests.methods.oracle import best_values

BATCHES = 11
SIZE = 100


@pytest.mark.parametrize("batch", range(BATCHES))
@pytest.mark.parametrize("kind", ["few_precisions", "bottleneck"])
def test_against_every_layout(kind, batch):
    for seed in range(batch * SIZE, (batch + 1) * SIZE):
        rng = np.random.default_rng([len(kind), seed])
        problem = getattr(structured, kind)(rng)
        result = mpsolve.solve(problem, rel_gap=0.0)
        assert result.method == kind
        expected = best_values(problem)
        if expected is None:
            assert result.reason == "INFEASIBLE"
            continue
        assert result.reason == "OPTIMAL"
        size = 1e-12 * (1 + np.abs(problem.loss).sum())
        assert result.loss == pytest.approx(expected[0], rel=1e-12, abs=size)
        assert result.bound == pytest.approx(expected[0], rel=1e-12, abs=size)
        assert result.total == pytest.approx(expected[1], rel=1e-12, abs=size)
        if problem.max_distinct is not None:
            assert len(result.layout.counts()) <= problem.max_distinct


@pytest.mark.parametrize("kind", ["few_precisions", "bottleneck"])
def test_the_oracle_of_the_other_tests_agrees(kind):
    for seed in range(150):
        problem = getattr(structured, kind)(np.random.default_rng([7, seed]))
        result = mpsolve.solve(problem, "brute_force")
        expected = best_values(problem)
        found = None if result.layout is None else (result.loss, result.total)
        assert found == (
            None if expected is None else pytest.approx(expected, abs=1e-9)
        )


def test_a_network_with_two_formats():
    problem = mixed_precision(120, 6, seed=4)
    assert len(mpsolve.solve(problem).layout.counts()) > 2
    result = mpsolve.solve(problem.with_constraints(max_distinct=2))
    assert result.reason == "OPTIMAL"
    assert len(result.layout.counts()) == 2
    pairs = []
    for i in range(6):
        for j in range(i):
            columns = [j, i]
            table = problem.loss.reshape(120, 6)[:, columns]
            usage = problem.resources["memory"].usage.reshape(120, 6)[:, columns]
            part = mpsolve.Problem.from_arrays(
                table, {"memory": usage}, dict(problem.budgets)
            )
            pairs.append(mpsolve.solve(part))
    best = min(r.loss for r in pairs if r.layout is not None)
    assert result.loss == pytest.approx(best, rel=2e-9)


def test_the_worst_layer_of_a_network():
    problem = mixed_precision(200, 4, seed=3)
    worst = mpsolve.solve(problem.with_constraints(objective="max"))
    plain = mpsolve.solve(problem)
    assert worst.reason == "OPTIMAL"
    assert worst.loss <= problem.loss[plain.layout.flat].max()
    assert worst.total >= plain.loss
    assert worst.loss == problem.loss[worst.layout.flat].max()
    # One step below the threshold there is no layout.
    left = problem.loss < worst.loss
    kept = [
        mpsolve.Group(
            group.name,
            [o for o, is_left in zip(group.options, row, strict=True) if is_left],
        )
        for group, row in zip(problem.groups, left.reshape(200, 4), strict=True)
    ]
    if all(group.options for group in kept):
        stricter = mpsolve.Problem(kept, budgets=dict(problem.budgets))
        assert mpsolve.solve(stricter).reason == "INFEASIBLE"


def test_limits_leave_valid_bounds():
    problem = mixed_precision(3000, 8, seed=1)
    for more in ({"objective": "max"}, {"max_distinct": 3}):
        result = mpsolve.solve(problem.with_constraints(**more), time_limit=0.0)
        assert result.reason in ("FEASIBLE", "NO_SOLUTION_FOUND", "OPTIMAL")
        if result.reason != "OPTIMAL":
            assert result.limit == "TIME"
        best = mpsolve.solve(problem.with_constraints(**more))
        assert best.reason == "OPTIMAL"
        assert result.bound <= best.loss


def test_other_ways_in():
    rng = np.random.default_rng(5)
    problem = mpsolve.Problem.from_arrays(
        rng.random((6, 3)),
        {"r": rng.integers(1, 9, (6, 3))},
        max_distinct=2,
        objective="max",
    )
    low, high = problem.reachable("r")
    budgets = [{"r": b} for b in range(low, high + 1, 4)]
    for budget, result in zip(
        budgets, mpsolve.solve_many(problem, budgets), strict=True
    ):
        expected = best_values(problem.with_budgets(budget))
        found = None if result.layout is None else (result.loss, result.total)
        assert found == expected
    front = mpsolve.front(problem, "r")
    for budget in budgets:
        result = mpsolve.solve(problem.with_budgets(budget))
        if result.layout is not None:
            assert front.at(budget["r"]).loss == result.loss
    assert len(front.layout(len(front) - 1).counts()) <= 2
    report = mpsolve.explain(
        problem.with_constraints(
            max_distinct=1, fixed={"layer0": "option0", "layer1": "option1"}
        )
    )
    assert "at most 1 different precisions" in map(str, report.conflict.constraints)


def test_faults():
    with pytest.raises(mpsolve.InvalidProblemError) as caught:
        mpsolve.Problem.from_arrays([[1.0]], objective="mean", max_distinct=0)
    assert [fault.path for fault in caught.value.faults] == [
        "objective",
        "max_distinct",
    ]


def test_other_methods_refuse_them():
    problem = mpsolve.Problem.from_arrays([[1.0, 2.0]], objective="max", max_distinct=1)
    for method in ("exact", "paths", "greedy"):
        with pytest.raises(
            mpsolve.UnsupportedProblemError, match="different precisions"
        ):
            mpsolve.solve(problem, method)
    plain = mpsolve.Problem.from_arrays([[1.0, 2.0]])
    for method in ("bottleneck", "few_precisions"):
        with pytest.raises(mpsolve.UnsupportedProblemError):
            mpsolve.solve(plain, method)
