"""What devices can compute in."""

from __future__ import annotations

import functools

import torch

from mpsolve.torch.precisions import Precision

__all__ = ["check_device"]


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
