"""Hosts alone and with mpsolve in the place of their solver, on the same scores."""

import importlib

import pytest

from mpsolve import MethodUnavailableError
from mpsolve.integrations import versions
from tests.hosts.conftest import require

require("torch", "transformers")

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore")]

RUNS = {
    "nvidia-modelopt": "modelopt_run",
    "nncf": "nncf_run",
    "auto-round": "auto_round_run",
    "model-compression-toolkit": "mct_run",
}


@pytest.mark.slow
@pytest.mark.parametrize("package", RUNS)
def test_the_objective_is_never_higher(package):
    require(package)
    if package == "model-compression-toolkit":
        require(package, "torchvision")
    rows = importlib.import_module(f"benchmarks.hosts.{RUNS[package]}").compare()
    assert rows
    for row in rows:
        row.check()


@pytest.mark.slow
def test_modelopt_searches_with_mpsolve_inside():
    require("nvidia-modelopt")
    from benchmarks.hosts import modelopt_run
    from mpsolve.integrations import modelopt

    with modelopt.plugged_in():
        _, state = modelopt_run.search(7.0)
    best = state["best"]
    assert best["is_satisfied"]
    result, _ = modelopt.resolve(state, 7.0)
    assert best["score"] == pytest.approx(result.loss, rel=1e-12)


@pytest.mark.parametrize(
    ("host", "package"),
    [
        ("modelopt", "nvidia-modelopt"),
        ("auto_round", "auto-round"),
        ("nncf", "nncf"),
        ("mct", "model-compression-toolkit"),
    ],
)
def test_the_insides_of_other_versions_are_left_alone(host, package, monkeypatch):
    require(package)
    monkeypatch.setitem(versions.TESTED, package, ("0.0.1",))
    module = importlib.import_module(f"mpsolve.integrations.{host}")
    with (
        pytest.raises(MethodUnavailableError, match=r"tested with 0\.0\.1\. Got"),
        module.plugged_in(),
    ):
        pass
