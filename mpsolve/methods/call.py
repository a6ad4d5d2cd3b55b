"""Calling compiled solvers so that Ctrl-C arrives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["call_interruptibly"]

T = TypeVar("T")

#: Seconds between two looks for Ctrl-C; a result does not wait for them.
POLL = 0.1


def call_interruptibly(
    function: Callable[[], T], stop: Callable[[], None]
) -> tuple[T, bool]:
    """Call a solver in a thread of its own, and stop it at Ctrl-C.

    Python delivers Ctrl-C to the main thread, and only outside of compiled code.

    Parameters
    ----------
    function : callable
        Runs the solver.
    stop : callable
        Asks it to stop; it then finishes by itself. A second Ctrl-C gives up waiting.

    Returns
    -------
    result : object
        What `function` returned.
    is_interrupted : bool
        Whether Ctrl-C came.
    """
    outcome: list[T] = []
    errors: list[BaseException] = []
    is_done = threading.Event()

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:
            errors.append(error)
        finally:
            is_done.set()

    def wait() -> None:
        # A wait without an end is deaf to Ctrl-C on some systems.
        while not is_done.wait(POLL):
            pass

    is_interrupted = False
    try:
        threading.Thread(target=run, daemon=True).start()
        wait()
    except KeyboardInterrupt:
        is_interrupted = True
        stop()
        wait()
    if errors:
        raise errors[0]
    return outcome[0], is_interrupted
