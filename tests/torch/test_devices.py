"""What devices can compute in."""

import pytest
import torch

from mpsolve.errors import InvalidLayoutError
from mpsolve.torch import apply_, devices, parse
from mpsolve.torch.devices import DEVICES, check_device, compute_type, rate_name
from tests.torch.models import Residual, make


@pytest.mark.parametrize(
    ("name", "own", "expected"),
    [
        ("int8", torch.float32, "int8"),
        ("int4", torch.float32, "int4"),
        ("w4a8", torch.float32, "int8"),
        ("w4a16", torch.float32, "fp16"),
        ("w8", torch.bfloat16, "bf16"),
        ("e4m3", torch.float32, "fp8"),
        ("tf32", torch.float32, "tf32"),
        ("fp16/fp32", torch.float32, "fp32"),
        ("keep", torch.float64, "fp64"),
    ],
)
def test_the_format_that_a_layer_computes_in(name, own, expected):
    assert rate_name(parse(name), own) == expected


def test_layers_compute_in_the_type_that_holds_both_operands():
    assert compute_type(parse("fp16/bf16"), torch.float64) == torch.float32
    assert compute_type(parse("w4"), torch.float64) == torch.float64


def test_lower_precisions_are_not_slower_on_any_known_device():
    order = ["fp64", "fp32", "tf32", "fp16", "fp8", "int8", "int4"]
    for device in DEVICES.values():
        rates = [device.rates[name] for name in order if name in device.rates]
        assert rates == sorted(rates)


def test_a_precision_that_a_device_lacks_is_named(monkeypatch):
    monkeypatch.setattr(devices, "_try", lambda dtype, _: f"no kernel for {dtype}")
    message = check_device(parse("fp16").weight, torch.device("cpu"))
    assert message == "cpu cannot compute in fp16: no kernel for torch.float16"
    assert check_device(parse("int8").weight, torch.device("cpu")) is None
    with pytest.raises(InvalidLayoutError, match=r"layout\['a'\]: cpu cannot compute"):
        apply_(make(Residual), {"a": "fp16"})


def test_what_torch_says_is_passed_on():
    assert "nonsense" in str(devices._try(torch.bfloat16, "nonsense"))
    assert devices._try(torch.bfloat16, "cpu") is None
