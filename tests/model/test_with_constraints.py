"""The same options under other constraints."""

import numpy as np
import pytest

import mpsolve


def make():
    return mpsolve.Problem.from_arrays(
        [[1.0, 0.0]] * 3,
        {"memory": [[1, 2]] * 3},
        {"memory": 5},
        layers=["a", "b", "c"],
        ties=[("a", "b")],
        fixed={"c": "option0"},
        inventory=mpsolve.at_most({"option0": 3}),
        couplings=[mpsolve.Coupling("a", "c", [[0, 1], [1, 0]])],
    )


def test_nothing_changes_where_nothing_is_given():
    problem = make()
    assert problem.with_constraints() == problem


def test_each_can_be_replaced():
    problem = make()
    problem.merged  # noqa: B018 -- what was derived before must not be kept
    assert problem.with_constraints(ties=()).merged.num_groups == 3
    assert problem.with_constraints(fixed={}).fixed == {}
    assert problem.with_constraints(inventory=None).inventory is None
    assert problem.with_constraints(couplings=()).couplings == ()
    other = problem.with_constraints(budgets={"memory": (None, 3)})
    assert other.budgets["memory"].upper == 3
    assert other.merged.limits == {"memory": (None, 3)}
    assert other.ties == problem.ties
    assert np.shares_memory(other.loss, problem.loss)
    assert problem == make()


def test_derived_arrays_are_shared_and_right():
    problem = make()
    pairs = problem.merged.pairs
    other = problem.with_budgets({"memory": 3})
    assert other.merged.problem is other
    assert other.merged.limits == {"memory": (None, 3)}
    assert other.merged.pairs is pairs
    result = mpsolve.solve(other)
    assert result.loss == mpsolve.solve(other, "brute_force").loss


def test_faults():
    with pytest.raises(mpsolve.InvalidProblemError, match="no group is named 'd'"):
        make().with_constraints(fixed={"d": "option0"})
