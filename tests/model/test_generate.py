import math
from typing import get_args

import numpy as np
import pytest

from mpsolve.model.generate import (
    BLOCK,
    Arrays,
    HardClass,
    Sizes,
    bit_widths,
    hard,
    hard_arrays,
    mixed_precision,
    mixed_precision_arrays,
)

KINDS = get_args(HardClass)
SIZES = get_args(Sizes)

# Written down once: another machine or numpy that differs is a fault.
MIXED_USAGE = [[208068, 416136, 832272], [8984, 17968, 35936]]
MIXED_LOSS = [
    [0.01949496939778328, 8.633943798486143e-05, 1.180191944172293e-09],
    [0.0008726543164812028, 2.9606130738102365e-06, 5.604818692495073e-11],
]
MIXED_BUDGET = 477514
STRONGLY_USAGE = [[28, 208, 633], [12, 554, 1162]]


def same(left: Arrays, right: Arrays) -> bool:
    return (
        np.array_equal(left.loss, right.loss)
        and np.array_equal(left.usage, right.usage)
        and left.budget == right.budget
    )


@pytest.mark.parametrize("num_options", range(1, 20))
def test_bit_widths_are_that_many_and_upward(num_options):
    widths = bit_widths(num_options)
    assert len(widths) == num_options
    assert list(widths) == sorted(set(widths))


@pytest.mark.parametrize("sizes", SIZES)
def test_mixed_precision_has_shapes_types_and_a_seed(sizes):
    arrays = mixed_precision_arrays(20, 8, 7, sizes=sizes)
    assert arrays.loss.shape == arrays.usage.shape == (20, 8)
    assert arrays.loss.dtype == np.float64
    assert arrays.usage.dtype == np.int64
    assert isinstance(arrays.budget, int)
    assert same(arrays, mixed_precision_arrays(20, 8, 7, sizes=sizes))
    assert not same(arrays, mixed_precision_arrays(20, 8, 8, sizes=sizes))


@pytest.mark.parametrize("sizes", SIZES)
def test_mixed_precision_usage_is_parameters_times_bits(sizes):
    usage = mixed_precision_arrays(30, 8, 0, sizes=sizes).usage
    parameters = usage[:, :1] * 8 // 2
    assert (usage * 8 == parameters * np.array(bit_widths(8))).all()
    assert (usage > 0).all()


def test_repeated_sizes_are_those_of_equal_blocks():
    usage = mixed_precision_arrays(3 * len(BLOCK), 3, 5, sizes="repeated").usage
    blocks = usage.reshape(3, len(BLOCK), 3)
    assert (blocks == blocks[0]).all()
    assert (usage[: len(BLOCK), 0] // usage[0, 0]).tolist() == list(BLOCK)


def test_distinct_sizes_are_distinct():
    usage = mixed_precision_arrays(1000, 3, 0).usage
    assert len(np.unique(usage[:, 0])) > 900


def test_mixed_precision_losses_fall_as_four_to_the_minus_bits():
    loss = mixed_precision_arrays(2000, 3, 1).loss
    sensitivity = loss * 4.0 ** np.array(bit_widths(3))
    assert 1e-3 / 3 < sensitivity.min() < 1e-2
    assert 1e2 < sensitivity.max() < 3e3
    noise = np.log(sensitivity / sensitivity.mean(axis=1, keepdims=True))
    assert 0.05 < noise.std() < 0.15
    assert np.array_equal(loss, loss.astype(np.float32))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("budget", [0.0, 0.4, 1.0])
def test_mixed_precision_budget_is_reachable(sizes, budget):
    arrays = mixed_precision_arrays(50, 4, 3, sizes=sizes, budget=budget)
    smallest = arrays.usage.min(axis=1).sum()
    largest = arrays.usage.max(axis=1).sum()
    expected = smallest + math.floor(budget * int(largest - smallest))
    assert smallest <= arrays.budget == expected <= largest


def test_problems_hold_the_arrays():
    arrays, problem = mixed_precision_arrays(12, 3, 4), mixed_precision(12, 3, 4)
    assert np.array_equal(problem.loss, arrays.loss.ravel())
    assert np.array_equal(problem.resources["memory"].usage, arrays.usage.ravel())
    assert problem.budgets["memory"].upper == arrays.budget
    assert problem.precisions == ("int4", "int8", "int16")

    arrays, problem = hard_arrays("weakly", 12, 5, 4), hard("weakly", 12, 5, 4)
    assert np.array_equal(problem.loss, arrays.loss.ravel())
    assert np.array_equal(problem.resources["weight"].usage, arrays.usage.ravel())
    assert problem.budgets["weight"].upper == arrays.budget


@pytest.mark.parametrize("kind", KINDS)
def test_hard_classes_have_shapes_ranges_and_a_seed(kind):
    arrays = hard_arrays(kind, 200, 10, 3)
    assert arrays.loss.shape == arrays.usage.shape == (200, 10)
    assert arrays.loss.dtype == np.float64
    assert arrays.usage.dtype == np.int64
    assert (arrays.loss == np.rint(arrays.loss)).all()
    assert (arrays.loss <= -1).all()
    assert (arrays.usage >= 1).all()
    if kind != "strongly":
        assert arrays.usage.max() <= 1000
        assert arrays.usage.max() > 990
    assert same(arrays, hard_arrays(kind, 200, 10, 3))
    assert not same(arrays, hard_arrays(kind, 200, 10, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_hard_capacity_is_half_way_to_the_most_profitable(kind):
    arrays = hard_arrays(kind, 30, 6, 0)
    smallest = greedy = 0
    for losses, usages in zip(arrays.loss.tolist(), arrays.usage.tolist(), strict=True):
        smallest += min(usages)
        greedy += min(zip(losses, usages, strict=True))[1]
    assert arrays.budget == (smallest + greedy) // 2
    assert smallest <= arrays.budget


def test_strongly_has_running_sums():
    arrays = hard_arrays("strongly", 100, 10, 0)
    weights, profits = arrays.usage, -arrays.loss
    steps = np.diff(weights, axis=1, prepend=0)
    assert ((steps >= 1) & (steps <= 200)).all()
    assert (np.diff(steps, axis=1) >= 0).all()
    assert (profits == weights + 10 * np.arange(1, 11)).all()


def test_other_classes_follow_their_definitions():
    flat = hard_arrays("strongly_flat", 50, 10, 0)
    assert (-flat.loss == flat.usage + 10).all()
    subset = hard_arrays("subset_sum", 50, 10, 0)
    assert (-subset.loss == subset.usage).all()
    weakly = hard_arrays("weakly", 500, 10, 0)
    difference = -weakly.loss - weakly.usage
    assert difference.max() == 10
    assert ((difference >= -10) | (weakly.loss == -1)).all()
    monotone = hard_arrays("sinha_zoltners", 50, 10, 0)
    assert (np.diff(monotone.usage, axis=1) >= 0).all()
    assert (np.diff(-monotone.loss, axis=1) >= 0).all()
    uncorrelated = hard_arrays("uncorrelated", 500, 10, 0)
    values = np.corrcoef(uncorrelated.loss.ravel(), uncorrelated.usage.ravel())
    assert abs(values[0, 1]) < 0.1


def test_range_is_the_callers():
    assert hard_arrays("uncorrelated", 100, 5, 0, largest=7).usage.max() == 7


def test_values_are_the_same_everywhere():
    mixed = mixed_precision_arrays(2, 3, 0)
    strongly = hard_arrays("strongly", 2, 3, 0)
    assert mixed.usage.tolist() == MIXED_USAGE
    assert mixed.loss.tolist() == MIXED_LOSS
    assert mixed.budget == MIXED_BUDGET
    assert strongly.usage.tolist() == STRONGLY_USAGE


@pytest.mark.parametrize("make", [mixed_precision_arrays, mixed_precision])
def test_unknown_sizes_are_refused(make):
    with pytest.raises(ValueError, match=r"distinct, repeated\. Got 'odd'"):
        make(5, 3, 0, sizes="odd")


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"kind must be one of .* Got 'soft'"):
        hard_arrays("soft", 5, 3, 0)
