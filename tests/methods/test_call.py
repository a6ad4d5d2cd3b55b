"""Calling compiled solvers: Ctrl-C arrives, and so do errors."""

import _thread
import threading

import pytest

from mpsolve.methods.call import call_interruptibly


def test_ctrl_c_asks_the_solver_to_stop():
    is_asked = threading.Event()

    def solver():
        _thread.interrupt_main()
        assert is_asked.wait(30.0)
        return "what it has"

    assert call_interruptibly(solver, is_asked.set) == ("what it has", True)


def test_without_ctrl_c():
    assert call_interruptibly(lambda: 5, lambda: None) == (5, False)


def test_a_solvers_error_reaches_the_caller():
    def solver():
        msg = "broken"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="broken"):
        call_interruptibly(solver, lambda: None)
