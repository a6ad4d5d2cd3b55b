"""Memory, operations and theoretical time, against counting by hand."""

import math

import pytest
import torch
from torch import nn

from mpsolve.errors import InvalidParameterError
from mpsolve.torch import (
    Device,
    bops,
    find_layers,
    macs,
    memory,
    peak_activation,
    theoretical_time,
    trace,
)
from tests.torch.models import (
    Repeated,
    Residual,
    Transformer,
    Untraceable,
    images,
    make,
    tokens,
)


def test_memory_counts_parameters_biases_and_scales():
    layers = find_layers(make(Residual))
    # stem 108 weights, 4 channels; a 144 + 4; b 72 + 4; head 20 + 5.
    expected = [
        [432, 216, 54 + 16],
        [592, 296, 72 + 16 + 16],
        [304, 152, 36 + 16 + 16],
        [100, 50, 10 + 20 + 20],
    ]
    assert memory(layers, ["fp32", "fp16", "int4"]).tolist() == expected


def test_a_parameter_of_several_layers_counts_once():
    sizes = memory(find_layers(make(Transformer)), ["fp32"])[:, 0]
    assert sizes[0] == 11 * 8 * 4
    assert sizes[-1] == 0


def test_memory_needs_shapes_only():
    layers = find_layers(nn.Sequential(nn.Linear(64, 32, device="meta")))
    assert memory(layers, ["int8", "nvfp4", "keep"]).tolist() == [
        [2048 + 128 + 128, 1024 + 128 + 4 + 128, 8320]
    ]


def test_macs_sum_the_calls_of_a_layer():
    graph = trace(make(Repeated), torch.randn(2, 4))
    assert macs(graph).tolist() == [3 * 2 * 16, 2 * 16]


def test_bit_operations_are_macs_times_the_bits_of_both_operands():
    graph = trace(make(Transformer), tokens())
    found = bops(graph, ["fp32", "int8", "w4a8", "w4"], ["q", "matmul"])
    q, product = 10 * 8 * 8, 2 * 5 * 5 * 8
    assert found.tolist() == [
        [q * 32 * 32, q * 8 * 8, q * 4 * 8, q * 4 * 32],
        # A product's operands are both inputs.
        [product * 32 * 32, product * 8 * 8, product * 8 * 8, product * 32 * 32],
    ]


def test_time_is_that_of_the_slower_of_arithmetic_and_memory():
    graph = trace(make(Residual), images(2))
    device = Device("own", {"fp32": 1e6, "int8": 4e6}, bandwidth=1e5)
    names = ["head"]
    arithmetic = theoretical_time(
        graph, ["fp32", "int8"], device, names, roofline=False
    )
    assert arithmetic.tolist() == [[40 / 1e6 * 1e9, 40 / 4e6 * 1e9]]
    moved = [100 + 2 * 4 * 4 + 2 * 5 * 4, (20 + 20 + 20) + 2 * 4 + 2 * 5 * 4]
    assert theoretical_time(graph, ["fp32", "int8"], device, names).tolist() == [
        [pytest.approx(size / 1e5 * 1e9) for size in moved]
    ]


def test_devices_name_what_they_lack():
    graph = trace(make(Residual), images())
    assert (theoretical_time(graph, ["fp16", "int4"], "T4") > 0).all()
    with pytest.raises(
        InvalidParameterError, match=r"T4 computes in .*lacks bf16.*'bf16"
    ):
        theoretical_time(graph, ["fp16", "bf16"], "T4")
    with pytest.raises(InvalidParameterError, match=r"device must be one of T4.*'T5'"):
        theoretical_time(graph, ["fp16"], "T5")
    with pytest.raises(InvalidParameterError, match=r"names\[0\].*Got 'add'"):
        macs(graph, ["add"])


def test_peak_activation_is_the_largest_sum_of_live_tensors():
    graph = trace(make(Residual), images(2))
    full = 2 * 4 * 36  # elements of every map
    # While b runs its input, its output and the stem's, which the addition needs, live.
    assert peak_activation(graph, {}) == (3 * full * 4, "b")
    layout = {"stem": "fp64", "a": "fp16", "b": "fp16"}
    # The addition returns fp64, as one operand has it.
    assert peak_activation(graph, layout) == (full * (8 + 2 + 8), "add")


def test_peak_activation_needs_edges():
    graph = trace(make(Untraceable), torch.randn(2, 4))
    with pytest.raises(InvalidParameterError, match="no edges"):
        peak_activation(graph, {})
    assert macs(graph).tolist() == [32, 32]


def test_bits_of_types_without_their_own_are_those_of_the_layer():
    graph = trace(make(Residual).half(), images().half())
    (found,) = bops(graph, ["keep", "noise1e-3"], ["head"]).tolist()
    assert found == [40 * 16 * 16] * 2
    assert not any(map(math.isnan, found))
