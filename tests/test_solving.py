"""The way in: methods and parameters, the check of answers, limits, infeasibility."""

import math
import sys
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import mpsolve
from mpsolve import (
    Coupling,
    InvalidParameterError,
    Layout,
    MethodUnavailableError,
    Problem,
    Reason,
    UnsupportedProblemError,
    VerificationError,
    solve,
)
from mpsolve.methods import METHODS, SPECIAL_CASES, Answer, Capabilities, choose
from mpsolve.result import Limit

inf, nan = math.inf, math.nan

PROBLEM = Problem.from_arrays(
    [[0.3, 0.1], [0.2, 0.0]],
    {"memory": [[10, 20], [10, 20]]},
    {"memory": 30},
    layers=["conv", "fc"],
    precisions=["int4", "int8"],
)


# -- the check of answers --------------------------------------------------------------


@pytest.fixture
def plant(monkeypatch):
    """Plant a method that gives one answer, whatever it is asked."""

    def planted(answer=None, *, requires=(), **capabilities):
        class Planted:
            name = "planted"
            summary = "a test"
            extra = "ilp"
            seen: ClassVar[list] = []

            def solve(self, merged, parameters):
                self.seen.append(parameters)
                return answer

        Planted.requires = requires
        Planted.capabilities = Capabilities(**{"proves": True, **capabilities})
        monkeypatch.setitem(sys.modules, "planted", SimpleNamespace(Method=Planted))
        monkeypatch.setitem(METHODS, "planted", "planted:Method")
        return Planted

    return planted


def answer(choices=(0, 1), reason="OPTIMAL", **more):
    return Answer(Reason(reason), np.array(choices), **more)


def test_a_right_answer_passes(plant):
    plant(
        answer(loss=0.3, bound=0.3, multipliers={"memory": 0.02}, counters={"x": 1.0})
    )
    result = solve(PROBLEM, "planted")
    assert (result.reason, result.method) == ("OPTIMAL", "planted")
    assert (result.loss, result.bound, result.usage) == (0.3, 0.3, {"memory": 30})
    assert dict(result.layout) == {"conv": "int4", "fc": "int8"}
    assert result.multipliers == {"memory": 0.02}
    assert result.counters == {"x": 1.0}
    assert result.time > 0


WRONG_ANSWERS = {
    "over budget": (answer((1, 1), loss=0.1, bound=0.1), "not feasible: memory: 40 is"),
    "wrong loss": (answer(loss=0.3 + 1e-9, bound=0.3), "claims the loss 0.30000"),
    "loss of another": (answer(loss=0.1, bound=0.1), "claims the loss 0.1; it is 0.3"),
    "bound above the loss": (answer(loss=0.3, bound=0.3 + 1e-9), "claims the bound"),
    "no bound": (answer(loss=0.3), "claims OPTIMAL with a gap of inf"),
    "gap": (answer(loss=0.3, bound=0.2999), "claims OPTIMAL with a gap of"),
    "nan loss": (answer(loss=nan, bound=0.3), "claims the loss nan"),
    "nan bound": (answer(loss=0.3, bound=nan), "claims the bound nan"),
}


@pytest.mark.parametrize("fault", WRONG_ANSWERS)
def test_a_wrong_answer_is_an_error(plant, fault):
    given, message = WRONG_ANSWERS[fault]
    plant(given)
    with pytest.raises(VerificationError, match=message):
        solve(PROBLEM, "planted")


def test_one_unit_over_budget_is_an_error(plant):
    plant(answer(loss=0.3, bound=0.3))
    with pytest.raises(VerificationError, match="memory: 30 is not <= 29"):
        solve(PROBLEM.with_budgets({"memory": 29}), "planted")
    with pytest.raises(VerificationError, match="memory: 30 is not >= 31"):
        solve(PROBLEM.with_budgets({"memory": (31, None)}), "planted")


def test_a_layout_that_does_not_exist_is_an_error(plant):
    plant(answer((0, 2), loss=0.3, bound=0.3))
    with pytest.raises(mpsolve.MPSolveError):
        solve(PROBLEM, "planted")


def test_a_forbidden_pair_is_an_error(plant):
    plant(answer(loss=0.3, bound=0.3), couplings=True)
    forbidden = [Coupling("conv", "fc", [[0.0, inf], [0.0, 0.0]])]
    problem = Problem(PROBLEM.groups, couplings=forbidden)
    with pytest.raises(VerificationError, match="which is forbidden"):
        solve(problem, "planted")


def test_optimal_is_judged_by_the_gap_that_was_asked_for(plant):
    plant(answer(loss=0.3, bound=0.3 - 1e-7))
    with pytest.raises(VerificationError, match="claims OPTIMAL"):
        solve(PROBLEM, "planted")
    assert solve(PROBLEM, "planted", abs_gap=1.1e-7).reason == "OPTIMAL"
    assert solve(PROBLEM, "planted", rel_gap=1e-6).absolute_gap == pytest.approx(1e-7)
    plant(answer(loss=0.3, bound=0.3 - 1e-11))
    assert solve(PROBLEM, "planted").reason == "OPTIMAL"
    with pytest.raises(VerificationError, match="claims OPTIMAL"):
        solve(PROBLEM, "planted", rel_gap=0)


def test_with_no_gap_the_rounding_of_a_sum_is_left(plant):
    plant(answer(loss=0.3 + 1e-16, bound=0.3 - 1e-16))
    result = solve(PROBLEM, "planted", rel_gap=0)
    assert result.loss == 0.3
    plant(answer(loss=0.3, bound=0.3 + 1e-16))
    assert solve(PROBLEM, "planted", rel_gap=0).bound == 0.3


def test_a_feasible_answer_keeps_its_bound_and_limit(plant):
    plant(answer(reason="FEASIBLE", bound=0.1, limit=Limit.NODE, detail="a remark"))
    result = solve(PROBLEM, "planted")
    assert (result.reason, result.limit, result.bound) == ("FEASIBLE", "NODE", 0.1)
    assert (result.loss, result.detail) == (0.3, "a remark")


def test_gains_are_turned_around(plant):
    gains = Problem(PROBLEM.groups, budgets=PROBLEM.budgets, maximize=True)
    plant(answer(reason="FEASIBLE", loss=-0.3, bound=-0.5, limit=Limit.TIME))
    result = solve(gains, "planted")
    assert (result.loss, result.bound) == (0.3, 0.5)
    plant(Answer(Reason.INFEASIBLE))
    assert solve(gains, "planted").bound == -inf
    plant(Answer(Reason.NO_SOLUTION_FOUND, bound=-0.5, limit=Limit.TIME))
    assert solve(gains, "planted").bound == 0.5


# -- methods and parameters ------------------------------------------------------------


def test_unknown_methods():
    with pytest.raises(
        InvalidParameterError, match=r"one of auto, .*exact, .*Got 'magic'"
    ):
        solve(PROBLEM, "magic")


def test_auto_takes_the_first_that_can():
    assert solve(PROBLEM).method == "exact"
    assert solve(PROBLEM.with_budgets({})).method == "exact"


TWO = Problem.from_arrays(
    [[0.3, 0.1], [0.2, 0.0]],
    {"a": [[1, 2], [1, 2]], "b": [[1, 2], [2, 1]]},
    {"a": 3, "b": 3},
)


def test_auto_takes_the_second_engine_for_several_budgets():
    result = solve(TWO)
    assert (result.method, result.reason, result.loss) == ("paths", "OPTIMAL", 0.3)


def test_auto_takes_what_is_short_for_an_inventory():
    result = solve(Problem(PROBLEM.groups, inventory={"int8": 1}))
    assert result.method in SPECIAL_CASES
    # A budget beside it takes an engine.
    both = Problem(PROBLEM.groups, budgets=PROBLEM.budgets, inventory={"int8": 1})
    assert solve(both).method == "paths"


@pytest.fixture
def only(monkeypatch):
    """Leave only some methods in the table."""

    def leave(*names):
        monkeypatch.setattr(choose, "method_names", lambda: names)

    return leave


def test_auto_goes_on_where_the_first_cannot(only):
    coupled = Problem(PROBLEM.groups, couplings=[Coupling("conv", "fc", np.eye(2))])
    only("exact", "brute_force", "greedy")
    assert solve(coupled).method == "brute_force"


def test_auto_says_why_no_method_can(only):
    large = Problem.from_arrays(
        np.ones((30, 3)), couplings=[Coupling("layer0", "layer1", np.zeros((3, 3)))]
    )
    only("exact", "brute_force", "greedy")
    with pytest.raises(UnsupportedProblemError) as caught:
        solve(large)
    text = str(caught.value)
    assert "exact: couplings (1 of them)" in text
    assert "brute_force: more than 10,000,000 layouts" in text
    assert "greedy" not in text


def test_auto_skips_what_is_not_installed(only, monkeypatch):
    only("exact", "highs", "brute_force", "greedy")
    installed = sys.modules["mpsolve.installed"]
    monkeypatch.setattr(installed, "find_spec", lambda _: None)
    assert solve(TWO).method == "brute_force"
    with pytest.raises(
        MethodUnavailableError, match=r"'highs' needs ortools: pip inst"
    ):
        solve(TWO, "highs")
    large = Problem.from_arrays(
        np.ones((30, 3)), {r: np.ones((30, 3), int) for r in "ab"}, {"a": 90, "b": 90}
    )
    with pytest.raises(UnsupportedProblemError, match=r"highs: is not installed: pip"):
        solve(large)


def test_methods_refuse_what_they_cannot_solve(plant):
    plant(most_budgets=1, lower_sides=False, most_layouts=3)
    problem = Problem.from_arrays(
        [[0.3, 0.1], [0.2, 0.0]],
        {"a": [[1, 2], [1, 2]], "b": [[1, 2], [2, 1]]},
        {"a": (1, 3), "b": 3},
        inventory={"option0": 1},
        couplings=[Coupling("layer0", "layer1", np.eye(2))],
    )
    with pytest.raises(UnsupportedProblemError) as caught:
        solve(problem, "planted")
    assert str(caught.value) == (
        "the method 'planted' cannot solve 2 budgets (a, b); it takes at most 1; "
        "a lower side of the budget 'a'; an inventory (Inventory(option0×1)); "
        "couplings (1 of them); more than 3 layouts; it enumerates them all"
    )


def test_methods_refuse_parameters_they_do_not_have(plant):
    plant(parameters=frozenset({"seed", "time_limit"}))
    with pytest.raises(InvalidParameterError) as caught:
        solve(PROBLEM, "planted", seed=1, threads=2, memory_limit=10**9)
    assert str(caught.value) == (
        "the method 'planted' cannot honour memory_limit, threads. "
        "It takes: seed, time_limit"
    )
    plant()
    with pytest.raises(InvalidParameterError, match="It takes: none"):
        solve(PROBLEM, "planted", progress=print)


def test_methods_get_what_was_asked_for(plant):
    names = {"time_limit", "memory_limit", "node_limit", "threads", "seed", "hint"}
    planted = plant(
        answer(loss=0.3, bound=0.3), parameters=frozenset(names | {"progress"})
    )
    given = {
        "time_limit": 1.5,
        "rel_gap": 1e-3,
        "abs_gap": 1e-4,
        "memory_limit": 10,
        "node_limit": 11,
        "threads": 2,
        "seed": 3,
        "progress": print,
    }
    solve(PROBLEM, "planted", hint=Layout(PROBLEM, [1, 0]), **given)
    seen = planted.seen[-1]
    assert {name: getattr(seen, name) for name in given} == given
    assert seen.hint.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_limit", -1),
        ("time_limit", nan),
        ("time_limit", "1"),
        ("time_limit", True),
        ("rel_gap", -1e-9),
        ("rel_gap", nan),
        ("rel_gap", inf),
        ("abs_gap", -1),
        ("abs_gap", inf),
        ("abs_gap", "x"),
        ("memory_limit", -1),
        ("memory_limit", 1.5),
        ("node_limit", 2.0),
        ("threads", -2),
        ("threads", True),
        ("seed", -1),
        ("seed", "x"),
    ],
)
def test_parameters_out_of_range(name, value):
    with pytest.raises(InvalidParameterError, match=name):
        solve(PROBLEM, **{name: value})


def test_hints_of_other_problems_are_refused():
    other = Problem.from_arrays([[0.0, 1.0]] * 3)
    with pytest.raises(InvalidParameterError, match="hint"):
        solve(PROBLEM, hint=Layout(other, [0, 0, 0]))


@pytest.mark.parametrize("choices", [[0, 1], [1, 0], [1, 1], [0, 0]])
def test_hints_never_change_the_answer(choices):
    tied = Problem(PROBLEM.groups, budgets=PROBLEM.budgets, ties=[["conv", "fc"]])
    for problem in (PROBLEM, tied):
        hint = Layout(problem, choices)
        assert solve(problem, hint=hint).loss == solve(problem).loss
    twin = PROBLEM.with_budgets({"memory": 20})
    assert solve(twin, hint=Layout(PROBLEM, choices)).loss == solve(twin).loss


# -- problems without much in them -----------------------------------------------------


def test_the_empty_problem(prover):
    for empty in (Problem([]), Problem.from_arrays(np.zeros((0, 3)))):
        result = solve(empty, prover)
        assert (result.reason, result.loss, result.bound) == ("OPTIMAL", 0.0, 0.0)
        assert dict(result.layout) == {}


def test_the_empty_problem_under_a_budget(prover):
    empty = Problem.from_arrays(np.zeros((0, 2)), {"r": np.zeros((0, 2), dtype=int)})
    assert solve(empty.with_budgets({"r": (0, 0)}), prover).reason == "OPTIMAL"
    for budget in ((1, None), (None, -1)):
        result = solve(empty.with_budgets({"r": budget}), prover)
        assert result.reason == "INFEASIBLE"


def test_no_budget(prover):
    problem = Problem.from_arrays([[0.3, -0.1, 0.0], [5.0, 5.0, 5.0]])
    result = solve(problem, prover)
    assert (result.reason, result.loss, result.bound) == ("OPTIMAL", 4.9, 4.9)
    assert result.usage == {}


def test_one_option(prover):
    problem = Problem.from_arrays([[0.3], [0.2]], {"r": [[1], [2]]}, {"r": (3, 3)})
    assert solve(problem, prover).loss == 0.5
    assert solve(problem.with_budgets({"r": 2}), prover).reason == "INFEASIBLE"


def test_maximize(prover):
    gains = Problem(PROBLEM.groups, budgets={"memory": 30}, maximize=True)
    losses = Problem(
        [
            mpsolve.Group(
                g.name,
                [mpsolve.Option(o.precision, -o.loss, o.usage) for o in g.options],
            )
            for g in gains.groups
        ],
        budgets={"memory": 30},
    )
    gain, loss = solve(gains, prover), solve(losses, prover)
    assert (gain.loss, gain.reason) == (0.5, "OPTIMAL")
    assert gain.loss == -loss.loss
    assert gain.bound == pytest.approx(-loss.bound, rel=1e-9)
    assert gain.bound >= gain.loss
    assert gain.layout == loss.layout


def test_the_problem_is_left_alone(prover):
    twin = Problem(PROBLEM.groups, budgets=PROBLEM.budgets)
    solve(twin, prover)
    assert twin == PROBLEM


def test_the_same_answer_twice(prover):
    tied = Problem.from_arrays(
        np.ones((6, 3)), {"r": np.tile([1, 2, 3], (6, 1))}, {"r": 10}
    )
    first, second = solve(tied, prover), solve(tied, prover)
    assert first.layout == second.layout
    assert first.bound == second.bound


def test_multipliers_are_in_the_callers_units():
    """Half a byte more is worth half as much, however the usages were scaled."""
    loss = [[3.0, 2.0, 0.0]] * 4
    usage = np.array([[1, 2, 4]] * 4)
    whole = Problem.from_arrays(loss, {"r": usage}, {"r": 9})
    tenths = Problem.from_arrays(loss, {"r": usage / 10}, {"r": 0.9})
    multiplier = solve(whole).multipliers["r"]
    assert multiplier == pytest.approx(1.0)
    assert solve(tenths).multipliers["r"] == pytest.approx(10 * multiplier)
    lower = Problem.from_arrays([[0.0, 1.0]] * 4, {"r": [[0, 2]] * 4}, {"r": (3, None)})
    assert solve(lower).multipliers["r"] == pytest.approx(-0.5)


# -- infeasibility ---------------------------------------------------------------------
