"""Linear layers in torchao's kernels."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from mpsolve.errors import Fault, InvalidLayoutError, MethodUnavailableError
from mpsolve.torch.hold import Holder
from mpsolve.torch.layers import Layer
from mpsolve.torch.precisions import LayerPrecision

__all__ = ["apply_kernels", "kernel_config"]

_INT4: Any = getattr(torch, "int4", None)

#: Precisions with a kernel, for messages.
WITH_KERNELS = "int8, w8, w8a8, int4-g<size>/keep, e4m3-channel, e4m3-channel/keep"


def kernel_config(precision: LayerPrecision) -> Any:
    """Return torchao's configuration of a precision, or None where it has none.

    Parameters
    ----------
    precision : LayerPrecision
        ``"int8"``, ``"w8a8"``: integer products of rounded inputs and weights; torchao
        rounds inputs symmetrically, by rows. ``"w8"``, ``"int4-g32/keep"`` and
        ``"e4m3-channel/keep"``: weights only. ``"e4m3-channel"``: 8-bit floating-point
        products, on devices that have them.

    Raises
    ------
    MethodUnavailableError
        If torchao is not installed.
    """
    torchao = _torchao()
    weight, given = precision.weight.name, precision.input.name
    if weight == "int8" and given == "int8-asym":
        return torchao.Int8DynamicActivationInt8WeightConfig()
    if weight == "int8" and given == "keep":
        return torchao.Int8WeightOnlyConfig()
    if re.fullmatch(r"int4-g\d+", weight) and given == "keep":
        from torchao.quantization.granularity import PerGroup

        size = int(weight.removeprefix("int4-g"))
        # Stored one to a byte, wherever torchao has no packed kernel.
        return torchao.IntxWeightOnlyConfig(_INT4, PerGroup(size))
    if weight == "e4m3-channel" and given == weight:
        from torchao.quantization.granularity import PerRow

        config = torchao.Float8DynamicActivationFloat8WeightConfig
        return config(granularity=PerRow())
    if weight == "e4m3-channel" and given == "keep":
        return torchao.Float8WeightOnlyConfig()
    return None


def apply_kernels(
    layers: list[Layer], precisions: dict[str, LayerPrecision], holder: Holder
) -> set[str]:
    """Put the weights of linear layers into torchao's types.

    Layers in fp64, fp32, bf16, fp16 or ``keep`` are left to torch itself.

    Returns
    -------
    set of str
        Names of the layers that need nothing else.

    Raises
    ------
    InvalidLayoutError
        Where torchao has no kernel for a layer and its precision.
    MethodUnavailableError
        If torchao is not installed.
    """
    torchao = _torchao()
    configs: dict[str, Any] = {}
    faults = []
    for layer in layers:
        precision = precisions.get(layer.name)
        if precision is None or precision.weight.dtype is not None:
            continue
        if precision.weight.name == precision.input.name == "keep":
            continue
        config = kernel_config(precision)
        path = f"layout[{layer.name!r}]"
        if config is None:
            message = f"torchao has kernels for {WITH_KERNELS}. Got {precision.name!r}"
            faults.append(Fault(path, message))
        elif type(layer.module) is not nn.Linear or layer.tied:
            kind = "a tied layer" if layer.tied else layer.kind
            message = f"torchao runs untied torch.nn.Linear only. Got {kind}"
            faults.append(Fault(path, message))
        configs[layer.name] = config
    if faults:
        raise InvalidLayoutError(faults)
    for layer in layers:
        if layer.name in configs:
            holder.remember(layer.module, "weight")
            try:
                with _quiet():
                    torchao.quantize_(layer.module, configs[layer.name])
            # It asserts what a device must have.
            except (AssertionError, RuntimeError, ValueError, ImportError) as error:
                path, name = f"layout[{layer.name!r}]", precisions[layer.name].name
                fault = Fault(path, f"torchao refuses {name!r}: {error}")
                raise InvalidLayoutError([fault]) from error
    return set(configs)


def _torchao() -> Any:
    """Import torchao, which announces on the way what it could not load."""
    try:
        with _quiet():
            import torchao.quantization as module
    except ImportError as error:
        msg = "backend='torchao' needs torchao; install it: pip install torchao"
        raise MethodUnavailableError(msg) from error
    return module


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
