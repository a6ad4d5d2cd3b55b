"""``mpsolve formulate`` and ``mpsolve compare`` on the command line."""

import gzip
import json

import numpy as np
import pytest

import mpsolve
from mpsolve import Problem
from mpsolve.cli import main
from mpsolve.formulate import to_lp, to_mps
from mpsolve.methods import Answer, Capabilities
from mpsolve.result import Reason

pytest.importorskip("ortools")
pytest.importorskip("pulp")

PROBLEM = Problem.from_arrays(
    [[0.3, 0.1], [0.2, 0.0]],
    {"memory": [[1000, 2000], [3000, 4000]]},
    {"memory": 5000},
    layers=["a", "b"],
    precisions=["int4", "int8"],
    name="two layers",
)


@pytest.fixture
def path(tmp_path):
    PROBLEM.save(tmp_path / "p.json")
    return str(tmp_path / "p.json")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_formulate_prints(capsys, path):
    assert run(capsys, "formulate", path, "--to", "lp") == (0, to_lp(PROBLEM).model, "")
    code, out, _ = run(capsys, "formulate", path, "--to", "mps", "--unscaled")
    assert (code, out) == (0, to_mps(PROBLEM, scaled=False).model)


def test_formulate_takes_budgets(capsys, path):
    arguments = ["--to", "lp", "--unscaled", "--budget", "memory=6kB"]
    _, out, _ = run(capsys, "formulate", path, *arguments)
    assert "<= 6000" in out


def test_formulate_writes_files(capsys, path, tmp_path):
    target = tmp_path / "p.lp.gz"
    assert run(capsys, "formulate", path, "--to", "lp", "-o", target) == (0, "", "")
    assert gzip.decompress(target.read_bytes()).decode() == to_lp(PROBLEM).model
    missing = tmp_path / "missing" / "p.lp"
    code, _, err = run(capsys, "formulate", path, "--to", "lp", "-o", missing)
    assert code == 2
    assert "no such f" in err


def test_formulate_for_cp_sat_is_read_back(capsys, path):
    from ortools.sat.python import cp_model

    code, out, _ = run(capsys, "formulate", path, "--to", "cp-sat")
    assert code == 0
    model = cp_model.CpModel()
    assert model.proto.parse_text_format(out)
    solver = cp_model.CpSolver()
    assert solver.solve(model) == cp_model.OPTIMAL
    names = [v.name for v in model.proto.variables]
    chosen = [
        n for n, x in zip(names, solver.response_proto.solution, strict=True) if x
    ]
    assert chosen == ["x.a.int4", "x.b.int8"]


def test_formulate_for_cp_sat_is_always_scaled(capsys, path):
    code, _, err = run(capsys, "formulate", path, "--to", "cp-sat", "--unscaled")
    assert code == 2
    assert "integers only" in err


def test_compare(capsys, path):
    code, out, err = run(capsys, "compare", path, "--methods", "exact,cp_sat,highs")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines()[2:] if line.strip()]
    assert [row[:3] for row in rows] == [
        ["exact", "OPTIMAL", "0.3"],
        ["cp_sat", "OPTIMAL", "0.3"],
        ["highs", "OPTIMAL", "0.3"],
    ]
    assert all(row[-1] == "yes" for row in rows)


def test_compare_takes_all_methods_that_can(capsys, path):
    code, out, _ = run(capsys, "compare", path, "--format", "json")
    answer = json.loads(out)
    assert code == 0
    names = [row["method"] for row in answer["methods"]]
    assert {"exact", "paths", "highs", "cp_sat", "scip", "pulp", "greedy"} <= set(names)
    assert not {"transport", "min_cut", "toulbar2"} & set(names)
    proven = [row for row in answer["methods"] if row["reason"] == "OPTIMAL"]
    best = mpsolve.solve(PROBLEM).loss
    assert all(row["loss"] == pytest.approx(best, rel=1e-12) for row in proven)
    assert all(row["verified"] for row in answer["methods"])


def test_compare_says_what_cannot_be_asked(capsys, path):
    code, out, _ = run(capsys, "compare", path, "--methods", "exact,transport")
    assert code == 0
    assert "cannot solve" in out
    code, _, err = run(capsys, "compare", path, "--methods", "exact,nope")
    assert code == 2
    assert "must be one of auto" in err
    code, _, err = run(capsys, "compare", path, "--methods", ",")
    assert code == 2
    assert "must name a method" in err


def test_compare_refuses_a_wrong_answer(capsys, path, monkeypatch):
    from mpsolve.methods.exact import Exact

    assert Exact.capabilities != Capabilities(proves=False)
    monkeypatch.setattr(
        Exact, "solve", lambda *_: Answer(Reason.OPTIMAL, np.array([1, 1]), 0.1, 0.1)
    )
    code, out, _ = run(capsys, "compare", path, "--methods", "exact,paths")
    assert code == 4
    assert "not feasible" in " ".join(out.split())
    code, out, _ = run(
        capsys, "compare", path, "--methods", "exact,paths", "--format", "json"
    )
    wrong, right = json.loads(out)["methods"]
    assert not wrong["verified"]
    assert "not feasible" in wrong["refused"]
    assert right["verified"]


@pytest.mark.parametrize(
    ("budget", "methods", "code"),
    [("memory=4kB", "exact,greedy", 0), ("memory=3kB", "exact", 3)],
)
def test_compare_exits_by_the_best_answer(capsys, path, budget, methods, code):
    arguments = ["--methods", methods, "--budget", budget]
    assert run(capsys, "compare", path, *arguments)[0] == code
    assert run(capsys, "compare", path, "--methods", "greedy")[0] in (0, 1)
