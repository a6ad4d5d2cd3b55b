"""Block formats, against plain loops over blocks and lists of element values."""

import math

import pytest
import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.torch import Block
from mpsolve.torch.precisions.blocks import BLOCKS

#: Values of the elements as the OCP specification lists them.
E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]


def values_of(kind: str) -> list[float]:
    """Return the values at least 0, in order, from the fields of a code."""
    bits, exponents, bias = {
        "mxfp8": (8, 4, 7),
        "mxfp8-e5m2": (8, 5, 15),
        "mxfp6": (6, 2, 1),
        "mxfp6-e3m2": (6, 3, 3),
        "mxfp4": (4, 2, 1),
        "nvfp4": (4, 2, 1),
    }[kind]
    mantissa = bits - 1 - exponents
    values = []
    for exponent in range(1 << exponents):
        for fraction in range(1 << mantissa):
            if exponent:
                value = (1 + fraction / (1 << mantissa)) * 2.0 ** (exponent - bias)
            else:
                value = fraction / (1 << mantissa) * 2.0 ** (1 - bias)
            values.append(value)
    if kind == "mxfp8":
        values.pop()  # not a number
    if kind == "mxfp8-e5m2":
        values = values[:-4]  # infinity and not a number
    return values


def nearest(value: float, values: list[float]) -> float:
    """Round to a list, ties to the even code."""
    size = min(abs(value), values[-1])
    best = min(range(len(values)), key=lambda i: (abs(values[i] - size), i % 2))
    return math.copysign(values[best], value)


def test_the_values_of_fp4_are_those_of_the_specification():
    assert values_of("mxfp4") == E2M1
    assert Block("mxfp4").element.magnitudes(torch.device("cpu")).tolist() == E2M1


@pytest.mark.parametrize("kind", [kind for kind in BLOCKS if kind != "nvfp4"])
def test_mx_formats_agree_with_a_plain_loop(kind):
    values = values_of(kind)
    x = torch.randn(3, 70, dtype=torch.float64) * torch.logspace(-6, 3, 70)
    expected = x.clone()
    for row in expected:
        for block in row.split(32):
            top = float(block.abs().max())
            power = math.floor(math.log2(top)) - math.floor(math.log2(values[-1]))
            scale = 2.0**power
            for i, value in enumerate(block.tolist()):
                block[i] = nearest(value / scale, values) * scale
    assert torch.equal(Block(kind).round(x), expected)


def test_nvfp4_agrees_with_a_plain_loop():
    x = torch.randn(3, 40, dtype=torch.float64)
    whole = float((x.abs().max() / (6 * 448)).float())
    expected = x.clone()
    for row in expected:
        for block in row.split(16):
            ratio = float(block.abs().max()) / 6 / whole
            scale = nearest(ratio, values_of("mxfp8")) * whole
            for i, value in enumerate(block.tolist()):
                block[i] = nearest(value / scale, E2M1) * scale
    assert torch.allclose(Block("nvfp4").round(x), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", BLOCKS)
def test_what_is_stored_is_what_is_rounded_and_takes_what_is_predicted(kind):
    x = torch.randn(3, 5, 7)
    x[1] = 0
    precision = Block(kind)
    stored = precision.encode(x)
    decoded = precision.decode(stored, x.shape, x.dtype)
    assert torch.equal(decoded, precision.round(x))
    measured = sum(part.numel() * part.element_size() for part in stored)
    assert precision.storage_bytes(x) == measured
    blocks = 3 * math.ceil(35 / precision.size)
    whole = 4 if kind == "nvfp4" else 0
    assert measured == math.ceil(105 * precision.bits / 8) + blocks + whole


@pytest.mark.parametrize("kind", BLOCKS)
def test_zeros_tiny_and_huge_numbers_survive(kind):
    x = torch.tensor([[0.0] * 32, [1e-38] * 32, [3e38] * 32, [1.0] * 32])
    rounded = Block(kind).round(x)
    assert rounded.isfinite().all()
    assert (rounded[0] == 0).all()


@pytest.mark.parametrize("kind", BLOCKS)
def test_inputs_do_not_depend_on_their_batch(kind):
    x = torch.randn(4, 3, 20)
    x[1] *= 1000
    together = Block(kind).round_input(x)
    alone = [Block(kind).round_input(x[i : i + 1]) for i in range(4)]
    assert torch.equal(together, torch.cat(alone))


def test_biases_stay_as_they_are():
    bias = torch.randn(7)
    assert torch.equal(Block("mxfp4").round(bias), bias)
    assert Block("mxfp4").storage_bytes(bias) == 28


def test_faults_are_named():
    with pytest.raises(InvalidParameterError, match="kind must be one of mxfp8"):
        Block("mxfp3")
