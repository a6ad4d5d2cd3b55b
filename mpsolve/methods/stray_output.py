"""Keeping what compiled libraries print by mistake out of the standard streams."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

__all__ = ["without_stray_output"]

#: How the lines begin that solvers leave behind, whatever their logging options say:
#: HiGHS on standard output, SCIP on standard error when it is asked to listen to
#: interruption, or for small tolerances.
STRAY = (
    b"Highs",
    b"[scip_event.c",
    b"[gscip_event_handler.cc",
    b"Cannot set optimality tolerance",
)

STDOUT, STDERR = 1, 2


class _Held:
    """A standard stream, held back while at least one thread asks for it."""

    def __init__(self, stream: int) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._depth = 0
        self._file: IO[bytes] | None = None
        self._kept = -1

    @contextmanager
    def hold(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth > 1:
                return
            _flush()
            with suppress(OSError):  # there may be no such stream at all
                self._kept = os.dup(self._stream)
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed in leave
                os.dup2(self._file.fileno(), self._stream)

    def _leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth or self._file is None:
                return
            _flush()
            os.dup2(self._kept, self._stream)
            os.close(self._kept)
            self._file.seek(0)
            lines = [line for line in self._file if not line.startswith(STRAY)]
            self._file.close()
            self._file = None
            if lines:
                with suppress(OSError):
                    os.write(self._stream, b"".join(lines))


_HELD = {stream: _Held(stream) for stream in (STDOUT, STDERR)}


@contextmanager
def without_stray_output(*, errors: bool = False) -> Iterator[None]:
    """Hold the standard output back, and write it at the end without stray lines.

    The process has one standard output, so what other threads print in the meantime
    comes late, but it comes.

    Parameters
    ----------
    errors : bool
        Whether to do the same with the standard error.
    """
    with ExitStack() as stack:
        for stream in (STDOUT, STDERR) if errors else (STDOUT,):
            stack.enter_context(_HELD[stream].hold())
        yield


def _flush() -> None:
    """Write out what Python and the C library hold in their buffers."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        sys.stderr.flush()
    with suppress(OSError, AttributeError):
        (ctypes.cdll.ucrtbase if os.name == "nt" else ctypes.CDLL(None)).fflush(None)
