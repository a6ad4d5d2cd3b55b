"""What solvers see: ties summed, fixed options alone, gains negated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpsolve import Group, Layout, Option, Problem, verify
from tests.strategies import problems

GROUPS = [
    Group("a", [Option("x", 1.0, {"r": 1}), Option("y", 2.0, {"r": 2})]),
    Group("b", [Option("y", 4.0, {"r": 4}), Option("z", 8.0, {"r": 8})]),
    Group("c", [Option("z", 16.0, {"r": 16}), Option("y", 32.0, {"r": 32})]),
]


def test_nothing_to_merge_shares_the_arrays():
    problem = Problem.from_arrays([[0.1, 0.2]], {"r": [[1, 2]]}, {"r": 1})
    merged = problem.merged
    assert merged.loss is problem.loss
    assert merged.usage["r"] is problem.resources["r"].usage
    assert merged.offsets is problem.offsets
    assert merged.limits == {"r": (None, 1)}
    assert problem.merged is merged


def test_ties_become_one_group_of_their_common_options():
    merged = Problem(GROUPS, ties=[["a", "c"]]).merged
    assert merged.num_groups == 2
    assert merged.offsets.tolist() == [0, 1, 3]
    assert merged.loss.tolist() == [34.0, 4.0, 8.0]
    assert merged.usage["r"].tolist() == [34, 4, 8]
    assert merged.sizes.tolist() == [2, 1]
    assert [merged.problem.precisions[c] for c in merged.codes] == ["y", "y", "z"]
    assert merged.expand(np.array([0, 1])).tolist() == [1, 1, 1]
    assert merged.contract(np.array([1, 0, 1])).tolist() == [0, 0]
    assert merged.contract(np.array([0, 0, 1])) is None
    assert merged.contract(np.array([1, 0, 0])) is None


def test_overlapping_ties_are_joined():
    problem = Problem(GROUPS, ties=[["a", "b"], ["c", "b"], ["a", "a"]])
    assert problem.ties == ((0, 1, 2),)
    assert problem.merged.loss.tolist() == [38.0]
    assert problem.merged.width == 1
    assert problem.merged.expand(np.array([0])).tolist() == [1, 0, 1]


def test_fixed_options_are_left_alone():
    merged = Problem(GROUPS, fixed={"b": "z"}).merged
    assert merged.loss.tolist() == [1.0, 2.0, 8.0, 16.0, 32.0]
    assert merged.expand(np.array([0, 0, 1])).tolist() == [0, 1, 1]
    assert merged.contract(np.array([0, 1, 1])).tolist() == [0, 0, 1]
    assert merged.contract(np.array([0, 0, 1])) is None


def test_a_fixed_member_decides_its_tie():
    merged = Problem(GROUPS, ties=[["b", "c"]], fixed={"c": "z"}).merged
    assert merged.loss.tolist() == [1.0, 2.0, 24.0]
    assert merged.expand(np.array([1, 0])).tolist() == [1, 1, 0]


def test_gains_are_negated():
    problem = Problem(GROUPS, maximize=True, ties=[["a", "b"]])
    assert problem.merged.loss.tolist() == [-6.0, -16.0, -32.0]
    assert problem.loss.tolist() == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def test_reachable():
    assert Problem(GROUPS).merged.reachable("r") == (1 + 4 + 16, 2 + 8 + 32)
    assert Problem(GROUPS, ties=[["a", "b"]]).merged.reachable("r") == (22, 38)
    assert Problem.from_arrays(np.zeros((0, 2)), {"r": np.zeros((0, 2), int)}).merged


@given(problems(usages=st.integers(-(2**50), 2**50)), st.data())
def test_expanded_choices_keep_ties_and_totals(problem, data):
    merged = problem.merged
    sizes = np.diff(merged.offsets).tolist()
    choices = np.array(
        [data.draw(st.integers(0, size - 1)) for size in sizes], dtype=np.int64
    )
    chosen = merged.offsets[:-1] + choices
    layout = Layout(problem, merged.expand(choices))
    verification = verify(problem.with_budgets({}), layout)
    assert verification.violations == ()
    for name, usage in merged.usage.items():
        assert verification.usage[name] == sum(usage[chosen].tolist())
    sign = -1.0 if problem.maximize else 1.0
    total = sign * sum(merged.loss[chosen].tolist())
    assert verification.loss == pytest.approx(total, rel=1e-12, abs=1e-3)
    assert merged.contract(layout.choices).tolist() == choices.tolist()


@given(problems(), st.data())
def test_contract_refuses_exactly_what_breaks_ties_or_fixed(problem, data):
    sizes = np.diff(problem.offsets).tolist()
    choices = np.array(
        [data.draw(st.integers(0, size - 1)) for size in sizes], dtype=np.int64
    )
    broken = verify(problem.with_budgets({}), Layout(problem, choices)).violations
    contracted = problem.merged.contract(choices)
    assert (contracted is None) == bool(broken)
    if contracted is not None:
        assert problem.merged.expand(contracted).tolist() == choices.tolist()
