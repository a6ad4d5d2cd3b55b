"""Budgets as users write them, and problems under other budgets."""

import numpy as np
import pytest

import mpsolve
from mpsolve import Budget, InvalidProblemError, Problem

inf = float("inf")


def problem_with(budget):
    return Problem.from_arrays([[0.0, 1.0]], {"r": [[3, 4]]}, {"r": budget})


@pytest.mark.parametrize(
    ("written", "budget"),
    [
        (5, Budget(None, 5)),
        (5.5, Budget(None, 5.5)),
        (None, Budget()),
        (inf, Budget()),
        ((1, None), Budget(1, None)),
        ((None, 2), Budget(None, 2)),
        ([1, 2], Budget(1, 2)),
        ((-inf, 2), Budget(None, 2)),
        ((1, inf), Budget(1, None)),
        (Budget(1, 2), Budget(1, 2)),
        (np.int32(7), Budget(None, 7)),
        (np.float32(0.5), Budget(None, 0.5)),
        (10**30, Budget(None, 10**30)),
    ],
)
def test_ways_to_write_a_budget(written, budget):
    problem = problem_with(written)
    assert problem.budgets["r"] == budget
    for side in (problem.budgets["r"].lower, problem.budgets["r"].upper):
        assert side is None or type(side) in (int, float)
    assert budget.is_open == (budget == Budget())


@pytest.mark.parametrize("wrong", [(inf, None), (None, -inf), -inf, (inf, inf)])
def test_infinities_on_the_wrong_side_are_refused(wrong):
    with pytest.raises(InvalidProblemError, match="finite"):
        problem_with(wrong)


def test_open_budgets_are_no_limits():
    assert problem_with(None).merged.limits == {}
    assert mpsolve.solve(problem_with((None, None))).loss == 0.0


def test_with_budgets_shares_the_arrays_and_leaves_the_problem_alone():
    problem = problem_with(3)
    twin = problem.with_budgets({"r": (4, 4)})
    assert twin.loss is problem.loss
    assert twin.resources is problem.resources
    assert (problem.budgets["r"].upper, twin.budgets["r"].upper) == (3, 4)
    assert mpsolve.solve(problem).usage["r"] == 3
    assert mpsolve.solve(twin).usage["r"] == 4
    assert mpsolve.solve(problem).usage["r"] == 3
    assert twin.with_budgets({}).budgets == {}


def test_with_budgets_keeps_everything_else():
    problem = Problem.from_arrays(
        [[0.1, 0.2]] * 3,
        {"r": [[3, 4]] * 3},
        ties=[[0, 1]],
        fixed={"layer2": "option1"},
        inventory={"option1": 1},
        maximize=True,
        name="x",
    )
    twin = problem.with_budgets({"r": 100})
    assert twin.ties == problem.ties
    assert twin.fixed == problem.fixed
    assert twin.inventory == problem.inventory
    assert twin.maximize
    assert twin.name == "x"
    assert twin.with_budgets({}) == problem


def test_with_budgets_checks():
    with pytest.raises(InvalidProblemError, match=r"budgets\['s'\]: no option uses"):
        problem_with(3).with_budgets({"s": 1})


def test_reachable_totals():
    problem = Problem.from_arrays(
        [[0.0, 0.0]] * 3,
        {"r": [[1, 2], [4, 3], [10, 20]], "f": [[0.1, 0.2]] * 3},
        ties=[[0, 1]],
        fixed={"layer2": "option0"},
    )
    assert problem.reachable("r") == (15, 15)
    assert problem.reachable("f") == (0.3, 0.5)
    assert Problem.from_arrays([[0.0]], {"r": [[1]]}).reachable("r") == (1, 1)
