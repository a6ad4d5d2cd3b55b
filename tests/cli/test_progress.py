"""The live line: only for long searches, only on a terminal."""

import io

import pytest
from rich.console import Console

from mpsolve import instances
from mpsolve.cli import progress
from mpsolve.cli.progress import ProgressLine
from mpsolve.cli.solve import _reports_progress


@pytest.fixture
def console():
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def test_short_searches_show_nothing(console):
    with ProgressLine(console) as line:
        line(1.0, 0.5, 10)
    assert console.file.getvalue() == ""


def test_long_searches_show_where_they_are(console, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BEFORE", 0.0)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0.0)
    with ProgressLine(console) as line:
        line(None, 0.25, 10)
        line(1.0, 0.75, 12_345)
    shown = console.file.getvalue()
    assert "no layout yet" in shown
    assert "loss 1" in shown
    assert "gap 2.5e-01" in shown
    assert "12,345 labels" in shown


def test_gains_are_called_so(console, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BEFORE", 0.0)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN", 0.0)
    with ProgressLine(console, maximize=True) as line:
        line(4.0, 5.0, 1)
    assert "gain 4" in console.file.getvalue()
    assert "bound 5" in console.file.getvalue()


def test_which_methods_report_progress():
    problem = instances.load("resnet18-bops-50")
    assert _reports_progress(problem, "exact")
    assert _reports_progress(problem, "auto")
    assert not _reports_progress(problem, "brute_force")
