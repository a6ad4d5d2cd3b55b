"""Multiply-accumulate operations of torch's operators, from shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

__all__ = ["is_product", "module_macs", "operator_macs", "shape_of"]

Shape = Sequence[int]


def _linear(shapes: Sequence[Shape], output: Shape) -> int:
    return math.prod(output) * shapes[0][-1]


def _added(shapes: Sequence[Shape], output: Shape) -> int:
    """Count a + b @ c, where what is added comes first."""
    return math.prod(output) * shapes[1][-1]


def _convolution(shapes: Sequence[Shape], output: Shape) -> int:
    # A weight is (outputs, inputs / groups, *kernel).
    return math.prod(output) * math.prod(shapes[1][1:])


def _transposed(shapes: Sequence[Shape], output: Shape) -> int:
    # A weight is (inputs, outputs / groups, *kernel), and every input meets its own.
    return math.prod(shapes[0]) * math.prod(shapes[1][1:])


def _attention(shapes: Sequence[Shape], output: Shape) -> int:
    query, key, value = shapes[:3]
    scores = math.prod(query[:-1]) * key[-2]
    return scores * (query[-1] + value[-1])


def _recurrent(shapes: Sequence[Shape], output: Shape) -> int:
    """Let every matrix meet every step of every sequence, batched or not."""
    steps = math.prod(shapes[0][:-1])
    return steps * sum(math.prod(shape) for shape in shapes[1:] if len(shape) == 2)


def _bilinear(shapes: Sequence[Shape], output: Shape) -> int:
    return math.prod(output) * math.prod(shapes[2][1:])


#: By the operator's name, without "aten" and the overload.
PRODUCTS: dict[str, Callable[[Sequence[Shape], Shape], int]] = {
    "linear": _linear,
    "matmul": _linear,
    "mm": _linear,
    "bmm": _linear,
    "addmm": _added,
    "baddbmm": _added,
    "conv1d": _convolution,
    "conv2d": _convolution,
    "conv3d": _convolution,
    "convolution": _convolution,
    "conv_transpose1d": _transposed,
    "conv_transpose2d": _transposed,
    "conv_transpose3d": _transposed,
    "scaled_dot_product_attention": _attention,
    "bilinear": _bilinear,
    "lstm": _recurrent,
    "gru": _recurrent,
    "rnn_tanh": _recurrent,
    "rnn_relu": _recurrent,
}


def is_product(operator: str) -> bool:
    """Whether an operator multiplies matrices."""
    return operator in PRODUCTS or operator == "einsum"


def operator_macs(
    operator: str, shapes: Sequence[Shape], output: Shape, equation: str | None = None
) -> int:
    """Return the multiply-accumulates of an operator; 0 for those without a product.

    Parameters
    ----------
    operator : str
        Such as ``"conv2d"``.
    shapes : sequence of shape
        Of its tensors, in the operator's order.
    output : shape
    equation : str, optional
        Of an einsum.

    Examples
    --------
    >>> operator_macs("conv2d", [(1, 3, 32, 32), (16, 3, 3, 3)], (1, 16, 32, 32))
    442368
    """
    if operator == "einsum" and equation is not None:
        return _einsum(equation, shapes)
    return PRODUCTS[operator](shapes, output) if operator in PRODUCTS else 0


def module_macs(module: nn.Module, inputs: Sequence[Shape], output: Shape) -> int:
    """Return the multiply-accumulates of a layer's call, from its class.

    Parameters
    ----------
    module : torch.nn.Module
    inputs : sequence of shape
    output : shape

    Returns
    -------
    int
        0 for classes without a matrix product, such as embeddings, and for classes that
        torch does not have.
    """
    weight = getattr(module, "weight", None)
    matrices = [tuple(p.shape) for p in module.parameters()]
    if isinstance(module, nn.Linear):
        return _linear(inputs, output)
    if isinstance(module, _ConvTransposeNd):
        return _transposed([inputs[0], matrices[0]], output)
    if isinstance(module, _ConvNd) and weight is not None:
        return _convolution([inputs[0], tuple(weight.shape)], output)
    if isinstance(module, nn.Bilinear):
        return _bilinear([*inputs[:2], matrices[0]], output)
    if isinstance(module, nn.RNNBase):
        return _recurrent([inputs[0], *matrices], output)
    if isinstance(module, nn.MultiheadAttention) and len(inputs) >= 3:
        query, key, value = inputs[:3]
        time = -2 if module.batch_first or len(query) < 3 else 0
        rows = [math.prod(shape[:-1]) for shape in (query, key, value)]
        width = module.embed_dim
        projections = sum(
            row * width * shape[-1]
            for row, shape in zip(rows, (query, key, value), strict=True)
        )
        scores = 2 * rows[0] * int(key[time]) * width
        return int(projections + scores + rows[0] * width * width)
    return 0


def _einsum(equation: str, shapes: Sequence[Shape]) -> int:
    """Count every combination of the indices."""
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=False):
        head, dots, tail = term.partition("...")
        sizes.update(zip(head, shape, strict=False))
        sizes.update(zip(reversed(tail), reversed(shape), strict=False))
        if dots:
            middle = shape[len(head) : len(shape) - len(tail)]
            sizes["..."] = max(sizes.get("...", 1), math.prod(middle))
    return math.prod(sizes.values())


def shape_of(value: object) -> tuple[int, ...] | None:
    """Return a tensor's shape, or that of the first tensor in a tuple."""
    if isinstance(value, torch.Tensor):
        return tuple(int(size) for size in value.shape)
    if isinstance(value, tuple | list):
        for item in value:
            if (shape := shape_of(item)) is not None:
                return shape
    if isinstance(value, dict):
        return shape_of(list(value.values()))
    return None
