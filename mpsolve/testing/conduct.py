"""How a method behaves while it runs: limits, Ctrl-C, threads, and what it prints."""

from __future__ import annotations

import _thread
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mpsolve.model.problem import Problem
from mpsolve.result import Limit
from mpsolve.testing.checks import Subject, complain
from mpsolve.testing.hard import hard_problem

__all__ = ["CONDUCT"]

#: The time limit that is given, in seconds; it may be exceeded by a fifth and LATE_S.
LIMIT_S = 1.0
LATE_S = 0.2

#: How long Ctrl-C may take to end a search, and when it comes.
PATIENCE_S = 5.0
CTRL_C_S = 0.5

#: Processor seconds that one thread may use in a second, timers' errors included.
ONE_THREAD = 1.25


def time_limit(subject: Subject) -> None:
    """Check that a time limit is exceeded by no more than a fifth and 0.2 s.

    Methods load their solver at the first call, so that is not timed.
    """
    if not subject.honours("time_limit"):
        return
    for problem in _short_and_long(subject):
        subject.solve(problem, time_limit=0.01)
        start = time.perf_counter()
        result = subject.solve(problem, time_limit=LIMIT_S)
        elapsed = time.perf_counter() - start
        if elapsed > 1.2 * LIMIT_S + LATE_S:
            what = f"took {elapsed:.2f} s, with a time limit of {LIMIT_S} s"
            raise complain(subject, problem, what)
        if result.limit is not None and result.limit not in (Limit.TIME, Limit.OTHER):
            what = f"stopped by {result.limit}, where only time was limited"
            raise complain(subject, problem, what)


def interruption(subject: Subject) -> None:
    """Check that Ctrl-C ends the search soon, and returns what was found."""
    problem = hard_problem(subject.method)
    is_main = threading.current_thread() is threading.main_thread()
    if not subject.method.capabilities.interrupts or problem is None or not is_main:
        return
    limit = {"time_limit": 60.0} if subject.honours("time_limit") else {}
    timer = threading.Timer(CTRL_C_S, _thread.interrupt_main)
    start = time.perf_counter()
    timer.start()
    try:
        result = subject.solve(problem, **limit)
    except KeyboardInterrupt:
        what = "Ctrl-C lost what it had found"
        raise complain(subject, problem, what) from None
    finally:
        elapsed = time.perf_counter() - start
        _swallow(timer)
    if elapsed < CTRL_C_S:
        return  # it was faster
    if result.limit is not Limit.INTERRUPTED and result.limit is not None:
        what = f"was interrupted, and says {result.reason} ({result.limit})"
        raise complain(subject, problem, what)
    if elapsed > CTRL_C_S + PATIENCE_S:
        what = f"ended {elapsed - CTRL_C_S:.1f} s after Ctrl-C"
        raise complain(subject, problem, what)


def silence(subject: Subject) -> None:
    """Check that nothing is printed, from Python or from C."""
    for problem in subject.problems(max(8, subject.count // 4)):
        with _standard_output() as printed:
            subject.solve(problem)
        if printed:
            what = f"printed {printed[0][:200]!r} on the standard output"
            raise complain(subject, problem, what)


def threads(subject: Subject) -> None:
    """Check that one thread is one thread, and the number changes no reason."""
    if not subject.honours("threads"):
        return
    for problem in subject.problems(6):
        one, two = (subject.solve(problem, threads=n) for n in (1, 2))
        if one.reason is not two.reason:
            what = f"is {one.reason} with one thread, {two.reason} with two"
            raise complain(subject, problem, what)
    long = hard_problem(subject.method)
    if long is None or not subject.honours("time_limit"):
        return
    before = _processor_s(), time.perf_counter()
    subject.solve(long, threads=1, time_limit=LIMIT_S)
    used, elapsed = _processor_s() - before[0], time.perf_counter() - before[1]
    if elapsed > 0.5 and used > ONE_THREAD * elapsed:
        what = f"used {used:.2f} processor seconds in {elapsed:.2f} s on one thread"
        raise complain(subject, long, what)


def _short_and_long(subject: Subject) -> Iterator[Problem]:
    long = hard_problem(subject.method)
    if long is not None:
        yield long
    yield next(subject.problems(1))


def _processor_s() -> float:
    """Return the processor time of this process and of those that it started."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _swallow(timer: threading.Timer) -> None:
    """Make sure that no Ctrl-C of the timer arrives later."""
    timer.cancel()
    try:
        timer.join()
        time.sleep(0.01)
    except KeyboardInterrupt:
        pass


@contextmanager
def _standard_output() -> Iterator[list[bytes]]:
    """Catch what is written to the standard output, by whatever way."""
    printed: list[bytes] = []
    sys.stdout.flush()
    kept = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield printed
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            if text := file.read():
                printed.append(text)


#: Checks of what a method does besides answering.
CONDUCT: tuple[Callable[[Subject], Any], ...] = (
    time_limit,
    interruption,
    silence,
    threads,
)
