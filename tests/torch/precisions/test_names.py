"""Names of precisions, and what they mean for weights and inputs."""

import pytest
import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.model.datatypes import FLOATS, is_lossless
from mpsolve.torch import Integer, Keep, LayerPrecision, Noise, parse


@pytest.mark.parametrize(
    ("name", "weight", "given"),
    [
        ("fp16", "fp16", "fp16"),
        ("int8", "int8", "int8-asym"),
        ("int4-g32-asym", "int4-g32-asym", "int4-asym"),
        ("w4a8", "int4", "int8-asym"),
        ("w4a16", "int4", "fp16"),
        ("w8", "int8", "keep"),
        ("int4-tensor/bf16", "int4-tensor", "bf16"),
        ("e4m3-channel", "e4m3-channel", "e4m3-channel"),
        ("mxfp4/mxfp8", "mxfp4", "mxfp8"),
        ("noise0.001", "noise0.001", "noise0.001"),
        ("noise1e-3", "noise0.001", "noise0.001"),
        ("keep", "keep", "keep"),
    ],
)
def test_a_name_gives_weights_and_inputs(name, weight, given):
    precision = parse(name)
    assert (precision.name, precision.weight.name) == (name, weight)
    assert precision.input.name == given


def test_precisions_pass_through():
    precision = parse("w4a8")
    assert parse(precision) is precision
    assert parse(Integer(4)) == LayerPrecision("int4", Integer(4), Integer(4))


def test_equal_names_make_equal_precisions():
    assert parse("int4-g32") == parse("int4-g32")
    assert parse("int4-g32").weight != parse("int4-g64").weight
    assert Noise(1e-3, seed=1) != Noise(1e-3, seed=2)


@pytest.mark.parametrize(
    "name", ["int9", "int1", "w4a9", "w3a", "fp12", "int4-g0", "int4-asym-g8", "", 8]
)
def test_other_names_are_refused_with_those_that_exist(name):
    with pytest.raises(
        InvalidParameterError, match=r"(one of fp64, fp32|above 0).*Got"
    ):
        parse(name)


@pytest.mark.parametrize("name", FLOATS)
def test_floats_know_their_values_for_the_lossless_relation(name):
    assert is_lossless(parse(name).weight.data_type, FLOATS["fp64"])


def test_keep_keeps():
    x = torch.randn(3, 2, dtype=torch.float16)
    assert torch.equal(Keep().round(x), x)
    assert Keep().storage_bytes(x) == 12
