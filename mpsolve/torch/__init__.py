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
from mpsolve.torch.devices import DEVICES, Device
from mpsolve.torch.graph import ModelGraph
from mpsolve.torch.hold import measured_bytes
from mpsolve.torch.layer_times import LayerTimes, time_layers
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
from mpsolve.torch.resources import (
    bops,
    macs,
    memory,
    peak_activation,
    theoretical_time,
)
from mpsolve.torch.subgraph_times import SubgraphTimes, time_subgraphs
from mpsolve.torch.trace import trace

__all__ = [
    "DEVICES",
    "Applied",
    "Block",
    "Conversion",
    "Device",
    "Float",
    "Integer",
    "Keep",
    "Layer",
    "LayerPrecision",
    "LayerTimes",
    "ModelGraph",
    "Noise",
    "Precision",
    "SubgraphTimes",
    "add_noise_",
    "applied",
    "apply_",
    "bops",
    "find_layers",
    "find_ties",
    "macs",
    "measured_bytes",
    "memory",
    "observe_conversions",
    "parse",
    "peak_activation",
    "theoretical_time",
    "time_layers",
    "time_subgraphs",
    "trace",
]
