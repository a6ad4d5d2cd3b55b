"""Usages become exact integers; budgets are rounded against the caller."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import mpsolve
from mpsolve import Budget, Problem

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


def resource_of(usages, budget=None):
    table = np.array(usages, dtype=None)
    problem = Problem.from_arrays(np.zeros(table.shape), {"r": table})
    return problem.resources["r"]


def test_integers_are_kept():
    resource = resource_of([[2**61, -(2**61)]])
    assert resource.usage.tolist() == [2**61, -(2**61)]
    assert (resource.scale, resource.rounding) == (1, 0)


def test_decimals_mean_what_they_say():
    """0.1 + 0.2 is 0.30000000000000004 in floats, and fits a budget of 0.3."""
    problem = Problem.from_arrays([[0.0], [0.0]], {"r": [[0.1], [0.2]]}, {"r": 0.3})
    result = mpsolve.solve(problem)
    assert result.reason == "OPTIMAL"
    assert result.usage["r"] == 0.3
    assert problem.resources["r"].scale == 10
    for side in (0.29999999999999993, 0.2999):
        assert mpsolve.solve(problem.with_budgets({"r": side})).reason == "INFEASIBLE"
    equality = problem.with_budgets({"r": (0.3, 0.3)})
    assert mpsolve.solve(equality).reason == "OPTIMAL"


@pytest.mark.parametrize(
    ("usages", "scale"),
    [
        ([1.0, 2.0], 1),
        ([0.5, 2.0], 10),
        ([0.25, 1e-3], 1000),
        ([1e-22, 2e-22], 10**22),
        ([0.0, 0.0], 1),
        ([-0.3, 0.7], 10),
        ([2.0**52, 0.0], 1),
    ],
)
def test_the_smallest_power_of_ten_is_taken(usages, scale):
    resource = resource_of([usages])
    assert resource.scale == scale
    assert resource.rounding == 0
    exact = [Fraction(repr(u)) * scale for u in usages]
    assert resource.usage.tolist() == exact


def test_values_after_the_first_thousand_count():
    usages = np.ones((3000, 1))
    usages[2999] = 0.125
    assert resource_of(usages).scale == 1000


@pytest.mark.parametrize("usages", [[1 / 3, 2.0], [np.pi, 1e9], [1e300, 1.0], [5e-324]])
def test_other_floats_are_rounded_to_powers_of_two(usages):
    resource = resource_of([usages])
    up, down = resource.scale.numerator, resource.scale.denominator
    assert up & (up - 1) == down & (down - 1) == 0
    assert 2**58 <= max(map(abs, resource.usage.tolist())) < 2**62


@given(
    st.lists(st.lists(finite, min_size=2, max_size=2), min_size=1, max_size=5),
    finite,
    finite,
    st.lists(st.integers(0, 1), min_size=5, max_size=5),
)
@example([[1 / 3, 0.1], [1 / 3, 0.2]], 2 / 3, 2 / 3, [0, 0, 0, 0, 0])
@example([[2.0**-40, 1.0], [2.0**-40, 3.0]], 2.0**-39, 0.1, [0, 0, 0, 0, 0])
@example([[0.1 - 2.0**-55, 1.0], [7 * 2.0**-58, 1.0]], 0.1, 1.0, [0, 0, 0, 0, 0])
def test_a_layout_within_the_scaled_budget_is_within_the_callers(usages, a, b, choices):
    """In exact fractions, whatever the floats are."""
    lower, upper = sorted((a, b))
    resource = resource_of(usages)
    low, high = resource.limits(Budget(lower, upper))
    chosen = [row[j] for row, j in zip(usages, choices, strict=False)]
    total = sum(
        resource.usage.reshape(-1, 2)[i, j].item()
        for i, j in zip(range(len(usages)), choices, strict=False)
    )
    # Decimals are read as they are written, everything else as the floats they are.
    is_decimal = all(
        Fraction(repr(u)) * resource.scale == s
        for row, scaled in zip(usages, resource.usage.reshape(-1, 2), strict=True)
        for u, s in zip(row, scaled.tolist(), strict=True)
    )
    read = (lambda x: Fraction(repr(x))) if is_decimal else Fraction
    true_total = sum(map(read, chosen), Fraction(0))
    if total <= high:
        assert true_total <= read(upper)
    if total >= low:
        assert true_total >= read(lower)


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=6), finite)
@example([10, 20], 0.305)
@example([10, 20], 0.295)
def test_decimal_budgets_are_kept_exactly_where_usages_are_decimal(cents, side):
    usages = [[c / 100] for c in cents]
    resource = resource_of(usages)
    total = int(resource.usage.sum())
    true_total = Fraction(sum(cents), 100)
    assert Fraction(total) / resource.scale == true_total
    low, high = resource.limits(Budget(side, side))
    assert (total <= high) == (true_total <= Fraction(repr(side)))
    assert (total >= low) == (true_total >= Fraction(repr(side)))


@given(st.integers(-(10**6), 10**6), finite)
@example(3, 3.5)
@example(3, 2.5)
@example(-3, -2.5)
def test_float_budgets_on_integer_usages(usage, side):
    assume(abs(side) < 1e300)
    low, high = resource_of([[usage]]).limits(Budget(side, side))
    assert (usage <= high) == (usage <= Fraction(repr(side)))
    assert (usage >= low) == (usage >= Fraction(repr(side)))


@given(st.lists(finite, min_size=1, max_size=6))
def test_scaled_values_are_as_close_as_promised(usages):
    resource = resource_of([[u] for u in usages])
    error = sum(
        (abs(Fraction(repr(u)) * resource.scale - s))
        for u, s in zip(usages, resource.usage.tolist(), strict=True)
    )
    exact = sum(
        (abs(Fraction(u) * resource.scale - s))
        for u, s in zip(usages, resource.usage.tolist(), strict=True)
    )
    assert min(error, exact) <= resource.rounding


def test_rounded_resources_say_so_where_nothing_fits():
    roots = [[2**0.5, 1e9 * 3**0.5]] * 3
    problem = Problem.from_arrays([[0.0, 0.0]] * 3, {"r": roots}, {"r": 4.0})
    assert problem.resources["r"].rounding == 2
    result = mpsolve.solve(problem)
    assert result.reason == "INFEASIBLE"
    assert "tightened by rounding" in result.detail


def test_units():
    problem = Problem.from_arrays(
        [[0.0]],
        {"memory": [[1]], "time": [[1]], "bops": [[1]]},
        units={"bops": "GBOPs", "time": "us"},
    )
    units = {name: resource.unit for name, resource in problem.resources.items()}
    assert units == {"memory": "B", "time": "us", "bops": "GBOPs"}


def test_equality_and_hash():
    a, b, c = (resource_of([[1, 2]]), resource_of([[1, 2]]), resource_of([[1, 3]]))
    assert a == b != c
    assert hash(a) == hash(b)
    assert a != "r"
