"""The runner that compares all methods: its summary, and its exit code."""

import sys

import pytest

pytest.importorskip("ortools")
pytest.importorskip("pulp")

from benchmarks.agreement.__main__ import main


def test_agreement_is_reported(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["agreement", "--count", "3", "--first", "6"])
    assert main() == 0
    out = capsys.readouterr().out
    assert "3 problems, 0 contradictions" in out
    assert out.count("OPTIMAL") + out.count("INFEASIBLE") >= 6


def test_a_contradiction_is_an_exit_code(monkeypatch, capsys):
    from benchmarks.agreement import __main__ as runner

    arguments = ["agreement", "--count", "1", "--methods", "paths"]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(runner, "disagreements", lambda *_: ["it is wrong"])
    assert runner.main() == 1
    assert "it is wrong" in capsys.readouterr().out
