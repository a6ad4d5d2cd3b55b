"""Linear layers in torchao's kernels."""

import importlib.util

import pytest
import torch
from torch import nn

from mpsolve.errors import InvalidLayoutError, MethodUnavailableError
from mpsolve.torch import applied, apply_, measured_bytes, time_layers

HAS_TORCHAO = importlib.util.find_spec("torchao") is not None
needs_torchao = pytest.mark.skipif(not HAS_TORCHAO, reason="torchao is not installed")


def model():
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32)).eval()


@pytest.mark.skipif(HAS_TORCHAO, reason="torchao is installed")
def test_without_torchao_the_error_says_what_to_install():
    with pytest.raises(MethodUnavailableError, match="pip install torchao"):
        apply_(model(), {"0": "int8"}, backend="torchao")


@needs_torchao
@pytest.mark.parametrize("name", ["int8", "w8", "int4-g32/keep", "e4m3-channel/keep"])
def test_kernels_agree_with_decoding(name):
    net, x = model(), torch.randn(16, 64)
    expected = net(x)
    with torch.no_grad():
        plain = applied(net, {"0": name, "2": "bf16"})(x)
        with apply_(net, {"0": name, "2": "bf16"}, backend="torchao"):
            assert type(net[0].weight) is not nn.Parameter
            assert net[2].weight.dtype == torch.bfloat16
            found = net(x)
    rounding = (plain - expected).abs().max()
    assert 0 < (found - expected).abs().max() < 2 * rounding
    assert type(net[0].weight) is nn.Parameter
    assert torch.equal(net(x), expected)


@needs_torchao
def test_kernels_take_inputs_of_other_types():
    net, x = model(), torch.randn(16, 64)
    with torch.no_grad(), apply_(net, {"0": "fp64", "2": "w8"}, backend="torchao"):
        assert net(x).dtype == torch.float32


@needs_torchao
def test_torchao_stores_integers_as_small_as_predicted_but_for_zero_points():
    net = nn.Sequential(nn.Linear(64, 128, bias=False))
    apply_(net, {"0": "w8"}, backend="torchao")
    assert 0 <= measured_bytes(net) - (64 * 128 + 4 * 128) <= 128


@needs_torchao
def test_what_has_no_kernel_is_named_and_nothing_is_changed():
    net = nn.Sequential(nn.Linear(64, 128), nn.Conv1d(128, 4, 1))
    with pytest.raises(InvalidLayoutError) as error:
        apply_(net, {"0": "int3", "1": "int8"}, backend="torchao")
    assert "layout['0']: torchao has kernels for int8" in str(error.value)
    assert "layout['1']: torchao runs untied torch.nn.Linear only" in str(error.value)
    apply_(net, {"0": "fp16"}).remove()


@needs_torchao
@pytest.mark.skipif(torch.cuda.is_available(), reason="the device may have it")
def test_what_the_device_lacks_is_named_and_nothing_is_changed():
    net = model()
    with pytest.raises(
        InvalidLayoutError, match=r"layout\['2'\]: torchao refuses 'e4m3"
    ):
        apply_(net, {"0": "w8", "2": "e4m3-channel"}, backend="torchao")
    assert type(net[0].weight) is nn.Parameter
    apply_(net, {"0": "fp16"}).remove()


@needs_torchao
def test_kernels_can_be_timed():
    names = ["fp32", "int8"]
    options = {"warmup": 1, "repeats": 3, "backend": "torchao"}
    times = time_layers(model(), torch.randn(16, 64), names, **options)
    assert (times.median > 0).all()
