"""Directed rounding, against exact fractions and plain loops."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mpsolve.errors import InvalidParameterError
from mpsolve.model.datatypes import FLOATS
from mpsolve.torch import Float, Integer, applied, parse
from mpsolve.torch.kernels import kernel_config

DIRECTIONS = {"floor": math.floor, "ceil": math.ceil, "trunc": math.trunc}
SATURATE = {"e4m3", "e5m2"}

numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6),
    st.floats(-1e-4, 1e-4),
    st.builds(math.ldexp, st.integers(-(2**12), 2**12), st.integers(-160, 120)),
)


def by_definition(value: float, name: str, direction: str) -> float:
    """Round in exact arithmetic; without end on the format's grid, then its range."""
    kind = FLOATS[name]
    exponent = math.frexp(value)[1] - 1 if value else 0
    quantum = Fraction(2) ** (max(exponent, kind.lowest) - kind.mantissa)
    result = DIRECTIONS[direction](Fraction(value) / quantum) * quantum
    if abs(result) <= kind.largest:
        return float(result)
    leads_away = abs(result) > abs(Fraction(value)) or (
        direction == ("ceil" if value > 0 else "floor")
    )
    if name in SATURATE or not leads_away:
        return math.copysign(float(kind.largest), value)
    return math.copysign(math.inf, value)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", FLOATS)
@given(value=numbers)
def test_floats_of_float64(name, direction, value):
    x = torch.tensor([value], dtype=torch.float64)
    found = Float(name, direction=direction).round(x).item()
    assert found == by_definition(value, name, direction)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", ["fp16", "bf16", "tf32", "e4m3", "fp32"])
@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_of_float32(name, direction, value):
    x = torch.tensor([value], dtype=torch.float32)
    expected = by_definition(value, name, direction)
    found = Float(name, direction=direction).round(x).item()
    assert found == torch.tensor([expected], dtype=torch.float64).float().item()


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("floor", [65504.0, -math.inf, math.inf, -math.inf]),
        ("ceil", [math.inf, -65504.0, math.inf, -math.inf]),
        ("trunc", [65504.0, -65504.0, math.inf, -math.inf]),
    ],
)
def test_overflow_is_infinite_only_away_from_zero(direction, expected):
    x = torch.tensor([1e6, -1e6, math.inf, -math.inf])
    assert Float("fp16", direction=direction).round(x).tolist() == expected
    assert Float("fp16", direction=direction).round(torch.tensor([math.nan])).isnan()


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bits", [3, 4, 8])
def test_integers_by_hand(bits, symmetric, direction):
    x = torch.randn(4, 25, generator=torch.Generator().manual_seed(bits))
    nearest = Integer(bits, symmetric=symmetric)
    directed = Integer(bits, symmetric=symmetric, direction=direction)
    found = directed.round(x)
    _, scales, *rest = nearest.encode(x)
    zeros = rest[0].tolist() if rest else [0] * len(x)
    top = (1 << bits) - 1 if rest else (1 << (bits - 1)) - 1
    parts = zip(x.tolist(), scales.tolist(), zeros, found.tolist(), strict=True)
    for row, scale, zero, values in parts:
        for v, value in zip(row, values, strict=True):
            quotient = v / scale
            is_code = abs(quotient - round(quotient)) <= 2**-12
            code = round(quotient) if is_code else DIRECTIONS[direction](quotient)
            code = min(max(code + zero, 0 if rest else -top), top) - zero
            assert value == pytest.approx(code * scale, rel=1e-6, abs=1e-9)
    if symmetric:
        # What is held stays; the range of the others ends elsewhere once it is cut.
        assert torch.allclose(directed.round(found), found, rtol=1e-6, atol=1e-7)
    stored = directed.encode(x)
    assert torch.equal(directed.decode(stored, x.shape, x.dtype), found)
    if direction == "trunc":
        assert (found.abs() <= x.abs() * (1 + 1e-6)).all()


def test_directions_enclose_the_nearest():
    x = torch.randn(50, 40)
    for name in ("bf16", "int4", "int8-tensor"):
        low, high = (parse(f"{name}-{d}").weight.round(x) for d in ("floor", "ceil"))
        nearest = parse(name).weight.round(x)
        inside = x.abs() < x.abs().amax(1, keepdim=True) * 0.9
        assert ((low <= x + 1e-5) | ~inside).all()
        assert ((high >= x - 1e-5) | ~inside).all()
        assert ((nearest == low) | (nearest == high))[inside].all()


@pytest.mark.parametrize(
    ("name", "weight", "given"),
    [
        ("fp16-floor", "fp16-floor", "fp16-floor"),
        ("int8-trunc", "int8-trunc", "int8-asym-trunc"),
        ("int4-g32-asym-ceil/keep", "int4-g32-asym-ceil", "keep"),
        ("int4-tensor-ceil/bf16-trunc", "int4-tensor-ceil", "bf16-trunc"),
    ],
)
def test_names(name, weight, given):
    precision = parse(name)
    assert (precision.weight.name, precision.input.name) == (weight, given)
    assert parse(precision.weight.name).weight == precision.weight


@pytest.mark.parametrize(
    "name", ["fp16-nearest", "fp16-up", "e4m3-channel-floor", "mxfp4-ceil", "w4-floor"]
)
def test_names_that_are_none(name):
    with pytest.raises(InvalidParameterError, match=r"-floor, -ceil or -trunc.*Got"):
        parse(name)


def test_directions_that_are_none():
    for make in (Float, Integer):
        with pytest.raises(InvalidParameterError, match="direction must be one of"):
            make("fp16" if make is Float else 4, direction="up")
    with pytest.raises(InvalidParameterError, match="where there is a scale"):
        Float("e4m3", "tensor", direction="floor")


def test_a_model_computes_with_directed_weights_and_inputs():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 4, bias=False))
    x = torch.randn(3, 8)
    cast = applied(model, {"0": "bf16-floor"})
    assert (cast[0].weight.float() <= model[0].weight).all()
    kind = parse("bf16-floor").input
    expected = torch.nn.functional.linear(
        kind.round(x).bfloat16(), kind.round(model[0].weight.detach()).bfloat16()
    )
    assert torch.equal(cast(x), expected.float())


def test_kernels_round_to_nearest():
    pytest.importorskip("torchao")
    for name in ("int8-floor", "int4-g32-ceil/keep"):
        assert kernel_config(parse(name)) is None
