"""The greedy layouts, and the bound that comes with them."""

import time

import numpy as np
import pytest

from mpsolve import Group, Option, Problem, UnsupportedProblemError, solve


def test_density_finds_what_saving_misses():
    """Two small steps beat the large one that would fill the budget."""
    problem = Problem.from_arrays(
        [[10.0, 0.0], [8.0, 0.0], [8.0, 0.0]],
        {"r": [[0, 10], [0, 5], [0, 5]]},
        {"r": 10},
    )
    assert solve(problem, "greedy").loss == 10.0


def test_saving_finds_what_density_misses():
    """The best step per unit stands in the way of one that saves nearly everything."""
    problem = Problem.from_arrays(
        [[2.0, 0.0], [100.0, 0.0]], {"r": [[0, 1], [0, 100]]}, {"r": 100}
    )
    assert solve(problem, "greedy").loss == 2.0


def test_a_step_that_does_not_fit_lets_others_pass():
    problem = Problem.from_arrays(
        [[9.0, 0.0], [4.0, 0.0], [1.0, 0.0]],
        {"r": [[0, 3], [0, 4], [0, 1]]},
        {"r": 4},
    )
    result = solve(problem, "greedy")
    assert result.loss == 4.0
    assert result.usage == {"r": 4}


def test_it_goes_along_the_hull_only():
    """The middle option lies above the hull, and no step stops there."""
    problem = Problem.from_arrays([[10.0, 9.0, 0.0]], {"r": [[0, 5, 10]]}, {"r": 10})
    assert solve(problem, "greedy").layout.choices.tolist() == [2]


def test_results_are_feasible_without_a_proof():
    problem = Problem.from_arrays([[1.0, 0.0]], {"r": [[0, 2]]}, {"r": 1})
    result = solve(problem, "greedy")
    assert (result.reason, result.limit, result.loss) == ("FEASIBLE", "OTHER", 1.0)
    assert result.bound == pytest.approx(0.5)
    assert result.multipliers == {"r": pytest.approx(0.5)}
    assert "greedy" in result.detail


def test_without_a_budget_every_group_takes_its_best():
    problem = Problem(
        [
            Group("a", [Option("x", 3.0), Option("y", -1.0), Option("z", 2.0)]),
            Group("b", [Option("x", 0.5)]),
        ]
    )
    result = solve(problem, "greedy")
    assert result.loss == -0.5
    assert result.bound == pytest.approx(-0.5)
    assert solve(Problem([]), "greedy").loss == 0.0


def test_infeasible():
    problem = Problem.from_arrays([[1.0, 0.0]] * 2, {"r": [[3, 5]] * 2}, {"r": 5})
    result = solve(problem, "greedy")
    assert result.reason == "INFEASIBLE"
    assert result.nearest == {"r": (None, 6)}


def test_lower_sides_are_refused():
    problem = Problem.from_arrays([[1.0, 0.0]], {"r": [[3, 5]]}, {"r": (4, 5)})
    with pytest.raises(UnsupportedProblemError, match="a lower side of the budget 'r'"):
        solve(problem, "greedy")


def test_it_is_at_most_one_step_from_the_optimum():
    """As Dantzig's rule promises: the loss minus the bound is at most the best step."""
    rng = np.random.default_rng(5)
    for _ in range(50):
        loss = np.sort(rng.random((30, 4)))[:, ::-1]
        usage = np.sort(rng.integers(0, 1000, (30, 4)))
        upper = int(usage[:, 0].sum() + rng.integers(0, 20_000))
        problem = Problem.from_arrays(loss, {"r": usage}, {"r": upper})
        greedy, best = solve(problem, "greedy"), solve(problem)
        assert greedy.bound <= best.loss <= greedy.loss
        assert greedy.loss - greedy.bound <= (loss[:, 0] - loss[:, -1]).max()


@pytest.mark.parametrize("is_ragged", [False, True])
def test_a_hundred_thousand_groups(is_ragged):
    rng = np.random.default_rng(6)
    loss, usage = rng.random((100_000, 8)), rng.integers(0, 10**6, (100_000, 8))
    problem = Problem.from_arrays(loss, {"r": usage}, {"r": int(usage.sum()) // 20})
    if is_ragged:
        # One fixed option is enough to make the groups differ.
        problem = Problem.from_arrays(
            loss,
            {"r": usage},
            {"r": int(usage.sum()) // 20},
            fixed={"layer7": "option0"},
        )
    _ = problem.merged
    start = time.process_time()
    result = solve(problem, "greedy")
    assert time.process_time() - start < 3.0
    assert result.gap < 1e-6
