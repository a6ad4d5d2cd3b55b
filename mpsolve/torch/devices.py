"""What devices can compute in."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from mpsolve.torch.precisions import Integer, LayerPrecision, Precision
from mpsolve.torch.precisions.floats import STORED

__all__ = ["DEVICES", "Device", "check_device", "compute_type", "rate_name"]


@dataclass(frozen=True)
class Device:
    """What a device can do at best.

    Attributes
    ----------
    name : str
    rates : mapping of str to float
        Multiply-accumulates a second, dense, in ``"fp64"``, ``"fp32"``, ``"tf32"``,
        ``"bf16"``, ``"fp16"``, ``"fp8"``, ``"int8"`` and ``"int4"``; what is missing
        the device cannot do.
    bandwidth : float
        Bytes a second from its memory.
    """

    name: str
    rates: Mapping[str, float]
    bandwidth: float


def _device(name: str, bandwidth: float, **tera_operations: float) -> Device:
    """Make a device from its makers' numbers: a multiply-accumulate is two of those."""
    rates = {kind: tera * 1e12 / 2 for kind, tera in tera_operations.items()}
    return Device(name, rates, bandwidth * 1e9)


AMPERE = {"fp64": 19.5, "fp32": 19.5, "tf32": 156.0}
HOPPER = {"fp64": 67.0, "fp32": 67.0, "tf32": 494.7, "bf16": 989.4, "fp16": 989.4}
HOPPER |= {"fp8": 1978.9, "int8": 1978.9}

#: Peak rates without sparsity, from the makers' data sheets.
DEVICES = {
    device.name: device
    for device in (
        _device("T4", 320, fp32=8.1, fp16=65, int8=130, int4=260),
        _device("A100", 2039, int8=624, int4=1248, bf16=312, fp16=312, **AMPERE),
        _device("H100", 3350, **HOPPER),
        _device("H200", 4800, **HOPPER),
    )
}


def rate_name(precision: LayerPrecision, own: torch.dtype) -> str:
    """Return in which of a device's formats a layer computes.

    Integers and 8-bit floating-point formats where weights and inputs both have them,
    in the wider of the two; else the type that holds both, weights decoded to it.

    Parameters
    ----------
    precision : LayerPrecision
    own : torch.dtype
        Of the layer as it is.

    Examples
    --------
    >>> from mpsolve.torch import parse
    >>> rate_name(parse("w4a8"), torch.float32), rate_name(parse("w4"), torch.float16)
    ('int8', 'fp16')
    """
    kinds = (precision.weight, precision.input)
    if all(isinstance(kind, Integer) for kind in kinds):
        return "int4" if max(kind.bits for kind in kinds) <= 4 else "int8"
    if all(kind.name.startswith(("e4m3", "e5m2", "mxfp8")) for kind in kinds):
        return "fp8"
    if all(kind.name == "tf32" for kind in kinds):
        return "tf32"
    dtype = compute_type(precision, own)
    return {v: k for k, v in STORED.items() if k != "tf32"}[dtype]


def compute_type(precision: LayerPrecision, own: torch.dtype) -> torch.dtype:
    """Return in which type torch computes a layer.

    That which holds both the weights' and the inputs' type, of those that torch
    computes in; the layer's own where neither is one.
    """
    kinds = (precision.weight.dtype, precision.input.dtype)
    known = [kind for kind in kinds if kind is not None]
    return functools.reduce(torch.promote_types, known) if known else own


def check_device(precision: Precision, device: torch.device) -> str | None:
    """Return what is wrong with a precision on a device, or None.

    Parameters
    ----------
    precision : Precision
    device : torch.device

    Returns
    -------
    str or None
        Formats that torch only stores are read back into another type before a layer
        computes, so they run everywhere.

    Examples
    --------
    >>> from mpsolve.torch import parse
    >>> check_device(parse("bf16").weight, torch.device("cpu")) is None
    True
    """
    if precision.dtype is None or device.type == "meta":
        return None
    reason = _try(precision.dtype, str(device))
    return reason and f"{device} cannot compute in {precision.name}: {reason}"


@functools.cache
def _try(dtype: torch.dtype, device: str) -> str | None:
    """Multiply two matrices; return what torch says where that fails."""
    try:
        x = torch.ones(8, 8, dtype=dtype, device=device)
        x @ x
    except (RuntimeError, TypeError, NotImplementedError) as error:
        return str(error).partition("\n")[0]
    return None
