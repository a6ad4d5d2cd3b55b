"""Fixtures and settings of all tests."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

#: Real models and instances, beside the repository; not part of it.
SHARED = Path(__file__).resolve().parents[2] / "shared"

# Time is measured where it is promised, not example by example.
settings.register_profile(
    "mpsolve",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("mpsolve")


def shared_folder(name: str) -> Path:
    """Return a folder of ../shared, or skip the test; fail where it is required."""
    folder = SHARED / name
    if not folder.is_dir():
        message = f"{folder} is not there; it is optional"
        if os.environ.get("MPSOLVE_REQUIRE_SHARED") == "1":
            pytest.fail(f"{message} unless MPSOLVE_REQUIRE_SHARED=1, which is set")
        pytest.skip(message)
    return folder


@pytest.fixture(autouse=True)
def ctrl_c_reaches_python() -> Iterator[None]:
    """Tests of Ctrl-C must not depend on how the test run itself was started.

    A shell starts background jobs with SIGINT ignored, and Python then leaves it so.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before or signal.SIG_DFL)


PROVERS = ["exact", "paths", "brute_force", "highs"]


@pytest.fixture(params=PROVERS)
def prover(request):
    if request.param == "highs":
        pytest.importorskip("ortools")
    return request.param
