"""Every way to get a problem wrong is said with its place and value."""

import numpy as np
import pytest

from mpsolve import (
    Budget,
    Coupling,
    Group,
    InvalidProblemError,
    Inventory,
    MPSolveError,
    Option,
    Problem,
)

LOSS = [[0.3, 0.1], [0.2, 0.0]]
USAGE = {"memory": [[1, 2], [3, 4]]}
GROUPS = [
    Group(
        "a", [Option("int4", 0.3, {"memory": 1}), Option("int8", 0.1, {"memory": 2})]
    ),
    Group(
        "b", [Option("int4", 0.2, {"memory": 3}), Option("fp16", 0.0, {"memory": 4})]
    ),
]

nan, inf = float("nan"), float("inf")


def faults_of(build, *args, **kwargs):
    with pytest.raises(InvalidProblemError) as caught:
        build(*args, **kwargs)
    return {fault.path: fault.message for fault in caught.value.faults}


ARRAY_FAULTS = {
    "ragged loss": (
        {"loss": [[0.1, 0.2], [0.3]]},
        "loss",
        "Row 0 has 2 options and row 1 has 1",
    ),
    "nan loss": ({"loss": [[0.1, nan], [0.2, 0.3]]}, "loss[0, 1]", "Got nan"),
    "infinite loss": ({"loss": [[0.1, 0.2], [-inf, 0.3]]}, "loss[1, 0]", "Got -inf"),
    "flat loss": ({"loss": [0.1, 0.2]}, "loss", "two-dimensional"),
    "deep loss": ({"loss": np.zeros((2, 2, 2))}, "loss", "Got shape (2, 2, 2)"),
    "no options": ({"loss": np.zeros((2, 0)), "usage": {}}, "loss", "Got shape (n, 0)"),
    "text loss": ({"loss": [["a", "b"]]}, "loss", "array of numbers. Got dtype <U1"),
    "boolean loss": ({"loss": [[True, False]]}, "loss", "Got dtype bool"),
    "complex loss": ({"loss": [[1j, 0]]}, "loss", "Got dtype complex128"),
    "object loss": (
        {"loss": [[0.1, None], [0.2, 0.3]]},
        "loss",
        "[0, 1] must be a num",
    ),
    "huge loss": ({"loss": [[10**400, 0.2]]}, "loss", "finite as a float"),
    "usage shape": (
        {"usage": {"memory": [[1, 2]]}},
        "usage['memory']",
        "shape of loss, (2, 2). Got (1, 2)",
    ),
    "no usage": (
        {"usage": {"memory": np.zeros((0, 2), dtype=int)}},
        "usage['memory']",
        "shape of loss, (2, 2). Got (0, 2)",
    ),
    "nan usage": (
        {"usage": {"memory": [[1.0, nan], [2.0, 3.0]]}},
        "usage['memory'][0, 1]",
        "must be finite. Got nan",
    ),
    "usage above int64": (
        {"usage": {"memory": [[1, 2], [3, 2**63]]}},
        "usage['memory'][1, 1]",
        f"within ±(2^63 - 1). Got {2**63}",
    ),
    "usage above uint64": (
        {"usage": {"memory": [[1, 2], [3, 2**70]]}},
        "usage['memory']",
        f"[1, 1] must be within ±(2^63 - 1). Got {2**70}",
    ),
    "total of 2^62": (
        {"usage": {"memory": [[0, 2**61], [0, 2**61]]}},
        "usage['memory']",
        "below 2^62",
    ),
    "negative total of 2^62": (
        {"usage": {"memory": [[0, -(2**61)], [0, -(2**61)]]}},
        "usage['memory']",
        "below 2^62",
    ),
    "too few layers": ({"layers": ["a"]}, "layers", "the 2 rows of loss. Got 1"),
    "same layer": ({"layers": ["a", "a"]}, "layers[1]", "'a' is already layers[0]"),
    "empty layer": ({"layers": ["a", ""]}, "layers[1]", "must be a name. Got ''"),
    "layer of no text": ({"layers": ["a", 3]}, "layers[1]", "must be a name. Got 3"),
    "same precision": (
        {"precisions": ["int4", "int4"]},
        "precisions[1]",
        "'int4' is already precisions[0]",
    ),
    "unknown unit": ({"units": {"time": "s"}}, "units['time']", "no option uses"),
    "unknown budget": (
        {"budgets": {"time": 3}},
        "budgets['time']",
        "no option uses that resource. Known are: memory",
    ),
    "nan budget": ({"budgets": {"memory": nan}}, "budgets['memory']", "Got nan"),
    "text budget": ({"budgets": {"memory": "7"}}, "budgets['memory']", "Got '7'"),
    "boolean budget": ({"budgets": {"memory": True}}, "budgets['memory']", "Got True"),
    "crossed budget": (
        {"budgets": {"memory": (5, 4)}},
        "budgets['memory']",
        "the lower side 5 is above the upper side 4",
    ),
    "crossed Budget": (
        {"budgets": {"memory": Budget(5, 4)}},
        "budgets['memory']",
        "the lower side 5 is above the upper side 4",
    ),
    "long budget": (
        {"budgets": {"memory": (1, 2, 3)}},
        "budgets['memory']",
        "(lower, upper). Got (1, 2, 3)",
    ),
    "unknown tie": ({"ties": [["layer0", "x"]]}, "ties[0][1]", "no group is named 'x'"),
    "tie out of range": ({"ties": [[0, 2]]}, "ties[0][1]", "no group is named 2"),
    "tie of text": ({"ties": ["layer0"]}, "ties[0]", "must be a list of groups"),
    "unknown fixed": ({"fixed": {"x": "option0"}}, "fixed['x']", "no group is named"),
    "unknown fixed option": (
        {"fixed": {"layer0": "int2"}},
        "fixed['layer0']",
        "must be one of option0, option1. Got 'int2'",
    ),
    "tied and fixed apart": (
        {
            "ties": [["layer0", "layer1"]],
            "fixed": {"layer0": "option0", "layer1": "option1"},
        },
        "fixed",
        "tied groups are fixed to different options",
    ),
    "unknown inventory": (
        {"inventory": {"int2": 1}},
        "inventory",
        "no layer has a precision 'int2'. Known are: option0, option1",
    ),
    "negative inventory": (
        {"inventory": {"option0": -1}},
        "inventory",
        "the count of 'option0' must be an int >= 0. Got -1",
    ),
    "fractional inventory": (
        {"inventory": Inventory({"option0": 1.5})},
        "inventory",
        "Got 1.5",
    ),
    "inventory of text": ({"inventory": "fp16"}, "inventory", "mapping of counts"),
    "unknown coupling": (
        {"couplings": [Coupling("layer0", "x", [[0, 1], [1, 0]])]},
        "couplings[0].second",
        "no group is named 'x'",
    ),
    "coupling with itself": (
        {"couplings": [Coupling("layer0", "layer0", [[0, 1], [1, 0]])]},
        "couplings[0]",
        "joins 'layer0' with itself",
    ),
    "coupling's shape": (
        {"couplings": [Coupling("layer0", "layer1", [[0.0, 1.0]])]},
        "couplings[0].table",
        "must have shape (2, 2)",
    ),
    "coupling of nan": (
        {"couplings": [Coupling("layer0", "layer1", [[0, nan], [0, 0]])]},
        "couplings[0].table",
        "[0, 1] must be finite or inf. Got nan",
    ),
    "coupling of -inf": (
        {"couplings": [Coupling("layer0", "layer1", [[0, 0], [-inf, 0]])]},
        "couplings[0].table",
        "[1, 0] must be finite or inf. Got -inf",
    ),
    "no coupling": (
        {"couplings": ["x"]},
        "couplings[0]",
        "must be a Coupling. Got str",
    ),
}


@pytest.mark.parametrize("case", ARRAY_FAULTS)
def test_arrays(case):
    changes, path, message = ARRAY_FAULTS[case]
    faults = faults_of(Problem.from_arrays, **{"loss": LOSS, "usage": USAGE, **changes})
    assert path in faults, faults
    assert message in faults[path]


def group(*options):
    return [Group("a", [Option("int4", 0.0), *options])]


GROUP_FAULTS = {
    "no group": (["a"], "groups[0]", "must be a Group. Got str"),
    "no option": ([Group("a", [])], "groups[0].options", "'a' has no option"),
    "not an option": (
        group(0.5),
        "groups[0].options[1]",
        "must be an Option. Got float",
    ),
    "same group": (GROUPS + GROUPS[:1], "groups[2]", "'a' is already groups[0]"),
    "empty group name": ([Group("", GROUPS[0].options)], "groups[0]", "must be a name"),
    "same option": (
        group(Option("int4", 1.0)),
        "groups[0].options[1].precision",
        "'int4' is already the name of options[0]",
    ),
    "no precision": (
        group(Option("", 1.0)),
        "groups[0].options[1].precision",
        "must be a name. Got ''",
    ),
    "nan loss": (group(Option("x", nan)), "groups[0].options[1].loss", "Got nan"),
    "text loss": (group(Option("x", "1")), "groups[0].options[1].loss", "Got '1'"),
    "boolean loss": (group(Option("x", True)), "groups[0].options[1].loss", "Got True"),
    "infinite usage": (
        group(Option("x", 1.0, {"memory": inf})),
        "groups[0].options[1].usage['memory']",
        "must be finite. Got inf",
    ),
    "usage above int64": (
        group(Option("x", 1.0, {"memory": 2**63})),
        "groups[0].options[1].usage['memory']",
        f"Got {2**63}",
    ),
    "usage of 10^400": (
        group(Option("x", 1.0, {"memory": 10**400})),
        "groups[0].options[1].usage['memory']",
        "an integer of 401 digits",
    ),
}


@pytest.mark.parametrize("case", GROUP_FAULTS)
def test_groups(case):
    groups, path, message = GROUP_FAULTS[case]
    faults = faults_of(Problem, groups)
    assert path in faults, faults
    assert message in faults[path]


def test_ties_need_a_common_precision():
    groups = [Group("a", [Option("int4", 0.0)]), Group("b", [Option("fp16", 0.0)])]
    faults = faults_of(Problem, groups, ties=[["a", "b"]])
    assert "'a', 'b' have no precision in common" in faults["ties"]


def test_a_tied_group_must_have_the_fixed_precision():
    faults = faults_of(Problem, GROUPS, ties=[["a", "b"]], fixed={"a": "int8"})
    assert "'b' is tied to 'int8', which it lacks" in faults["fixed"]


def test_all_faults_of_the_options_are_reported_together():
    groups = [
        Group("a", [Option("int4", nan), Option("int4", 0.0, {"memory": inf})]),
        Group("a", []),
    ]
    assert set(faults_of(Problem, groups)) == {
        "groups[0].options[0].loss",
        "groups[0].options[1].usage['memory']",
        "groups[0].options[1].precision",
        "groups[1].options",
        "groups[1]",
    }


def test_all_faults_of_the_constraints_are_reported_together():
    faults = faults_of(
        Problem,
        GROUPS,
        budgets={"time": 1, "memory": (2, 1)},
        ties=[["x", "a"]],
        fixed={"a": "fp64"},
        inventory={"int2": 1},
        couplings=[Coupling("a", "y", [[0.0]])],
    )
    assert set(faults) == {
        "budgets['time']",
        "budgets['memory']",
        "ties[0][0]",
        "fixed['a']",
        "inventory",
        "couplings[0].second",
    }


def test_many_wrong_values_are_summed_up():
    loss = np.full((100, 3), nan)
    faults = faults_of(Problem.from_arrays, loss)
    assert len(faults) == 11
    assert faults["loss"] == "has 290 more values that are not finite"


def test_the_text_has_every_fault_and_its_place():
    with pytest.raises(InvalidProblemError) as caught:
        Problem.from_arrays(LOSS, USAGE, {"time": 1, "memory": "x"})
    text = str(caught.value)
    assert text.startswith("2 faults:\n  budgets['time']: ")
    assert "\n  budgets['memory']: must be a finite number or None. Got 'x'" in text


def test_one_fault_is_one_line():
    with pytest.raises(InvalidProblemError, match=r"^budgets\['memory'\]: must be"):
        Problem.from_arrays(LOSS, USAGE, {"memory": "x"})


def test_faults_are_value_errors_of_the_package():
    assert issubclass(InvalidProblemError, ValueError)
    assert issubclass(InvalidProblemError, MPSolveError)


def test_losses_whose_total_overflows_are_refused():
    faults = faults_of(Problem.from_arrays, [[1e308, 0.0]] * 3)
    assert "total" in faults["loss"]
