"""Several processes, and processes that are killed."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mpsolve.torch import Calibration
from tests.torch.calibration_program import SIZES, main

ROOT = Path(__file__).parents[2]
PROGRAM = str(Path(__file__).with_name("calibration_program.py"))


def run(*arguments, processes=1):
    """Run the program; return its exit status."""
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", str(processes)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, PROGRAM, *map(str, arguments)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode > 0 and "SIGKILL" not in done.stderr:
        raise AssertionError(done.stderr[-3000:])
    return done.returncode


def alone(tmp_path, name="conv"):
    """Return the result of one process that nothing happens to."""
    main(tmp_path / "alone", "-", -1, name, "plain")
    return Calibration.load(tmp_path / "alone")


def assert_same(found, expected, rtol):
    assert found.num_samples == expected.num_samples == sum(SIZES)
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    for name, scores in found.items():
        for array in ("values", "standard_error"):
            one, two = getattr(scores, array), getattr(expected[name], array)
            # Signed values are relative to the largest: they may cancel.
            size = rtol * np.abs(two).max() if scores.is_signed else 0
            np.testing.assert_allclose(one, two, rtol=rtol, atol=size, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "fsdp"])
def test_two_processes_equal_one(tmp_path, kind):
    assert run(tmp_path / "two", "-", -1, "transformer", kind, processes=2) == 0
    found = Calibration.load(tmp_path / "two")
    assert_same(found, alone(tmp_path, "transformer"), rtol=1e-10)


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    fatal = random.SystemRandom().randrange(1, len(SIZES))
    sums = tmp_path / "sums.safetensors"
    killed = run(tmp_path / "a", sums, fatal, "residual", "plain")
    assert killed == -signal.SIGKILL, fatal
    assert sums.exists()
    assert not (tmp_path / "a.json").exists()
    assert run(tmp_path / "a", sums, -1, "residual", "plain") == 0
    assert not sums.exists()
    found = Calibration.load(tmp_path / "a")
    assert_same(found, alone(tmp_path, "residual"), rtol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "fsdp"])
def test_several_processes_killed_and_resumed(tmp_path, kind):
    """With a whole model in each process, or one that FSDP2 shards over both."""
    fatal = random.SystemRandom().randrange(2, len(SIZES))
    sums = tmp_path / "sums.safetensors"
    assert run(tmp_path / "a", sums, fatal, "conv", kind, processes=2) != 0
    assert list(tmp_path.glob("sums.*-of-2.safetensors")), fatal
    assert run(tmp_path / "a", sums, -1, "conv", kind, processes=2) == 0
    assert not list(tmp_path.glob("sums*"))
    assert_same(Calibration.load(tmp_path / "a"), alone(tmp_path), rtol=1e-10)
