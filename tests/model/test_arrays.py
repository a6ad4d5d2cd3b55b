"""Problems from arrays: copies, read-only views, and nothing per group."""

import gc
import time

import numpy as np
import pytest

import mpsolve
from mpsolve import Group, Option, Problem

LOSS = np.array([[0.3, 0.1], [0.2, 0.0]])
MEMORY = np.array([[1, 2], [3, 4]])


def test_later_changes_of_the_arrays_do_not_reach_the_problem():
    loss, memory, time_ns = LOSS.copy(), MEMORY.copy(), MEMORY / 8
    problem = Problem.from_arrays(loss, {"memory": memory, "time": time_ns})
    loss[:] = memory[:] = time_ns[:] = 99
    assert problem.loss.tolist() == [0.3, 0.1, 0.2, 0.0]
    assert problem.resources["memory"].usage.tolist() == [1, 2, 3, 4]
    assert problem.resources["time"].value(1000) == 1.0


def test_later_changes_of_other_inputs_do_not_reach_the_problem():
    options = [Option("int4", 0.3, usage := {"memory": 1}), Option("int8", 0.1)]
    budgets, fixed, counts = {"memory": 4}, {"a": "int4"}, {"int4": 1}
    table = np.zeros((2, 2))
    problem = Problem(
        [Group("a", options), Group("b", options)],
        budgets=budgets,
        fixed=fixed,
        inventory=counts,
        couplings=[mpsolve.Coupling("a", "b", table)],
    )
    options.clear()
    usage["memory"] = budgets["memory"] = counts["int4"] = 0
    fixed["a"] = "int8"
    table[:] = 7.0
    assert problem.num_options == 4
    assert problem.resources["memory"].usage.tolist() == [1, 0, 1, 0]
    assert problem.budgets["memory"].upper == 4
    assert dict(problem.fixed) == {0: 0}
    assert problem.inventory == mpsolve.Inventory({"int4": 1})
    assert not problem.couplings[0].table.any()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8])
def test_arrays_cannot_be_written(dtype):
    problem = Problem.from_arrays(LOSS.astype(dtype), {"memory": MEMORY.astype(dtype)})
    arrays = [
        problem.loss,
        problem.offsets,
        problem.codes,
        problem.resources["memory"].usage,
        problem.merged.loss,
        mpsolve.solve(problem).layout.choices,
    ]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_mappings_cannot_be_written():
    problem = Problem.from_arrays(LOSS, {"memory": MEMORY}, {"memory": 5})
    for mapping in (problem.budgets, problem.resources, problem.fixed):
        with pytest.raises(TypeError):
            mapping["x"] = None


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64, np.int64])
def test_integer_usages_stay_integers(dtype):
    problem = Problem.from_arrays(LOSS, {"memory": MEMORY.astype(dtype)}, {"memory": 5})
    assert problem.resources["memory"].usage.dtype == np.int64
    usage = mpsolve.solve(problem).usage["memory"]
    assert type(usage) is int
    assert usage == 5


def test_layouts_of_memory_do_not_matter():
    loss = np.asfortranarray(LOSS)
    memory = np.arange(16).reshape(2, 8)[:, ::4]
    problem = Problem.from_arrays(loss, {"memory": memory})
    assert problem.loss.tolist() == LOSS.ravel().tolist()
    assert problem.resources["memory"].usage.tolist() == memory.ravel().tolist()


def test_groups_and_arrays_make_equal_problems():
    by_arrays = Problem.from_arrays(
        LOSS,
        {"memory": MEMORY},
        {"memory": 5},
        layers=["a", "b"],
        precisions=["int4", "int8"],
    )
    by_groups = Problem(by_arrays.groups, budgets=by_arrays.budgets)
    assert by_groups == by_arrays
    assert hash(by_groups) == hash(by_arrays)
    assert by_groups.width == by_arrays.width == 2
    assert by_groups != by_arrays.with_budgets({"memory": 6})
    assert by_groups != by_arrays.with_budgets({})
    assert by_groups != 3


def test_ragged_groups():
    groups = [
        Group("a", [Option("int8", 0.1, {"time": 1})]),
        Group("b", [Option("int4", 0.2, {"memory": 2}), Option("int8", 0.0)]),
    ]
    problem = Problem(groups)
    assert problem.width is None
    assert problem.offsets.tolist() == [0, 1, 3]
    assert problem.precisions == ("int8", "int4")
    assert problem.codes.tolist() == [0, 1, 0]
    assert problem.precisions_of(1) == ("int4", "int8")
    assert problem.options_of(1) == range(1, 3)
    assert problem.resources["memory"].usage.tolist() == [0, 2, 0]
    assert [dict(o.usage) for o in problem.groups[1].options] == [
        {"time": 0, "memory": 2},
        {"time": 0, "memory": 0},
    ]
    assert [g.name for g in problem.groups[::-1]] == ["b", "a"]


def test_same_options_in_another_order_are_ragged():
    groups = [
        Group("a", [Option("int4", 0.1), Option("int8", 0.0)]),
        Group("b", [Option("int8", 0.0), Option("int4", 0.2)]),
    ]
    assert Problem(groups).width is None
    assert dict(mpsolve.solve(Problem(groups)).layout) == {"a": "int8", "b": "int8"}


@pytest.mark.parametrize(
    "problem",
    [
        Problem([]),
        Problem.from_arrays(np.zeros((0, 3))),
        Problem.from_arrays(np.zeros((0, 0)), {"memory": np.zeros((0, 0), dtype=int)}),
    ],
)
def test_empty_problems(problem):
    assert problem.num_groups == problem.num_options == 0
    assert problem.offsets.tolist() == [0]
    assert list(problem.groups) == []
    assert "0 groups" in repr(problem)


def test_repr_says_what_the_problem_has():
    problem = Problem.from_arrays(
        LOSS,
        {"memory": MEMORY, "time": MEMORY},
        {"memory": 5, "time": (2, 3)},
        ties=[[0, 1]],
        fixed={"layer0": "option0"},
        inventory=mpsolve.at_most({"option0": 2}),
        couplings=[mpsolve.Coupling("layer0", "layer1", np.zeros((2, 2)))],
        maximize=True,
    )
    assert repr(problem) == (
        "Problem(2 groups, 4 options, memory <= 5, time in [2, 3], 1 ties, 1 fixed, "
        "at_most(option0×2), 1 couplings, maximize)"
    )


def test_a_million_groups_cost_one_copy_of_the_arrays():
    rng = np.random.default_rng(0)
    loss = rng.random((1_000_000, 8))
    memory = rng.integers(0, 10**6, (1_000_000, 8))
    times = []
    for _ in range(3):
        gc.collect()
        objects = len(gc.get_objects())
        start = time.perf_counter()
        problem = Problem.from_arrays(loss, {"memory": memory}, {"memory": 10**12})
        times.append(time.perf_counter() - start)
        assert len(gc.get_objects()) - objects < 200
    assert min(times) < 0.5
    assert problem.layers[999_999] == "layer999999"
    assert problem.layers.index("layer999999") == 999_999
    assert problem.layers.are_numbered
    assert len(gc.get_objects()) - objects < 200
