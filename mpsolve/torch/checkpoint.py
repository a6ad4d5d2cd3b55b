"""Checkpoints of a calibration: its sums, and how many batches are in them.

A checkpoint is one safetensors file, which is complete or not there; what it was made
with stands in its header, so that sums of another calibration are never added to.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from mpsolve.errors import InvalidParameterError, MethodUnavailableError
from mpsolve.io.files import write_bytes

__all__ = ["Checkpoint", "safetensors"]


def safetensors() -> Any:
    """Return the module safetensors.torch.

    Raises
    ------
    MethodUnavailableError
        If it is not installed.
    """
    try:
        from safetensors import torch as module
    except ImportError:
        msg = "saving a calibration needs safetensors; install it: "
        msg += "pip install 'mpsolve[torch]'"
        raise MethodUnavailableError(msg) from None
    return module


class Checkpoint:
    """Where one process keeps its sums.

    Parameters
    ----------
    path : str or Path
    rank, size : int
        Of this process; each has a file of its own.
    about : dict
        What the sums belong to, as JSON; a file that says otherwise is refused.
    """

    def __init__(
        self, path: str | Path, rank: int, size: int, about: dict[str, Any]
    ) -> None:
        path = Path(path)
        name = path.name.removesuffix(".safetensors")
        if size > 1:
            name = f"{name}.{rank}-of-{size}"
        self.path = path.with_name(f"{name}.safetensors")
        self.about = json.loads(json.dumps(about))

    def save(self, state: dict[str, torch.Tensor], next_batch: int) -> None:
        """Write the sums of all batches before `next_batch`.

        Parameters
        ----------
        state : dict of str to Tensor
        next_batch : int
        """
        header = {
            "about": json.dumps(self.about, sort_keys=True),
            "next_batch": str(next_batch),
        }
        tensors = {key: value.contiguous() for key, value in state.items()}
        write_bytes(self.path, safetensors().save(tensors, header))

    def load(self) -> tuple[dict[str, torch.Tensor], int] | None:
        """Return the sums and the first batch that is not in them, None without a file.

        Raises
        ------
        InvalidParameterError
            If the file is not a checkpoint, or of another calibration, naming what
            differs.
        """
        if not self.path.exists():
            return None
        module = safetensors()
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt") as file:
                header = file.metadata() or {}
            state = dict(module.load(self.path.read_bytes()))
            about = json.loads(header["about"])
            next_batch = int(header["next_batch"])
        except (SafetensorError, KeyError, ValueError) as error:
            msg = f"{self.path}: must be a checkpoint of mpsolve: {error}"
            raise InvalidParameterError(msg) from None
        differing = [
            f"{key}: {about.get(key)!r}, now {value!r}"
            for key, value in self.about.items()
            if about.get(key) != value
        ]
        if differing:
            msg = (
                f"{self.path}: belongs to another calibration ({'; '.join(differing)})"
            )
            msg += "; delete it, or give another path"
            raise InvalidParameterError(msg)
        return state, next_batch

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)
