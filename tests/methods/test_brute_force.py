"""The enumeration itself, where its answer is known by hand."""

import numpy as np
import pytest

from mpsolve import Coupling, Group, Option, Problem, UnsupportedProblemError, solve

inf = float("inf")


def test_it_counts_every_layout():
    problem = Problem(
        [
            Group("a", [Option("x", 1.0), Option("y", 2.0)]),
            Group("b", [Option("x", 1.0)]),
            Group("c", [Option(str(j), -float(j)) for j in range(5)]),
        ]
    )
    result = solve(problem, "brute_force")
    assert result.counters["layouts"] == 10
    assert result.loss == -2.0
    assert dict(result.layout) == {"a": "x", "b": "x", "c": "4"}


def test_more_layouts_than_fit_a_chunk():
    rng = np.random.default_rng(0)
    loss = rng.random((17, 2))
    problem = Problem.from_arrays(loss, {"r": [[0, 1]] * 17}, {"r": (17, None)})
    result = solve(problem, "brute_force")
    assert result.counters["layouts"] == 2**17
    assert result.loss == pytest.approx(loss[:, 1].sum())


def test_ten_million_layouts_are_the_most():
    with pytest.raises(UnsupportedProblemError, match="more than 10,000,000 layouts"):
        solve(Problem.from_arrays(np.zeros((24, 2))), "brute_force")
    with pytest.raises(UnsupportedProblemError, match="more than 10,000,000 layouts"):
        solve(Problem.from_arrays(np.zeros((10_000, 3))), "brute_force")


def test_a_time_limit_proves_nothing():
    problem = Problem.from_arrays(np.ones((20, 2)))
    result = solve(problem, "brute_force", time_limit=0)
    assert (result.reason, result.limit) == ("NO_SOLUTION_FOUND", "TIME")
    assert result.bound == -inf
    assert result.layout is None


def test_forbidden_pairs():
    table = [[inf, 0.0], [0.0, inf]]
    groups = [Group(n, [Option("x", 0.0), Option("y", 1.0)]) for n in "ab"]
    result = solve(
        Problem(groups, couplings=[Coupling("a", "b", table)]), "brute_force"
    )
    assert (result.loss, result.layout["a"] != result.layout["b"]) == (1.0, True)
    forbidden = Coupling("a", "b", [[inf, inf], [inf, inf]])
    result = solve(Problem(groups, couplings=[forbidden]), "brute_force")
    assert result.reason == "INFEASIBLE"


def test_a_coupling_lowers_a_gain():
    groups = [Group(n, [Option("x", 1.0), Option("y", 2.0)]) for n in "ab"]
    coupling = Coupling("a", "b", [[0.0, 0.0], [0.0, 1.5]])
    problem = Problem(groups, couplings=[coupling], maximize=True)
    result = solve(problem, "brute_force")
    assert (result.loss, result.bound) == (3.0, 3.0)


def test_couplings_see_through_ties():
    groups = [Group(n, [Option("x", 0.0), Option("y", 1.0)]) for n in "abc"]
    coupling = Coupling("b", "c", [[5.0, 5.0], [5.0, 0.0]])
    problem = Problem(groups, couplings=[coupling], ties=[["a", "b"]])
    result = solve(problem, "brute_force")
    assert result.loss == 3.0
    assert result.layout.counts() == {"y": 3}


def test_a_tie_counts_all_its_layers_in_an_inventory():
    groups = [Group(n, [Option("x", 0.0), Option("y", 1.0)]) for n in "abc"]
    problem = Problem(groups, ties=[["a", "b"]], inventory={"x": 1})
    assert solve(problem, "brute_force").layout.counts() == {"x": 1, "y": 2}
    assert solve(
        Problem(groups, ties=[["a", "b"]], inventory={"x": 2}), "brute_force"
    ).layout.counts() == {"x": 2, "y": 1}
    three = Problem(groups, ties=[["a", "b", "c"]], inventory={"x": 1})
    assert solve(three, "brute_force").reason == "INFEASIBLE"
