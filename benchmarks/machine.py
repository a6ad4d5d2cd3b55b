"""What a reader of a result needs to know about the machine it was made on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec
import numpy as np

import mpsolve

__all__ = ["Machine", "this_machine"]


class Machine(msgspec.Struct, frozen=True):
    """Where a record was made."""

    cpu: str
    cores: int
    system: str
    python: str
    numpy: str
    mpsolve: str


def this_machine() -> Machine:
    """Return what a reader needs to know about the machine."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return Machine(
        cpu=cpu,
        cores=os.cpu_count() or 1,
        system=platform.system(),
        python=platform.python_version(),
        numpy=np.__version__,
        mpsolve=mpsolve.__version__,
    )
