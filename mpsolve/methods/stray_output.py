"""Keeping what a compiled library prints by mistake out of the standard output."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

__all__ = ["without_stray_output"]

#: How the lines begin that HiGHS leaves behind, whatever its logging options say.
STRAY = b"Highs"

STDOUT = 1


class _Held:
    """The standard output, held back while at least one thread asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._file: IO[bytes] | None = None
        self._stdout = -1

    def enter(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth > 1:
                return
            _flush()
            with suppress(OSError):  # there may be no standard output at all
                self._stdout = os.dup(STDOUT)
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in leave
                os.dup2(self._file.fileno(), STDOUT)

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth or self._file is None:
                return
            _flush()
            os.dup2(self._stdout, STDOUT)
            os.close(self._stdout)
            self._file.seek(0)
            kept = [line for line in self._file if not line.startswith(STRAY)]
            self._file.close()
            self._file = None
            if kept:
                with suppress(OSError):
                    os.write(STDOUT, b"".join(kept))


_HELD = _Held()


@contextmanager
def without_stray_output() -> Iterator[None]:
    """Hold the standard output back, and write it at the end without stray lines.

    The process has one standard output, so what other threads print in the meantime
    comes late, but it comes.
    """
    _HELD.enter()
    try:
        yield
    finally:
        _HELD.leave()


def _flush() -> None:
    """Write out what Python and the C library hold in their buffers."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    with suppress(OSError, AttributeError):
        (ctypes.cdll.ucrtbase if os.name == "nt" else ctypes.CDLL(None)).fflush(None)
