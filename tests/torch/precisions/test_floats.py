"""Floating-point rounding, against exact fractions and every code of the types."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mpsolve.errors import InvalidParameterError
from mpsolve.model.datatypes import FLOATS
from mpsolve.torch import Float

KINDS = list(FLOATS)
SATURATE = {"e4m3", "e5m2"}

numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6),
    st.floats(-1e-4, 1e-4),
    # Half-way cases and their neighbours, on every scale.
    st.builds(
        lambda m, e, up: math.nextafter(math.ldexp(m, e), math.inf * up) if up else
        math.ldexp(m, e),
        st.integers(-(2**12), 2**12),
        st.integers(-160, 120),
        st.sampled_from([-1, 0, 1]),
    ),
)  # fmt: skip


def rounded(value: float, name: str) -> float:
    """Round by the definition, in exact arithmetic; Python's round ties to even."""
    kind = FLOATS[name]
    size = Fraction(abs(value))
    exponent = math.frexp(value)[1] - 1 if value else 0
    power = max(exponent, kind.lowest) - kind.mantissa
    quantum = Fraction(2) ** power
    result = round(size / quantum) * quantum
    if result > kind.largest:
        return math.copysign(
            float(kind.largest) if name in SATURATE else math.inf, value
        )
    return math.copysign(float(result), value)


@pytest.mark.parametrize("name", KINDS)
@given(value=numbers)
def test_rounding_of_float64_is_exact(name, value):
    x = torch.tensor([value], dtype=torch.float64)
    assert Float(name).round(x).item() == rounded(value, name)


@pytest.mark.parametrize("name", KINDS)
@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_rounding_of_float32_is_exact(name, value):
    x = torch.tensor([value], dtype=torch.float32)
    expected = torch.tensor([rounded(value, name)], dtype=torch.float64)
    assert Float(name).round(x).item() == expected.to(torch.float32).item()


def test_rounding_once_where_torch_rounds_twice():
    # Just above half-way between two fp16 numbers, by less than fp32 can tell.
    x = torch.tensor([1 + 2**-11 + 2**-40], dtype=torch.float64)
    assert x.to(torch.float16).item() == 1
    assert Float("fp16").round(x).item() == 1 + 2**-10


@pytest.mark.parametrize("name", ["fp16", "bf16", "e4m3", "e5m2"])
def test_every_number_of_a_type_stays(name):
    stored = Float(name).stored
    codes = torch.arange(1 << (8 * stored.itemsize))
    integers = {1: torch.uint8, 2: torch.uint16}[stored.itemsize]
    values = codes.to(integers).view(stored).to(torch.float64)
    values = values[values.isfinite()]
    assert torch.equal(Float(name).round(values), values)
    assert values.abs().max() == float(FLOATS[name].largest)


def test_fp16_agrees_with_numpy():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(100_000) * 2.0 ** rng.integers(-26, 18, 100_000)
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16).astype(np.float64)
    assert np.array_equal(Float("fp16").round(torch.from_numpy(x)).numpy(), expected)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("fp16", 65519.0, 65504.0),
        ("fp16", 65520.0, math.inf),
        ("fp16", 2.0**-25, 0.0),  # half of the smallest, tied to 0
        ("fp16", 2.0**-25 * 1.01, 2.0**-24),
        ("bf16", -3.4e38, -math.inf),
        ("e4m3", 1e9, 448.0),
        ("e4m3", -math.inf, -448.0),
        ("e5m2", 1e9, 57344.0),
        ("tf32", 1 + 2**-11, 1.0),
    ],
)
def test_overflow_and_underflow(name, value, expected):
    for dtype in (torch.float32, torch.float64):
        assert Float(name).round(torch.tensor([value], dtype=dtype)).item() == expected


@pytest.mark.parametrize("name", KINDS)
def test_not_a_number_stays(name):
    for dtype in (torch.float32, torch.float64):
        assert Float(name).round(torch.tensor([math.nan], dtype=dtype)).isnan().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_type_of_a_tensor_is_kept(dtype):
    assert Float("e5m2").round(torch.ones(3, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("scale", ["tensor", "channel"])
def test_scaled_types_reach_their_largest_value(scale):
    x = torch.tensor([[0.1, -0.2], [30.0, 10.0]])
    precision = Float("e4m3", scale)
    codes, scales = precision.encode(x)
    assert codes.dtype == torch.float8_e4m3fn
    assert len(scales) == (1 if scale == "tensor" else 2)
    tops = codes.float().abs().amax(dim=1)
    assert tops[1] == 448
    assert (tops[0] == 448) == (scale == "channel")
    assert torch.allclose(precision.round(x), x, rtol=2**-4)


@pytest.mark.parametrize("name", KINDS)
def test_stored_bytes_are_as_predicted(name):
    x = torch.randn(5, 3, 2)
    stored = Float(name).encode(x)
    size = sum(part.numel() * part.element_size() for part in stored)
    assert Float(name).storage_bytes(x) == size
    assert Float(name).storage_bytes(x.to("meta")) == size


def test_rounding_errors_are_within_what_is_stated():
    x = torch.rand(10_000, dtype=torch.float64) + 0.5
    for name in KINDS:
        precision = Float(name)
        relative = ((precision.round(x) - x) / x).abs().max()
        assert relative <= precision.error
        assert name == "fp64" or relative > 0.9 * precision.error / 2


def test_inputs_of_scaled_types_do_not_depend_on_their_batch():
    x = torch.randn(4, 3, 5)
    x[2] *= 100
    together = Float("e4m3", "tensor").round_input(x)
    alone = [Float("e4m3", "tensor").round_input(x[i : i + 1]) for i in range(4)]
    assert torch.equal(together, torch.cat(alone))


def test_faults_are_named():
    with pytest.raises(
        InvalidParameterError, match=r"kind must be one of fp64.*'fp13'"
    ):
        Float("fp13")
    with pytest.raises(InvalidParameterError, match=r"scale of fp16.*Got 'tensor'"):
        Float("fp16", "tensor")
    with pytest.raises(InvalidParameterError, match="floating-point tensors only"):
        Float("fp16").round(torch.arange(3))
