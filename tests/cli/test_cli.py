"""The command line: what it prints, where, and how it exits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mpsolve
from mpsolve import Layout, Problem, instances
from mpsolve.cli import main
from mpsolve.instances import hawq
from mpsolve.result import Limit, Reason, Result

PROBLEM = Problem.from_arrays(
    [[0.3, 0.1], [0.2, 0.0]],
    {"memory": [[1000, 2000], [3000, 4000]], "time": [[0.1, 0.2], [0.3, 0.4]]},
    {"memory": 5000},
    layers=["a", "b"],
    precisions=["int4", "int8"],
    units={"time": "ms"},
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


def test_solve(capsys, path):
    code, out, err = run(capsys, "solve", path)
    assert (code, err) == (0, "")
    assert "OPTIMAL: proven" in out
    assert "≤ 5,000 B (5 kB)" in out
    assert "100 %" in out
    assert "more would save about" in out
    assert max(map(len, out.splitlines())) <= 100


def test_solve_as_json(capsys, path):
    code, out, _ = run(capsys, "solve", path, "--format", "json", "--rel-gap", 0)
    answer = json.loads(out)
    assert code == 0
    assert answer["problem"] == "two layers"
    assert answer["layout"] == dict(mpsolve.solve(PROBLEM).layout)
    assert answer["rel_gap"] == 0


def test_budgets_of_the_command_line(capsys, path):
    options = ["--format", "json", "--budget"]
    answer = json.loads(run(capsys, "solve", path, *options, "memory=4kB")[1])
    assert answer["usage"]["memory"] == 4000
    answer = json.loads(run(capsys, "solve", path, *options, "memory=100%")[1])
    assert answer["usage"]["memory"] == 6000
    answer = json.loads(run(capsys, "solve", path, *options, "memory=none")[1])
    assert answer["usage"]["memory"] == 6000
    both = ["memory=none", "--budget", "time=0.5"]
    answer = json.loads(run(capsys, "solve", path, *options, *both)[1])
    assert answer["usage"]["time"] == 0.5


def test_infeasible_says_why(capsys, path, tmp_path):
    output = tmp_path / "l.json"
    arguments = ["--budget", "memory=3999", "--output", output]
    code, out, err = run(capsys, "solve", path, *arguments)
    assert code == 3
    text = " ".join(out.split())
    assert "memory ≤ 3,999 B (4 kB): no layout can keep it" in text
    assert "the smallest reachable total is 4,000 B" in text
    assert "was not written, there is no layout" in err
    assert not output.exists()


def test_infeasible_between_reachable_totals(capsys, path):
    code, out, _ = run(capsys, "solve", path, "--budget", "memory=4100:4900")
    assert code == 3
    assert "the nearest are 4000 and 5000" in out


def test_heuristics_are_not_proven(capsys, path):
    code, out, _ = run(capsys, "solve", path, "--method", "greedy")
    assert code == 1
    assert "FEASIBLE: the best found" in out


def test_output_and_check(capsys, path, tmp_path):
    output = tmp_path / "l.json"
    assert run(capsys, "solve", path, "--output", output, "--quiet") == (0, "", "")
    code, out, _ = run(capsys, "check", path, output)
    assert code == 0
    assert "keeps it all" in out
    code, out, _ = run(capsys, "check", path, output, "--budget", "memory=4500")
    assert code == 3
    assert "memory: 5000 is not <= 4500" in out
    record = json.loads(run(capsys, "check", path, output, "--format", "json")[1])
    assert record["ok"]
    assert record["loss"] == mpsolve.solve(PROBLEM).loss


def test_check_holds_a_file_to_its_claims(capsys, path, tmp_path):
    output = tmp_path / "l.json"
    Layout(PROBLEM, [0, 0]).save(output)
    record = json.loads(output.read_text())
    record["loss"] = 0.1
    record["usage"] = {"memory": 4000, "power": 3}
    output.write_text(json.dumps(record))
    code, out, _ = run(capsys, "check", path, output)
    assert code == 3
    assert "the file says the loss is 0.1; it is 0.5" in out
    assert "the usage of power is 3; it is None" in out
    assert "the usage of memory" not in out


def test_check_refuses_another_problems_layout(capsys, path, tmp_path):
    instances.published("resnet18-bops-50").save(tmp_path / "l.json")
    code, out, err = run(capsys, "check", path, tmp_path / "l.json")
    assert (code, out) == (2, "")
    assert "choices['a']: is missing" in err


def test_show(capsys, path):
    code, out, _ = run(capsys, "show", path, "--budget", "time=0.45")
    assert code == 0
    for text in ("two layers", "budget ≤", "50 %", "exact, × 10", "brute_force"):
        assert text in out
    record = json.loads(run(capsys, "show", path, "--format", "json")[1])
    assert record["resources"]["memory"]["largest"] == 6000
    assert record["methods"]["exact"]["can_solve"]
    _, out, _ = run(capsys, "show", path, "--budget", "memory=1kB")
    assert "no layout can keep it" in out


def test_show_everything(capsys, tmp_path):
    problem = Problem(
        [
            mpsolve.Group("a", [mpsolve.Option("x", 1, {"m": 1 / 3})]),
            mpsolve.Group(
                "b",
                [mpsolve.Option("x", 2, {"m": 1e-30}), mpsolve.Option("y", 0)],
            ),
        ],
        budgets={"m": (0.1, 0.1)},
        ties=[["a", "b"]],
        fixed={"a": "x"},
        inventory={"x": 2},
        couplings=[mpsolve.Coupling("a", "b", [[0, 1]])],
        maximize=True,
        source="[brackets] are not markup",
    )
    problem.save(tmp_path / "p.json")
    code, out, _ = run(capsys, "show", tmp_path / "p.json")
    assert code == 0
    for text in (
        "[brackets] are not markup",
        "the largest gain",
        "a = b",
        "a as x",
        "exactly 2 × x",
        "budget =",
        "rounded, totals ±",
        "no layout can keep it",
    ):
        assert text in out


def test_methods(capsys):
    code, out, _ = run(capsys, "methods")
    assert code == 0
    assert "exact" in out
    records = json.loads(run(capsys, "methods", "--format", "json")[1])["methods"]
    exact = next(record for record in records if record["name"] == "exact")
    assert "progress" in exact["parameters"]


def test_demo(capsys):
    code, out, _ = run(capsys, "demo", "--runs", 1, "--format", "json")
    assert code == 0
    outcomes = json.loads(out)["instances"]
    assert sum(outcome["published_is_optimal"] for outcome in outcomes) == 17


def test_shipped_instances_by_file_and_by_name(capsys):
    file = hawq.path("resnet50")
    arguments = ["--budget", "memory=25%", "--format", "json"]
    by_file = json.loads(run(capsys, "solve", file, *arguments)[1])
    arguments = ["resnet50-memory-25", "--format", "json"]
    by_name = json.loads(run(capsys, "solve", *arguments)[1])
    assert by_file["layout"] == by_name["layout"]
    assert by_file["loss"] == by_name["loss"]


def test_large_layouts_are_cut(capsys, tmp_path):
    Problem.from_arrays(np.zeros((100, 1))).save(tmp_path / "p.json")
    _, out, _ = run(capsys, "solve", tmp_path / "p.json")
    assert "… 60 more (--all)" in out
    assert "layer99" in out
    assert "layer50" not in out
    _, out, _ = run(capsys, "solve", tmp_path / "p.json", "--all")
    assert "layer50" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["solve", "no-such-instance"], "nor an instance of that name"),
        (["solve", "none.json"], "none.json: no such file"),
        (["solve", "p.yaml"], "must end in .json"),
        (["solve", "{path}", "--budget", "memory"], "such as memory=12MB"),
        (["solve", "{path}", "--budget", "memry=3"], "Known are: memory, time"),
        (["solve", "{path}", "--budget", "memory=3s"], "kB, MB"),
        (["solve", "{path}", "--time-limit", "soon"], "Got 'soon'"),
        (["solve", "{path}", "--memory-limit", "2s"], "GiB"),
        (["solve", "{path}", "--rel-gap", "-1"], "rel_gap must be"),
        (["solve", "{path}", "--method", "cplex"], "one of auto, rearrange"),
        (
            ["solve", "{path}", "--output", "none/l.json"],
            "none: no such file or folder",
        ),
        (["check", "{path}", "{path}"], "mpsolve/layout"),
        (["demo", "--runs", "0"], ">= 1. Got '0'"),
        ([], "COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
    ],
)
def test_bad_input_is_one_message(capsys, path, arguments, message):
    code, out, err = run(capsys, *(a.format(path=path) for a in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_faulty_file_lists_its_faults(capsys, tmp_path):
    path = tmp_path / "p.json"
    path.write_text('{"format": "mpsolve/problem", "version": 1, "loss": [[NaN]]}')
    code, _, err = run(capsys, "solve", path)
    assert code == 2
    assert "2 faults" in err
    assert "loss[0][0]: must be a finite number. Got NaN" in err


@pytest.mark.parametrize("command", ["solve", "check", "show", "methods", "demo"])
def test_help_has_an_example_and_the_exit_codes(capsys, command):
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert f"mpsolve {command}" in out
    assert "example:" in out
    assert "130  interrupted" in out


def test_version(capsys):
    assert run(capsys, "--version")[:2] == (0, f"mpsolve {mpsolve.__version__}\n")


@pytest.mark.parametrize(
    ("reason", "limit", "code"),
    [
        (Reason.NO_SOLUTION_FOUND, Limit.TIME, 4),
        (Reason.NO_SOLUTION_FOUND, Limit.INTERRUPTED, 130),
        (Reason.INFEASIBLE, None, 3),
    ],
)
def test_exit_codes_without_a_layout(capsys, monkeypatch, path, reason, limit, code):
    result = Result(reason=reason, method="exact", bound=0.0, limit=limit)
    monkeypatch.setattr("mpsolve.solve", lambda *_, **__: result)
    assert run(capsys, "solve", path)[0] == code


def test_interrupt_while_reading(capsys, monkeypatch, path):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mpsolve.io.load_problem", interrupt)
    code, _, err = run(capsys, "solve", path)
    assert code == 130
    assert "interrupted" in err


def test_an_answer_that_fails_the_check_is_called_a_bug(capsys, monkeypatch, path):
    def lie(*_, **__):
        msg = "the bound lies"
        raise mpsolve.VerificationError(msg)

    monkeypatch.setattr("mpsolve.solve", lie)
    code, _, err = run(capsys, "solve", path)
    assert code == 4
    assert "This is a bug" in err


def process(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "mpsolve", *arguments],
        capture_output=True,
        check=False,
        cwd=Path(mpsolve.__file__).parents[1],
        env={**os.environ, **environment},
    )


def test_a_console_without_unicode_still_works():
    done = process("show", "resnet18-bops-50", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs /dev/full and pipes")
def test_a_closed_pipe_is_silent():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "mpsolve", "solve", "resnet50-memory-25"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        cwd=Path(mpsolve.__file__).parents[1],
    )
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""


def test_worst_loss_and_few_precisions(capsys, path):
    solve = ["solve", path, "--format", "json", "--budget", "memory=none"]
    answer = json.loads(run(capsys, *solve, "--objective", "max")[1])
    assert (answer["method"], answer["loss"]) == ("bottleneck", 0.1)
    assert answer["total"] == 0.1
    answer = json.loads(run(capsys, *solve, "--max-distinct", "1")[1])
    assert answer["method"] == "few_precisions"
    code, out, _ = run(capsys, "solve", path, "--objective", "max")
    assert code == 0
    assert "worst loss" in out
    assert "total loss" in out
    problem = PROBLEM.with_constraints(objective="max", max_distinct=2)
    problem.save(path)
    out = " ".join(run(capsys, "show", path)[1].split())
    assert "the least worst loss of any layer" in out
    assert "at most 2 precisions" in out
    assert "solved by bottleneck" in out
    assert "exact: a limit of 2 different precisions; the objective 'max'" in out
    code, _, err = run(capsys, "solve", path, "--max-distinct", "0")
    assert code == 2
    assert "must be an integer >= 1" in err


def test_export(capsys, tmp_path):
    PROBLEM.save(tmp_path / "p.json")
    run(capsys, "solve", tmp_path / "p.json", "--output", tmp_path / "l.json")
    arguments = ["export", tmp_path / "l.json", "--to", "mlx"]
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert "choices['a']: mlx cannot express" in err
    arguments += ["--meaning", "int4=int4g64", "--meaning", 'int8={"bits": 8}']
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert json.loads(out)["quantization"]["a"] in (
        {"bits": 4, "group_size": 64, "mode": "affine"},
        {"bits": 8},
    )
    code, out, _ = run(capsys, *arguments, "-o", tmp_path / "mlx.json")
    assert (code, "2 layers for mlx" in out) == (0, True)
    assert "quantization" in json.loads((tmp_path / "mlx.json").read_text())


def test_export_of_groups_with_members_and_options(capsys, tmp_path):
    PROBLEM.save(tmp_path / "p.json")
    run(capsys, "solve", tmp_path / "p.json", "--output", tmp_path / "l.json")
    (tmp_path / "m.json").write_text('{"a": ["a.q_proj", "a.k_proj", "a.v_proj"]}')
    options = ["--members", tmp_path / "m.json", "--option", 'engine="vllm"']
    code, out, _ = run(
        capsys, "export", tmp_path / "l.json", "--to", "gptqmodel", *options
    )
    assert code == 0
    assert r"+:^a\.qkv_proj$" in json.loads(out)["dynamic"]
    (tmp_path / "m.json").write_text("[]")
    code, _, err = run(
        capsys, "export", tmp_path / "l.json", "--to", "gptqmodel", *options
    )
    assert (code, "must be an object" in err) == (2, True)
    code, _, err = run(
        capsys, "export", tmp_path / "l.json", "--to", "mlx", "--option", "x=y"
    )
    assert (code, "is not JSON" in err) == (2, True)
