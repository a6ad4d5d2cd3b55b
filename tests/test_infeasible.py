"""Infeasible is an answer: which budgets, and the nearest totals there are."""

import math

import numpy as np
import pytest

from mpsolve import Problem, solve

PARITY = Problem.from_arrays([[0.0, 1.0]] * 3, {"memory": [[2, 4]] * 3})


@pytest.mark.parametrize(
    ("budget", "nearest", "words"),
    [
        (5, (None, 6), "memory <= 5: the smallest reachable total is 6"),
        ((13, None), (12, None), "memory >= 13: the largest reachable total is 12"),
        ((9, 9), (8, 10), "memory == 9: no layout has such a total; the nearest are 8"),
        ((7, 7), (6, 8), "the nearest are 6 and 8"),
        ((-3, 5), (None, 6), "memory in [-3, 5]: the smallest reachable total is 6"),
    ],
)
def test_why_infeasible(prover, budget, nearest, words):
    result = solve(PARITY.with_budgets({"memory": budget}), prover)
    assert result.reason == "INFEASIBLE"
    assert result.layout is None
    assert result.bound == math.inf
    assert result.nearest == {"memory": nearest}
    assert words in result.detail


def test_nearest_totals_are_reachable_and_nearest():
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(200):
        usage = rng.integers(0, 40, (3, 3)) * 3
        totals = np.add.outer(np.add.outer(usage[0], usage[1]), usage[2]).ravel()
        low = int(rng.integers(0, 330))
        high = low + int(rng.integers(0, 4))
        problem = Problem.from_arrays(
            np.zeros((3, 3)), {"r": usage}, {"r": (low, high)}
        )
        result = solve(problem)
        is_reachable = ((totals >= low) & (totals <= high)).any()
        assert (result.reason == "OPTIMAL") == is_reachable
        if is_reachable:
            continue
        found += 1
        below = totals[totals < low].max() if (totals < low).any() else None
        above = totals[totals > high].min() if (totals > high).any() else None
        assert result.nearest == {"r": (below, above)}
    assert found > 50


def test_a_conflict_of_several_budgets():
    pytest.importorskip("ortools")
    problem = Problem.from_arrays(
        [[0.0, 0.0]] * 2,
        {"a": [[0, 1]] * 2, "b": [[1, 0]] * 2},
        {"a": 0, "b": 0},
    )
    for method in ("highs", "brute_force"):
        result = solve(problem, method)
        assert result.reason == "INFEASIBLE"
        assert "together" in result.detail
        assert result.nearest == {}


def test_infeasible_in_the_callers_units():
    problem = Problem.from_arrays(
        [[0.0, 0.0]] * 2, {"memory": [[0.1, 0.3]] * 2}, {"memory": 0.1}
    )
    result = solve(problem)
    assert result.nearest == {"memory": (None, 0.2)}
    assert "the smallest reachable total is 0.2" in result.detail


def test_a_conflict_without_budgets():
    problem = Problem.from_arrays(
        [[0.0, 0.0]] * 2,
        layers=["a", "b"],
        fixed={"a": "option0", "b": "option1"},
        max_distinct=1,
    )
    result = solve(problem)
    assert result.reason == "INFEASIBLE"
    assert "budget" not in result.detail
    assert "mpsolve.explain" in result.detail


# -- stopping early --------------------------------------------------------------------
