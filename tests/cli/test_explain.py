"""``mpsolve explain``: conflicts, worth and costs, printed."""

import json

import pytest

import mpsolve
from mpsolve.cli import main

PROBLEM = mpsolve.Problem.from_arrays(
    [[0.30, 0.10], [0.20, 0.05]],
    {"memory": [[4000, 8000], [2000, 4000]]},
    {"memory": 9000},
    layers=["conv1", "fc"],
    precisions=["int4", "int8"],
)


@pytest.fixture
def path(tmp_path):
    PROBLEM.save(tmp_path / "p.json")
    return str(tmp_path / "p.json")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, " ".join(out.split()), err


def test_what_a_budget_and_a_precision_are_worth(capsys, path):
    options = ["--layer", "fc=int4", "--layer", "conv1=int8"]
    code, out, err = run(capsys, "explain", path, *options)
    assert (code, err) == (0, "")
    assert "OPTIMAL" in out
    assert "10,000 B (10 kB)" in out
    assert "1,000 B (1 kB)" in out
    assert "at their best loss fc" in out
    assert "at their least memory conv1" in out
    assert "fc int4 0.15 0.5" in out
    assert "conv1 int8 impossible no layout" in out


def test_json(capsys, path):
    options = ["--format", "json", "--layer", "conv1=int8", "--budget", "memory=7kB"]
    code, out, _ = run(capsys, "explain", path, *options)
    record = json.loads(out)
    assert code == 0
    assert record["budgets"]["memory"]["next_value"] == 8000
    assert record["forced"] == [
        {
            "layer": "conv1",
            "precision": "int8",
            "reason": "INFEASIBLE",
            "cost": None,
            "loss": None,
        }
    ]


def test_infeasible(capsys, path):
    options = ["--budget", "memory=10kB", "--inventory", "int8=2"]
    code, out, _ = run(capsys, "explain", path, *options)
    assert code == 3
    assert "INFEASIBLE" in out
    assert "no layout keeps all of these (a smallest set):" in out
    assert "memory <= 10000" in out
    assert "inventory: exactly 2 layers are int8" in out
    assert "12,000 B (12 kB)" in out
    record = json.loads(run(capsys, "explain", path, *options, "--format", "json")[1])
    assert record["nearest"] == {"memory": [None, 12000]}
    assert record["conflict"]["smallest"]


def test_no_value_helps(capsys, path):
    options = ["--inventory", "int8=3", "--budget", "memory=20kB"]
    _, out, _ = run(capsys, "explain", path, *options)
    assert "no value of this budget alone helps" in out


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("conv1", "must be NAME=PRECISION"),
        ("conv9=int8", "no group is named 'conv9'"),
        ("conv1=int2", "must be one of int4, int8"),
    ],
)
def test_wrong_layers(capsys, path, layer, message):
    code, _, err = run(capsys, "explain", path, "--layer", layer)
    assert code == 2
    assert message in err
