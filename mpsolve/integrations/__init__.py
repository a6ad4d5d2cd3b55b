"""A backend for the quantizers that people already use.

Each host has a file here: `problem` reads what it measured, `export` writes a layout
as its own configuration, and some have a `plugged_in` that makes mpsolve its solver.
No host is imported before it is needed, and none to write a configuration.

>>> from mpsolve import integrations
>>> integrations.export({"layers.1.fc": "int8"}, "mlx", formats={"int8": "int8g64"})
{'quantization': {'bits': 8, 'group_size': 64, 'mode': 'affine',
                  'layers.1.fc': {'bits': 8, 'group_size': 64, 'mode': 'affine'}}}
"""

from importlib import import_module
from types import ModuleType
from typing import Any

from mpsolve.integrations.formats import Format, parse_format
from mpsolve.integrations.fusion import check_fused, find_fused, fusion_ties
from mpsolve.integrations.writers import WRITERS, export

__all__ = [
    "HOSTS",
    "WRITERS",
    "Format",
    "check_fused",
    "export",
    "find_fused",
    "fusion_ties",
    "parse_format",
]

#: The hosts, each a module here.
HOSTS = (
    "auto_round",
    "compressed_tensors",
    "exllamav3",
    "gguf_tool_suite",
    "gptqmodel",
    "hawq",
    "llama_cpp",
    "mct",
    "mlx",
    "modelopt",
    "neural_compressor",
    "nncf",
    "olive",
    "torchao",
)


def __getattr__(name: str) -> Any:
    if name in HOSTS:
        module: ModuleType = import_module(f"mpsolve.integrations.{name}")
        return module
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
