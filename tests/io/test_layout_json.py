"""Layouts survive files, and files that do not fit are refused with every fault."""

import json

import pytest

import mpsolve
from mpsolve import Layout, Problem
from mpsolve.io import load_layout, read_layout, save_layout

PROBLEM = Problem.from_arrays(
    [[0.3, 0.1], [0.2, 0.0]],
    {"memory": [[1, 2], [3, 4]], "time": [[0.1, 0.2], [0.3, 0.4]]},
    {"memory": 5},
    layers=["a", "b"],
    precisions=["int4", "int8"],
    name="two layers",
)


def faults(tmp_path, text):
    path = tmp_path / "layout.json"
    path.write_text(text)
    with pytest.raises(mpsolve.InvalidLayoutError) as caught:
        load_layout(path, PROBLEM)
    assert caught.value.where == str(path)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_round_trip(tmp_path):
    layout = Layout(PROBLEM, [0, 1])
    layout.save(tmp_path / "layout.json")
    assert Layout.load(tmp_path / "layout.json", PROBLEM) == layout


def test_what_a_result_proved_is_kept(tmp_path):
    result = mpsolve.solve(PROBLEM)
    path = tmp_path / "layout.json"
    save_layout(result.layout, path, result)
    record = read_layout(path)
    assert record.problem == "two layers"
    assert record.choices == dict(result.layout)
    assert record.loss == result.loss
    assert record.bound == result.bound
    assert record.usage == result.usage
    assert (record.reason, record.method) == ("OPTIMAL", result.method)
    assert json.loads(path.read_text())["abs_gap"] == 0.0


def test_a_loss_of_zero_is_written(tmp_path):
    problem = Problem.from_arrays([[0.0]])
    save_layout(Layout(problem, [0]), tmp_path / "layout.json")
    assert read_layout(tmp_path / "layout.json").loss == 0.0


def test_faults(tmp_path):
    head = '"format": "mpsolve/layout", "version": 1'
    assert "empty" in faults(tmp_path, "")[""]
    assert "mpsolve/layout" in faults(tmp_path, "{}")[""]
    assert faults(tmp_path, f"{{{head}}}") == {"choices": "is missing"}
    found = faults(tmp_path, f'{{{head}, "loss": NaN, "choices": {{"a": 4}}}}')
    assert set(found) == {"loss", "choices['a']"}
    found = faults(tmp_path, f'{{{head}, "choices": {{"a": "fp8", "c": "int4"}}}}')
    assert found == {
        "choices['a']": "must be one of int4, int8. Got 'fp8'",
        "choices['b']": "is missing",
        "choices['c']": "the problem has no group of that name",
    }


def test_many_faults_are_counted(tmp_path):
    problem = Problem.from_arrays([[0.0]] * 100)
    path = tmp_path / "layout.json"
    save_layout(Layout(PROBLEM, [0, 0]), path)
    with pytest.raises(mpsolve.InvalidLayoutError, match="and 52 more"):
        load_layout(path, problem)
