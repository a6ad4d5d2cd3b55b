"""From a PyTorch model to a problem, and from a layout back to a model that runs.

Importing :mod:`mpsolve` never imports torch; importing this package does.
"""

from mpsolve.errors import MethodUnavailableError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:  # pragma: no cover - the tests have torch
    _MESSAGE = "mpsolve.torch needs PyTorch; install it: pip install 'mpsolve[torch]'"
    raise MethodUnavailableError(_MESSAGE) from error

from mpsolve.torch.apply import Applied, applied, apply_
from mpsolve.torch.convert import Conversion, observe_conversions
from mpsolve.torch.graph import ModelGraph
from mpsolve.torch.hold import measured_bytes
from mpsolve.torch.layers import Layer, find_layers, find_ties
from mpsolve.torch.noise import add_noise_
from mpsolve.torch.precisions import (
    Block,
    Float,
    Integer,
    Keep,
    LayerPrecision,
    Noise,
    Precision,
    parse,
)
from mpsolve.torch.trace import trace

__all__ = [
    "Applied",
    "Block",
    "Conversion",
    "Float",
    "Integer",
    "Keep",
    "Layer",
    "LayerPrecision",
    "ModelGraph",
    "Noise",
    "Precision",
    "add_noise_",
    "applied",
    "apply_",
    "find_layers",
    "find_ties",
    "measured_bytes",
    "observe_conversions",
    "parse",
    "trace",
]
