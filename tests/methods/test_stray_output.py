"""What compiled libraries print by mistake."""

import os
import subprocess
import sys
import threading
from contextlib import suppress

from mpsolve.methods.stray_output import without_stray_output


def test_only_stray_lines_are_dropped(capfd):
    os.write(1, b"before\n")
    with without_stray_output():
        os.write(1, b"HighsMipSolverData::x tmpSolver.run();\nkept\n")
        assert capfd.readouterr().out == "before\n"
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "kept\nafter\n"


def test_what_c_prints_is_dropped(capfd):
    import ctypes

    with without_stray_output():
        ctypes.CDLL(None).puts(b"HighsMipSolverData::in a buffer")
    assert capfd.readouterr().out == ""


def test_several_threads_share_it(capfd):
    inside, leave = threading.Event(), threading.Event()

    def first():
        with without_stray_output():
            inside.set()
            leave.wait(10.0)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10.0)
    with without_stray_output():
        os.write(1, b"Highs: dropped\n")
    os.write(1, b"kept\n")
    leave.set()
    thread.join()
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "kept\nafter\n"


def test_an_error_gives_the_output_back(capfd):
    with suppress(ZeroDivisionError), without_stray_output():
        os.write(1, b"kept\n")
        _ = 1 / 0
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "kept\nafter\n"


def test_without_a_standard_output():
    code = (
        "import os, sys\n"
        "os.close(1)\n"
        "from mpsolve.methods.stray_output import without_stray_output\n"
        "with without_stray_output(): pass\n"
        "sys.exit(7)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 7
