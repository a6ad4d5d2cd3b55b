"""From a PyTorch model to a problem, and from a layout back to a model that runs.

Importing :mod:`mpsolve` never imports torch; importing this package does.
"""

from mpsolve.errors import MethodUnavailableError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:  # pragma: no cover - the tests have torch
    _MESSAGE = "mpsolve.torch needs PyTorch; install it: pip install 'mpsolve[torch]'"
    raise MethodUnavailableError(_MESSAGE) from error

from mpsolve.torch.calibrate import calibrate
from mpsolve.torch.calibration import Calibration, Scores
from mpsolve.torch.graph import ModelGraph
from mpsolve.torch.layers import Layer, find_layers, find_ties
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
from mpsolve.torch.problem import memory_usage, problem_from_model
from mpsolve.torch.trace import trace

__all__ = [
    "Block",
    "Calibration",
    "Float",
    "Integer",
    "Keep",
    "Layer",
    "LayerPrecision",
    "ModelGraph",
    "Noise",
    "Precision",
    "Scores",
    "calibrate",
    "find_layers",
    "find_ties",
    "memory_usage",
    "parse",
    "problem_from_model",
    "trace",
]
