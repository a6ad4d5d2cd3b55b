"""Layouts."""

import numpy as np
import pytest

from mpsolve import Group, InvalidLayoutError, Layout, Option, Problem

PROBLEM = Problem(
    [
        Group("a", [Option("int4", 0.0), Option("int8", 0.0)]),
        Group("b", [Option("int8", 0.0)]),
        Group("c", [Option("fp16", 0.0), Option("int4", 0.0), Option("int8", 0.0)]),
    ]
)


def test_a_mapping_from_layers_to_precisions():
    layout = Layout(PROBLEM, [1, 0, 1])
    assert dict(layout) == {"a": "int8", "b": "int8", "c": "int4"}
    assert layout["c"] == "int4"
    assert list(layout) == ["a", "b", "c"]
    assert len(layout) == 3
    assert "b" in layout
    assert "d" not in layout
    with pytest.raises(KeyError):
        layout["d"]
    assert layout.counts() == {"int8": 2, "int4": 1}
    assert layout.flat.tolist() == [1, 2, 4]
    assert repr(layout) == "Layout(3 groups: int4×1, int8×2)"


def test_equality():
    layout = Layout(PROBLEM, [1, 0, 1])
    assert layout == Layout(PROBLEM, np.array([1, 0, 1], dtype=np.uint8))
    assert layout != Layout(PROBLEM, [1, 0, 2])
    assert layout == {"a": "int8", "b": "int8", "c": "int4"}
    assert hash(layout) == hash(Layout(PROBLEM, [1, 0, 1]))
    assert layout == Layout(Problem(PROBLEM.groups), [1, 0, 1])


def test_names_round_trip():
    layout = Layout(PROBLEM, [1, 0, 2])
    assert Layout.from_names(PROBLEM, layout) == layout


def test_later_changes_of_the_choices_do_not_reach_the_layout():
    choices = np.array([1, 0, 1])
    layout = Layout(PROBLEM, choices)
    choices[:] = 0
    assert layout.choices.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("choices", "path", "message"),
    [
        ([1, 0], "choices", "3 integers, one for each group. Got shape (2,)"),
        ([[1, 0, 1]], "choices", "Got shape (1, 3)"),
        ([1.0, 0.0, 1.0], "choices", "of float64"),
        ([], "choices", "Got shape (0,)"),
        ([1, 1, 1], "choices[1]", "'b' has 1 options. Got 1"),
        ([0, -1, 0], "choices[1]", "Got -1"),
        ([0, 0, 2**40], "choices[2]", f"Got {2**40}"),
    ],
)
def test_wrong_choices(choices, path, message):
    with pytest.raises(InvalidLayoutError) as caught:
        Layout(PROBLEM, choices)
    assert caught.value.faults[0].path == path
    assert message in caught.value.faults[0].message


def test_wrong_names_are_reported_together():
    with pytest.raises(InvalidLayoutError) as caught:
        Layout.from_names(PROBLEM, {"a": "fp64", "c": "int4", "d": "int4"})
    faults = {fault.path: fault.message for fault in caught.value.faults}
    assert faults == {
        "choices['a']": "must be one of int4, int8. Got 'fp64'",
        "choices['b']": "is missing",
        "choices['d']": "the problem has no group of that name",
    }


def test_the_empty_layout():
    layout = Layout(Problem([]), [])
    assert dict(layout) == {}
    assert layout.counts() == {}
