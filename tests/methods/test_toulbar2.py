"""toulbar2: couplings alone, and Ctrl-C given back."""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from mpsolve import Problem, solve
from mpsolve.errors import MethodUnavailableError, UnsupportedProblemError
from mpsolve.methods import get_method
from mpsolve.testing import CLASSES, random_problem

needs_toulbar2 = pytest.mark.skipif(
    not find_spec("pytoulbar2"), reason="pytoulbar2 not installed"
)


@pytest.mark.skipif(bool(find_spec("pytoulbar2")), reason="pytoulbar2 is installed")
def test_without_it_the_extra_is_named():
    with pytest.raises(MethodUnavailableError, match=r"'mpsolve\[toulbar2\]'"):
        solve(Problem.from_arrays([[1.0]]), "toulbar2")


def test_it_takes_no_budgets_and_no_inventory():
    record = get_method("toulbar2").capabilities
    rng = np.random.default_rng(0)
    for name, features in CLASSES.items():
        problem = random_problem(features, rng, 4)
        takes_it = not features.num_budgets and not features.inventory
        assert bool(record.cannot(problem)) != takes_it, name


@needs_toulbar2
def test_budgets_are_refused():
    problem = Problem.from_arrays([[1.0, 0.0]], {"r": [[1, 2]]}, {"r": 1})
    with pytest.raises(UnsupportedProblemError, match="it takes at most 0"):
        solve(problem, "toulbar2")


@needs_toulbar2
@pytest.mark.parametrize("kind", ["couplings", "forbidden pairs", "no budget"])
def test_it_agrees_with_every_layout(kind):
    rng = np.random.default_rng(71)
    for _ in range(40):
        problem = random_problem(CLASSES[kind], rng, int(rng.integers(3, 8)))
        result = solve(problem, "toulbar2", seed=5)
        best = solve(problem, "brute_force")
        assert result.reason == best.reason
        assert result.primal == pytest.approx(best.primal, rel=1e-9, abs=1e-300)


@needs_toulbar2
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_is_given_back():
    code = (
        "import os, signal, time, mpsolve\n"
        "p = mpsolve.Problem.from_arrays([[1.0, 0.0]] * 3)\n"
        "assert mpsolve.solve(p, 'toulbar2').reason == 'OPTIMAL'\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        "except KeyboardInterrupt: print('it arrived')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.stdout == "it arrived\n"
