"""The writers by the names of their hosts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from typing import Any

from mpsolve.errors import InvalidParameterError

__all__ = ["WRITERS", "as_text", "export"]

#: Where the writer of each host lives.
WRITERS = {
    "auto-round": "auto_round",
    "compressed-tensors": "compressed_tensors",
    "exllamav3": "exllamav3",
    "gptqmodel": "gptqmodel",
    "llama.cpp": "llama_cpp",
    "mlx": "mlx",
    "modelopt": "modelopt",
    "neural-compressor": "neural_compressor",
    "nncf": "nncf",
    "olive": "olive",
    "torchao": "torchao",
}


def export(
    layout: Mapping[str, str],
    host: str,
    path: str | PathLike[str] | None = None,
    **options: Any,
) -> Any:
    """Return a layout as a host's own configuration, and write it to a file.

    Parameters
    ----------
    layout : Layout or mapping of str to str
        Precision by layer. Layers carry the fully qualified names of modules.
    host : str
        One of `WRITERS`.
    path : str or PathLike, optional
        Where to write it too: JSON, or text where the host reads text.
    formats : mapping of str to str, Format or dict, optional
        What precisions mean, where their names do not say it or mean something else
        here: a name such as ``"w4a16g128"``, a :class:`Format`, or the host's own
        words for it, which are then taken as they are.
    members : mapping of str to iterable of str, optional
        The modules of layers that stand for several, such as fused ones or experts.
    **options
        Of the host; see its `export`.

    Returns
    -------
    dict or str

    Raises
    ------
    InvalidParameterError
        If there is no such host, or `formats` or `members` name what is not there.
    InvalidLayoutError
        With every layer that the host cannot express.
    """
    if host not in WRITERS:
        known = ", ".join(WRITERS)
        msg = f"host must be one of {known}. Got {host!r}"
        raise InvalidParameterError(msg)
    module = import_module(f"mpsolve.integrations.{WRITERS[host]}")
    try:
        config = module.export(layout, **options)
    except TypeError as error:
        # An option that the host's writer does not have, or lacks: nothing else there
        # takes what a caller gave it without looking at it.
        if "export()" not in str(error):
            raise
        msg = f"{host}: {str(error).removeprefix('export() ')}"
        raise InvalidParameterError(msg) from None
    if path is not None:
        from mpsolve.io.files import write_bytes

        write_bytes(path, as_text(config).encode())
    return config


def as_text(config: Any) -> str:
    """Return a configuration as the text of a file, which ends in a line break."""
    if isinstance(config, str):
        return config + "\n"
    return json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
