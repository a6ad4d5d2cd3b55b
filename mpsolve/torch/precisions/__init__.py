"""Precisions: number formats as they are stored and as they round.

Weights and inputs of a layer may have different ones: :func:`parse` reads both from one
name, such as ``"fp16"``, ``"int8"`` or ``"w4a8"``.
"""

from mpsolve.torch.precisions.base import Keep, Precision
from mpsolve.torch.precisions.blocks import Block
from mpsolve.torch.precisions.floats import Float
from mpsolve.torch.precisions.integers import Integer
from mpsolve.torch.precisions.names import LayerPrecision, parse
from mpsolve.torch.precisions.noise import Noise

__all__ = [
    "Block",
    "Float",
    "Integer",
    "Keep",
    "LayerPrecision",
    "Noise",
    "Precision",
    "parse",
]
