"""``mpsolve front``: tables, files and pictures of a front."""

import csv
import io
import json

import numpy as np
import pytest

import mpsolve
from mpsolve.cli import main
from mpsolve.model.generate import mixed_precision
from mpsolve.report import front_plot


@pytest.fixture
def problem():
    return mixed_precision(12, 4, seed=1).with_budgets({})


@pytest.fixture
def path(tmp_path, problem):
    problem.save(tmp_path / "p.json")
    return str(tmp_path / "p.json")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_table(capsys, path, problem):
    front = mpsolve.front(problem, "memory")
    code, out, err = run(capsys, "front", path)
    assert (code, err) == (0, "")
    assert f"{len(front):,}, {front.is_supported.sum()} supported" in out
    assert f"{front[0].usage:,} B" in out
    assert f"{front[len(front) - 1].usage:,} B" in out
    assert "--all" in out
    assert max(map(len, out.splitlines())) <= 100
    assert len(run(capsys, "front", path, "--all")[1].splitlines()) > len(front)


def test_csv_and_json_hold_every_point(capsys, path, problem, tmp_path):
    front = mpsolve.front(problem, "memory")
    _, out, _ = run(capsys, "front", path, "--format", "csv")
    header, *rows = csv.reader(io.StringIO(out))
    assert header == ["memory", "loss", "supported"]
    assert [int(row[0]) for row in rows] == front.usage.tolist()
    assert [float(row[1]) for row in rows] == front.loss.tolist()
    written = tmp_path / "front.json"
    code, out, _ = run(capsys, "front", path, "--format", "json", "--output", written)
    assert (code, out) == (0, "")
    record = json.loads(written.read_text())
    assert record["usage"] == front.usage.tolist()
    assert record["supported"] == front.is_supported.tolist()
    assert record["complete"]
    run(capsys, "front", path, "--output", written)
    assert "supported" in written.read_text()


def test_epsilon_and_window(capsys, path, problem):
    low, high = (int(v) for v in np.quantile(problem.reachable("memory"), [0.3, 0.6]))
    options = ["--within", f"{low}:{high}", "--format", "json"]
    exact = json.loads(run(capsys, "front", path, *options)[1])
    assert low <= exact["usage"][0] < exact["usage"][-1] <= high
    rough = json.loads(run(capsys, "front", path, *options, "--epsilon", 0.1)[1])
    assert 0 < len(rough["usage"]) < len(exact["usage"])


def test_plot(capsys, path, tmp_path):
    pytest.importorskip("matplotlib")
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    for suffix, start in starts.items():
        picture = tmp_path / f"front.{suffix}"
        budget = ["--budget", "memory=60%"]
        assert run(capsys, "front", path, "--plot", picture, *budget)[0] == 0
        assert picture.read_bytes().startswith(start)


def test_a_picture_that_cannot_be_drawn_is_named_first(
    capsys, path, tmp_path, monkeypatch
):
    code, out, err = run(capsys, "front", path, "--plot", tmp_path / "front.doc")
    assert (code, out) == (2, "")
    assert ".png, .pdf, .svg" in err
    monkeypatch.setattr(front_plot, "find_spec", lambda name: None)
    code, _, err = run(capsys, "front", path, "--plot", tmp_path / "front.png")
    assert code == 2
    assert "mpsolve[plot]" in err


def test_which_resource(capsys, tmp_path):
    problem = mpsolve.Problem.from_arrays(
        [[1.0, 0.0]], {"memory": [[1, 2]], "time": [[1, 2]]}
    )
    problem.save(tmp_path / "p.json")
    code, _, err = run(capsys, "front", tmp_path / "p.json")
    assert code == 2
    assert "--resource must name one of the problem's resources: memory, time" in err
    assert run(capsys, "front", tmp_path / "p.json", "--resource", "time")[0] == 0


def test_limits_and_infeasible(capsys, path, tmp_path):
    code, out, _ = run(capsys, "front", path, "--budget", "memory=1")
    assert code == 3
    assert "no layout" in out
    mixed_precision(300, 8, seed=2).save(tmp_path / "large.json")
    options = ["--time-limit", "100ms", "--budget", "memory=none"]
    code, out, _ = run(capsys, "front", tmp_path / "large.json", *options)
    assert code == 1
    assert "TIME" in out


def test_inventory_of_the_command_line(capsys, tmp_path):
    problem = mpsolve.Problem.from_arrays(
        [[3.0, 1.0, 0.0]] * 5, precisions=["fp16", "fp32", "fp64"]
    )
    problem.save(tmp_path / "p.json")
    solve = ["solve", tmp_path / "p.json", "--format", "json"]
    counts = ["--inventory", "fp64=1,fp32=2,fp16=2"]
    assert json.loads(run(capsys, *solve, *counts)[1])["loss"] == 8
    answer = json.loads(run(capsys, *solve, "--at-most", "fp64=1,fp32=4")[1])
    assert answer["loss"] == 4
    bound = problem.with_constraints(inventory={"fp16": 5})
    bound.save(tmp_path / "p.json")
    assert json.loads(run(capsys, *solve)[1])["loss"] == 15
    assert json.loads(run(capsys, *solve, "--inventory", "none")[1])["loss"] == 0


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ("fp64", "must be PRECISION=COUNT"),
        ("fp64=-1", "must be PRECISION=COUNT"),
        ("fp64=1,fp64=2", "must be PRECISION=COUNT"),
        ("int3=1", "no layer has a precision 'int3'"),
    ],
)
def test_wrong_inventories(capsys, path, counts, message):
    code, _, err = run(capsys, "solve", path, "--inventory", counts)
    assert code == 2
    assert message in err
