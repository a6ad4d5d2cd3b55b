"""The lattice of possible losses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpsolve.model.lattice import quantum


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ([1.0, 2.0], 1.0),
        ([4.0, -12.0], 4.0),
        ([0.5, 3.0, 0.0], 0.5),
        ([0.0], 0.0),
        ([], 0.0),
        ([0.1], 0.0),
        ([2.0**-40, 2.0**20], 0.0),
        ([2.0**-20, 2.0**20], 2.0**-20),
        ([2.0**-1000], 2.0**-1000),
    ],
)
def test_known_quanta(loss, expected):
    assert quantum(np.array(loss), 1) == expected


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20),
    st.integers(-30, 30),
)
def test_every_loss_is_a_multiple(integers, exponent):
    loss = np.ldexp(np.array(integers, dtype=float), exponent)
    step = quantum(loss, len(integers))
    if not loss.any():
        assert step == 0.0
        return
    multiples = loss / step
    assert (multiples == np.rint(multiples)).all()
    assert (multiples % 2 == 1).any()


def test_so_many_groups_that_sums_are_rounded():
    loss = np.array([2.0**-20, 2.0**20])
    assert quantum(loss, 2**10) == 2.0**-20
    assert quantum(loss, 2**13) == 0.0
