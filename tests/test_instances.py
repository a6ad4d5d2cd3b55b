"""The instances: optima proven again, licences, and files of others."""

import json

import pytest

import mpsolve
from mpsolve import InvalidParameterError, InvalidProblemError, instances
from mpsolve.cli import main
from tests.conftest import shared_folder


@pytest.mark.parametrize("name", instances.names())
def test_optima_are_proven_again(name):
    entry = instances.describe(name)
    result = mpsolve.solve(instances.load(name), rel_gap=0)
    assert result.reason == "OPTIMAL"
    assert result.loss == pytest.approx(entry.optimum, rel=1e-12)
    assert entry.theirs is None or entry.theirs >= entry.optimum * (1 - 1e-12)


@pytest.mark.parametrize("name", instances.names())
def test_what_comes_with_mpsolve_may_come_with_it(name):
    entry = instances.describe(name)
    assert entry.licence == "Apache-2.0" or entry.licence.startswith("MIT")
    assert entry.source
    assert len(entry.proven) == len("2026-01-01")


def test_unknown_names():
    with pytest.raises(InvalidParameterError, match="resnet18-memory-75, "):
        instances.load("alexnet")


def test_files_of_others(tmp_path):
    data = {
        "layers": ["a", "b"],
        "precisions": [["int4", "int8"], ["int4"]],
        "loss": [[1.0, 0.0], [2.0]],
        "usage": {"memory": [[1, 2], [1]]},
        "budgets": {"memory": [None, 2]},
        "theirs": {"loss": 3.0},
    }
    path = tmp_path / "other.json"
    path.write_text(json.dumps(data))
    assert mpsolve.solve(instances.read(path)).loss == 3.0
    path.write_text(json.dumps({**data, "loss": [[1.0], [2.0]], "usage": {"m": [[1]]}}))
    with pytest.raises(InvalidProblemError) as caught:
        instances.read(path)
    assert [fault.path for fault in caught.value.faults] == ["loss", "usage['m']"]
    for text, message in [("{", "not JSON"), ("[]", "an object"), ("{}", "layers")]:
        path.write_text(text)
        with pytest.raises(InvalidProblemError, match=message):
            instances.read(path)


@pytest.mark.needs_shared
def test_the_files_beside_the_checkout():
    folder = shared_folder("instances/layouts")
    problem = instances.read(folder / "hawq-resnet18_bops_050.json")
    reference = instances.describe("resnet18-bops-50").optimum
    assert mpsolve.solve(problem).loss == pytest.approx(reference, rel=1e-9)


def test_commands(capsys, tmp_path):
    assert main(["instances", "list"]) == 0
    out = capsys.readouterr().out
    assert "modelopt-gradient-7.0" in out
    assert "13.5 %" in out
    assert main(["instances", "list", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)["instances"]
    assert [entry["name"] for entry in listed] == list(instances.names())
    path = tmp_path / "p.json"
    assert main(["instances", "get", "mct-weights-0.5", "-o", str(path)]) == 0
    assert mpsolve.load(path) == instances.load("mct-weights-0.5")
    assert main(["instances", "get"]) == 2
    assert main(["solve", "nncf-hessian-0.6"]) == 0
