import math

import numpy as np
import pytest

from benchmarks.race.peers.columns import (
    integer_losses,
    make_columns,
    scaled_losses,
    scaled_usages,
    undominated,
)
from mpsolve.model.generate import Arrays, hard_arrays, mixed_precision_arrays


def test_undominated_keeps_the_first_of_equals():
    loss = np.array([[3.0, 1.0, 1.0, 2.0, 0.5]])
    usage = np.array([[1, 2, 2, 4, 2**60 + 1]])
    assert undominated(loss, usage).tolist() == [[True, True, False, False, True]]


@pytest.mark.parametrize("seed", range(5))
def test_undominated_is_what_its_definition_says(seed):
    arrays = hard_arrays("uncorrelated", 20, 6, seed, largest=8)
    keep = undominated(arrays.loss, arrays.usage)
    for group in range(20):
        points = list(zip(arrays.loss[group], arrays.usage[group], strict=True))
        for option, (loss, usage) in enumerate(points):
            beaten = any(
                other_loss <= loss
                and other_usage <= usage
                and ((other_loss, other_usage) != (loss, usage) or other < option)
                for other, (other_loss, other_usage) in enumerate(points)
            )
            assert keep[group, option] != beaten


def test_columns_mean_the_same_problem():
    arrays = mixed_precision_arrays(6, 3, 1, sizes="repeated")
    columns = make_columns(arrays, drop_dominated=False)
    assert columns.num_groups == 6
    assert columns.num_columns == 18
    assert columns.loss.min() == 0.0
    assert np.gcd.reduce(columns.usage) == 1
    loss = columns.loss.reshape(6, 3)
    usage = columns.usage.reshape(6, 3)
    rows = np.arange(6)
    for choices in np.ndindex(3, 3, 3, 3, 3, 3):
        picked = np.array(choices)
        total = int(arrays.usage[rows, picked].sum())
        fits = int(usage[rows, picked].sum()) <= columns.budget
        assert fits == (total <= arrays.budget)
        assert math.isclose(
            loss[rows, picked].sum() + columns.least_loss,
            arrays.loss[rows, picked].sum(),
        )


def test_choices_are_read_only_from_layouts():
    arrays = Arrays(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[1, 2], [1, 1]]), 3)
    columns = make_columns(arrays, drop_dominated=True)
    assert columns.option.tolist() == [0, 1, 0]
    assert columns.choices(np.array([1, 2])).tolist() == [1, 0]
    assert columns.choices(np.array([0, 1])) is None
    assert columns.choices(np.array([1])) is None


def test_small_integers_stay_and_others_are_scaled_by_powers_of_two():
    hard = make_columns(hard_arrays("weakly", 10, 5, 0), drop_dominated=True)
    assert scaled_losses(hard)[1] == 1.0
    assert scaled_usages(hard, 1e3)[1] == hard.budget
    assert integer_losses(hard, 56)[1] == 1.0
    mixed = make_columns(mixed_precision_arrays(50, 8, 0), drop_dominated=True)
    loss, scale = scaled_losses(mixed)
    assert math.frexp(scale)[0] == 0.5
    assert 500 < np.median(loss[loss > 0]) < 2000
    usage, budget = scaled_usages(mixed, 1e3)
    assert usage.max() == pytest.approx(1e3)
    assert budget / mixed.budget == pytest.approx(1e3 / mixed.usage.max())
    integers, scale = integer_losses(mixed, 56)
    assert math.frexp(scale)[0] == 0.5
    total = np.maximum.reduceat(integers, mixed.offsets[:-1]).sum()
    assert 2**54 < total <= 2**56 + 50


def test_a_problem_without_losses_scales():
    arrays = Arrays(np.zeros((2, 2)), np.array([[1, 2], [3, 4]]), 9)
    columns = make_columns(arrays, drop_dominated=False)
    assert scaled_losses(columns)[1] == 1.0
    assert integer_losses(columns, 56)[1] == 1.0
