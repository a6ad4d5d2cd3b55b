"""Integer formats, against plain loops."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mpsolve.errors import InvalidParameterError
from mpsolve.torch import Integer
from mpsolve.torch.precisions.packing import pack, packed_bytes, unpack

CASES = [
    (bits, granularity, symmetric, 5 if granularity == "group" else None)
    for bits, granularity, symmetric in itertools.product(
        [2, 3, 4, 5, 8], ["tensor", "channel", "group"], [True, False]
    )
]


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def parts_of(x: torch.Tensor, granularity: str, size: int | None) -> list[list]:
    """Return the indices that share a scale."""
    places = list(np.ndindex(*x.shape))
    if granularity == "tensor":
        return [places]
    channels = [[p for p in places if p[0] == c] for c in range(x.shape[0])]
    if granularity == "channel":
        return channels
    return [c[i : i + size] for c in channels for i in range(0, len(c), size)]


def by_hand(values: list[float], bits: int, symmetric: bool) -> list[float]:
    """Round one part, number by number; Python's round ties to even."""
    f32 = np.float32
    if symmetric:
        top = 2 ** (bits - 1) - 1
        scale = f32(f32(max(map(abs, values))) / f32(top))
        codes = [min(max(round(float(f32(v) / scale)), -top), top) for v in values]
        return [float(f32(c) * scale) for c in codes]
    top = 2**bits - 1
    low, high = min(*values, 0.0), max(*values, 0.0)
    scale = f32((f32(high) - f32(low)) / f32(top))
    zero = min(max(round(float(-f32(low) / scale)), 0), top)
    codes = [min(max(round(float(f32(v) / scale)) + zero, 0), top) for v in values]
    return [float(f32(c - zero) * scale) for c in codes]


@pytest.mark.parametrize(("bits", "granularity", "symmetric", "size"), CASES)
def test_rounding_agrees_with_a_plain_loop(bits, granularity, symmetric, size):
    x = numbers(3, 2, 7)
    expected = x.clone()
    for part in parts_of(x, granularity, size):
        values = by_hand([float(x[p]) for p in part], bits, symmetric)
        for place, value in zip(part, values, strict=True):
            expected[place] = value
    precision = Integer(bits, granularity, symmetric, size)
    assert torch.equal(precision.round(x), expected)


@pytest.mark.parametrize(("bits", "granularity", "symmetric", "size"), CASES)
def test_what_is_stored_is_what_is_rounded_and_takes_what_is_predicted(
    bits, granularity, symmetric, size
):
    x = numbers(3, 2, 7)
    precision = Integer(bits, granularity, symmetric, size)
    stored = precision.encode(x)
    assert torch.equal(precision.decode(stored, x.shape, x.dtype), precision.round(x))
    measured = sum(part.numel() * part.element_size() for part in stored)
    assert precision.storage_bytes(x) == measured
    parts = len(parts_of(x, granularity, size))
    assert measured == math.ceil(42 * bits / 8) + parts * (4 if symmetric else 5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_the_type_of_a_tensor_is_kept(dtype):
    x = numbers(4, 6).to(dtype)
    assert Integer(4).round(x).dtype == dtype
    assert Integer(4).decode(Integer(4).encode(x), x.shape, dtype).dtype == dtype


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bits", range(2, 9))
def test_errors_are_within_what_is_stated(bits, symmetric):
    x = torch.rand(4, 1000, dtype=torch.float64) * 2 - 1
    precision = Integer(bits, symmetric=symmetric)
    top = x.abs().amax(dim=1, keepdim=True)
    relative = ((precision.round(x) - x) / top).abs().max()
    # The zero point is rounded as well, and scales are float32.
    slack = 1 + 1e-5 if symmetric else 2
    assert 0.5 * precision.error < relative <= precision.error * slack


@pytest.mark.parametrize("symmetric", [True, False])
def test_zero_is_exact_and_all_zeros_stay(symmetric):
    x = numbers(3, 8).abs() + 0.5
    x[:, 3] = 0
    x[1] = 0
    rounded = Integer(3, symmetric=symmetric).round(x)
    assert (rounded[:, 3] == 0).all()
    assert (rounded[1] == 0).all()


def test_biases_stay_as_they_are():
    bias = numbers(7)
    assert torch.equal(Integer(2).round(bias), bias)
    assert Integer(2).storage_bytes(bias) == 28


def test_inputs_have_a_scale_for_each_sample():
    x = numbers(4, 3, 5)
    x[1] *= 1000
    for precision in (Integer(4), Integer(4, "group", group_size=2)):
        together = precision.round_input(x)
        alone = [precision.round_input(x[i : i + 1]) for i in range(4)]
        assert torch.equal(together, torch.cat(alone))


@given(st.integers(1, 8), st.lists(st.integers(0, 255), max_size=40))
def test_packing_loses_nothing_and_leaves_no_gap(bits, values):
    codes = torch.tensor([v % (1 << bits) for v in values], dtype=torch.uint8)
    packed = pack(codes, bits)
    assert len(packed) == packed_bytes(len(values), bits) == -(-len(values) * bits // 8)
    assert torch.equal(unpack(packed, bits, len(values)), codes)


def test_empty_tensors_are_rounded_to_themselves():
    for granularity, size in (("channel", None), ("group", 4), ("tensor", None)):
        for symmetric in (True, False):
            precision = Integer(4, granularity, symmetric, size)
            assert precision.round(torch.empty(3, 0)).shape == (3, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((9,), "bits must be an integer from 2 to 8. Got 9"),
        ((4, "row"), "granularity must be one of tensor, channel, group. Got 'row'"),
        ((4, "group"), "group_size must be an integer above 0.*Got None"),
        ((4, "channel", True, 32), "group_size must be None.*Got 32"),
    ],
)
def test_faults_are_named(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        Integer(*arguments)


@pytest.mark.parametrize(("bits", "granularity", "symmetric", "size"), CASES)
def test_rounding_and_decoding_leave_what_they_are_given(
    bits, granularity, symmetric, size
):
    x = numbers(3, 2, 7)
    precision = Integer(bits, granularity, symmetric, size)
    precision.round(x)
    precision.round_input(x)
    stored = precision.encode(x)
    first = precision.decode(stored, x.shape, x.dtype)
    assert torch.equal(precision.decode(stored, x.shape, x.dtype), first)
    assert torch.equal(x, numbers(3, 2, 7))


@pytest.mark.parametrize("symmetric", [True, False])
def test_integers_have_no_negative_zero(symmetric):
    rounded = Integer(4, symmetric=symmetric).round(torch.tensor([[-1e-3, 7.0]]))
    assert math.copysign(1, float(rounded[0, 0])) == 1
