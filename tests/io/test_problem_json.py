"""Problems survive JSON files: every integer, every bit, every constraint."""

import gzip
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpsolve
from mpsolve import Coupling, Group, Option, Problem
from mpsolve.io import load_problem, save_problem
from mpsolve.io.problem_json import decode_problem, encode_problem

EVERYTHING = Problem(
    [
        Group("a", [Option("x", -0.0, {"memory": 3}), Option("y", 2.5, {"time": 0.1})]),
        Group("b", [Option("x", 1e-300), Option("z", 5e-324)]),
        Group("c", [Option("x", 1 / 3), Option("y", 2**60)]),
        Group("ü\n\"':", [Option("w", 1.0)]),
    ],
    budgets={"memory": (1, 3), "time": 0.25},
    ties=[["a", "c"]],
    fixed={"b": "z"},
    inventory=mpsolve.at_most({"x": 2}),
    couplings=[Coupling("a", "b", [[0.0, math.inf], [-1.5, 0.1]])],
    objective="max",
    max_distinct=3,
    maximize=True,
    units={"memory": "kB", "time": "ms"},
    name="everything",
    source="here",
    licence="MIT",
)


def round_trip(problem):
    return decode_problem(encode_problem(problem))


def test_everything_survives():
    again = round_trip(EVERYTHING)
    assert again == EVERYTHING
    assert again.resources["time"].unit == "ms"
    assert math.copysign(1, again.loss[0]) == -1
    assert again.merged.limits == EVERYTHING.merged.limits


def test_alike_groups_are_written_as_a_table():
    problem = Problem.from_arrays(
        [[0.3, 0.1]] * 3, {"memory": [[1, 2**61]] + [[1, 2]] * 2}
    )
    text = encode_problem(problem).decode()
    assert '"groups"' not in text
    assert '"layers"' not in text  # numbered, so nobody chose them
    assert round_trip(problem) == problem
    assert round_trip(problem).resources["memory"].usage.dtype == np.int64


def test_default_units_need_not_be_written_and_can_be_changed():
    problem = Problem.from_arrays([[1.0]], {"memory": [[5]]}, units={"memory": ""})
    assert round_trip(problem) == problem


finite = st.floats(-1e290, 1e290)
usages = st.one_of(
    st.integers(-(2**50), 2**50).map(float),
    st.decimals(-1000, 1000, places=4, allow_nan=False).map(float),
    st.floats(-1e6, 1e6),
    st.floats(-1e-300, 1e-300),
    st.floats(-1e300, 1e300),
)


@given(st.data(), st.integers(1, 6), st.integers(1, 4))
def test_any_floats_survive(data, num_groups, width):
    rows = st.lists(usages, min_size=width, max_size=width)
    table = st.lists(rows, min_size=num_groups, max_size=num_groups)
    losses = st.lists(
        st.lists(finite, min_size=width, max_size=width),
        min_size=num_groups,
        max_size=num_groups,
    )
    problem = Problem.from_arrays(data.draw(losses), {"r": data.draw(table)})
    again = round_trip(problem)
    assert again.loss.tobytes() == problem.loss.tobytes()
    assert again == problem


@pytest.mark.parametrize("num_groups", [1, 2, 300, 5000])
def test_rounded_usages_keep_their_rounding(num_groups):
    generator = np.random.default_rng(num_groups)
    spread = 10.0 ** generator.integers(-20, 20, (num_groups, 3))
    usage = generator.random((num_groups, 3)) * spread
    usage[0] = [1.0, 1e-30, 0.0]
    problem = Problem.from_arrays(np.zeros((num_groups, 3)), {"r": usage})
    assert problem.resources["r"].rounding
    assert round_trip(problem) == problem


def test_decimal_usages_are_written_as_decimals():
    problem = Problem.from_arrays([[0.0, 0.0]], {"time": [[0.1, 12.25]]}, {"time": 0.3})
    assert problem.resources["time"].scale == Fraction(100)
    assert "[0.1,12.25]" in encode_problem(problem).decode()
    assert round_trip(problem) == problem


@pytest.mark.parametrize("name", ["p.json", "p.json.gz", "p.JSON"])
def test_files(tmp_path, name):
    path = tmp_path / name
    EVERYTHING.save(path)
    assert mpsolve.load(path) == EVERYTHING
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith("gz")


def test_a_byte_order_mark_is_no_fault(tmp_path):
    path = tmp_path / "p.json"
    path.write_bytes(b"\xef\xbb\xbf" + encode_problem(EVERYTHING))
    assert load_problem(path) == EVERYTHING


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(
        mpsolve.InvalidParameterError, match=r"must end in \.json, \.csv"
    ):
        load_problem(tmp_path / "p.yaml")
    with pytest.raises(mpsolve.InvalidParameterError, match=r"p\.txt"):
        save_problem(EVERYTHING, tmp_path / "p.txt")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "p.json"
    path.write_text("old")
    monkeypatch.setattr(
        "os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full"))
    )
    with pytest.raises(OSError, match="disk full"):
        save_problem(EVERYTHING, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["p.json"]


def test_writing_through_a_link_changes_its_target(tmp_path):
    target = tmp_path / "target.json"
    target.write_text("old")
    target.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(target)
    save_problem(EVERYTHING, link)
    assert link.is_symlink()
    assert load_problem(target) == EVERYTHING
    assert target.stat().st_mode & 0o777 == 0o640


def test_no_groups_is_not_written(tmp_path):
    with pytest.raises(mpsolve.InvalidProblemError, match="at least one group"):
        save_problem(Problem([]), tmp_path / "p.json")


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        save_problem(EVERYTHING, tmp_path / "missing" / "p.json")


def test_gz_that_is_none(tmp_path):
    path = tmp_path / "p.json.gz"
    path.write_bytes(b"{}")
    with pytest.raises(mpsolve.InvalidProblemError, match="must be a gzip file"):
        load_problem(path)
    path.write_bytes(gzip.compress(encode_problem(EVERYTHING))[:-10])
    with pytest.raises(mpsolve.InvalidProblemError, match="must be a gzip file"):
        load_problem(path)


def test_explicit_defaults_are_read(tmp_path):
    text = (
        '{"format": "mpsolve/problem", "version": 1, "maximize": false, "ties": [],'
        ' "inventory": null, "precisions": ["x"], "loss": [[1]], "usage": {"m": [[2]]}}'
    )
    problem = decode_problem(text.encode())
    assert problem.resources["m"].usage.tolist() == [2]
