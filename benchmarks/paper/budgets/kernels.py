"""Layers in kernels that this processor has, 8-bit ones among them, and their times."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mpsolve.torch import applied, find_layers
from mpsolve.torch.clock import Clock, measure

__all__ = ["Int8", "inputs_of", "layer_times", "with_kernels"]

#: Types in which layers compute.
TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}

WARMUP = 3


class Int8(nn.Module):
    """A convolution or linear layer in PyTorch's own 8-bit kernels.

    Weights are rounded by channel when it is made, inputs by one scale in every call,
    outputs by one scale for all.

    Parameters
    ----------
    module : torch.nn.Conv2d or torch.nn.Linear
    example : Tensor
        Inputs whose outputs have the range that is kept.
    """

    def __init__(self, module: nn.Conv2d | nn.Linear, example: Tensor) -> None:
        super().__init__()
        torch.backends.quantized.engine = "x86"
        weight = module.weight.detach().float()
        scales = weight.abs().flatten(1).amax(1).clamp(min=1e-12).double() / 127
        zeros = torch.zeros(len(weight), dtype=torch.int64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are to go, but work, and are fast
            rounded = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        bias = None if module.bias is None else module.bias.detach().float()
        kernels: Any = torch.ops.quantized
        if isinstance(module, nn.Conv2d):
            sizes = (module.stride, module.padding, module.dilation)
            self._packed = kernels.conv2d_prepack(
                rounded, bias, *(list(size) for size in sizes), module.groups
            )
            # Its dynamic variant is wrong where inputs are all above 0.
            self._run = kernels.conv2d
        else:
            self._packed = kernels.linear_prepack(rounded, bias)
            self._run = kernels.linear
        with torch.no_grad():
            found = module(example)
        low, high = min(float(found.min()), 0.0), max(float(found.max()), 0.0)
        self._scale = max(high - low, 1e-12) / 255
        self._zero = round(-low / self._scale)

    def forward(self, x: Tensor) -> Tensor:
        # A layer before may compute in another type.
        rounded = torch.quantize_per_tensor_dynamic(x.float(), torch.quint8, False)
        found: Tensor = self._run(rounded, self._packed, self._scale, self._zero)
        return found.dequantize()


@torch.no_grad()
def inputs_of(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Return what each layer is given in a call of the model."""
    given: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, x: given.update({name: x[0]})

    hooks = [
        layer.module.register_forward_pre_hook(keep(layer.name))
        for layer in find_layers(model)
    ]
    model(inputs)
    for hook in hooks:
        hook.remove()
    return given


def with_kernels(
    model: nn.Module, layout: Mapping[str, str], examples: Mapping[str, Tensor]
) -> nn.Module:
    """Return a copy of a model whose layers compute in their precisions' kernels.

    Parameters
    ----------
    model : torch.nn.Module
    layout : mapping of layer to precision
    examples : mapping of layer to Tensor
        What `inputs_of` returns.
    """
    floats = {name: p for name, p in layout.items() if p in TYPES}
    made = applied(model, floats)
    for name in layout.keys() - floats.keys():
        parent, _, own = name.rpartition(".")
        module = model.get_submodule(name)
        assert isinstance(module, nn.Conv2d | nn.Linear), name
        setattr(made.get_submodule(parent), own, Int8(module, examples[name]))
    return made


def layer_times(
    model: nn.Module, inputs: Tensor, precisions: Sequence[str], repeats: int
) -> npt.NDArray[np.float64]:
    """Measure every layer alone in every precision, in turns.

    A layer is called with the inputs that it has in the model, in the type in which it
    computes; int8 rounds them itself.

    Returns
    -------
    ndarray, shape (layers, precisions)
        Medians, in ns.
    """
    layers, given = find_layers(model), inputs_of(model, inputs)
    clock, medians = Clock(inputs.device), []
    for layer in layers:
        x, runs = given[layer.name], []
        for precision in precisions:
            if precision == "int8":
                assert isinstance(layer.module, nn.Conv2d | nn.Linear), layer.name
                runs.append(partial(Int8(layer.module, x), x))
            else:
                kind = TYPES[precision]
                runs.append(partial(copy.deepcopy(layer.module).to(kind), x.to(kind)))
        medians.append(np.median(measure(runs, clock, WARMUP, repeats), axis=1))
    return np.array(medians)
