"""The example of a method in a package of its own: found, run, and conforming."""

import importlib
import sys
import tomllib
from pathlib import Path

import pytest

import mpsolve
from mpsolve.cli import main
from mpsolve.errors import InvalidParameterError, MethodUnavailableError
from mpsolve.methods import ENTRY_POINTS, METHODS, get_method, method_names
from mpsolve.testing import assert_conforms

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "swap_search"
PROBLEM = mpsolve.Problem.from_arrays(
    [[0.3, 0.1], [0.2, 0.0]], {"r": [[1, 2], [1, 2]]}, {"r": 3}
)


def install(folder, name, points):
    """Do what an installer does with entry points: a folder beside the sources."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    (about / "METADATA").write_text(metadata)
    lines = [f"{key} = {value}" for key, value in points.items()]
    text = "\n".join([f"[{ENTRY_POINTS}]", *lines, ""])
    (about / "entry_points.txt").write_text(text)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    install(tmp_path, "swap_search", project["entry-points"][ENTRY_POINTS])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    importlib.invalidate_caches()
    yield tmp_path
    sys.modules.pop("swap_search", None)


def test_it_is_found_by_its_entry_point(installed):
    assert list(method_names()) == [*METHODS, "swap_search"]
    result = mpsolve.solve(PROBLEM, "swap_search")
    assert (result.reason, result.limit, result.method) == (
        "FEASIBLE",
        "OTHER",
        "swap_search",
    )
    assert result.loss == mpsolve.solve(PROBLEM, "exact").loss


def test_it_is_not_there_before():
    assert "swap_search" not in method_names()
    with pytest.raises(InvalidParameterError, match="must be one of auto, rearrange"):
        mpsolve.solve(PROBLEM, "swap_search")


def test_it_conforms(installed):
    assert_conforms("swap_search")


def test_it_is_listed(installed, capsys):
    assert main(["methods"]) == 0
    out = capsys.readouterr().out
    assert "swap_search" in out
    assert "an example" in out


def test_one_that_cannot_be_imported_is_listed_with_its_reason(
    tmp_path, monkeypatch, capsys
):
    install(tmp_path, "broken", {"broken": "no_such_module:Method"})
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MethodUnavailableError, match="no_such_module"):
        get_method("broken")
    assert main(["methods"]) == 0
    assert "cannot be imported" in " ".join(capsys.readouterr().out.split())
    assert main(["methods", "--format", "json"]) == 0
    # And it is in nobody's way.
    assert mpsolve.solve(PROBLEM).method == "exact"


def test_a_name_of_mpsolve_stays_mpsolves(tmp_path, monkeypatch):
    install(tmp_path, "thief", {"exact": "no_such_module:Method"})
    monkeypatch.syspath_prepend(str(tmp_path))
    assert mpsolve.solve(PROBLEM, "exact").reason == "OPTIMAL"
    assert list(method_names()) == list(METHODS)


def test_variants_are_for_methods_that_have_them():
    with pytest.raises(InvalidParameterError, match="'exact' has no variants"):
        get_method("exact:fast")
