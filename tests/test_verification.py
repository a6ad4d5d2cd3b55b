"""The independent evaluator, against fractions."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpsolve import (
    Coupling,
    Group,
    InvalidLayoutError,
    Layout,
    Option,
    Problem,
    at_most,
    verify,
)
from tests.methods.oracle import exactly
from tests.strategies import binary_usages, decimal_usages, int_usages, problems

inf = float("inf")


@given(
    problems(
        usages=st.one_of(int_usages, decimal_usages),
        num_budgets=2,
        inventory=True,
        couplings=True,
    ),
    st.data(),
)
def test_losses_usages_and_violations_are_those_of_fractions(problem, data):
    groups = list(problem.groups)
    choices = [data.draw(st.integers(0, len(g.options) - 1)) for g in groups]
    layout = Layout(problem, np.array(choices, dtype=np.int64))
    chosen = [g.options[j] for g, j in zip(groups, choices, strict=True)]
    verification = verify(problem, layout)

    losses = [Fraction(option.loss) for option in chosen]
    broken = 0
    for c in problem.couplings:
        pair = (choices[problem.layers.index(name)] for name in (c.first, c.second))
        extra = float(c.table[tuple(pair)])
        if extra == inf:
            broken += 1
            losses = None
        elif losses is not None:
            losses.append(Fraction(-extra if problem.maximize else extra))
    if losses is not None:
        # Summed exactly, rounded once.
        assert verification.loss == float(sum(losses, Fraction(0)))

    for name, resource in problem.resources.items():
        total = sum((exactly(o.usage[name]) for o in chosen), Fraction(0))
        if not resource.rounding:
            assert Fraction(verification.usage[name]) == total or (
                verification.usage[name] == float(total)
            )
        budget = problem.budgets.get(name)
        if budget is None or resource.rounding:
            continue
        keeps = (budget.lower is None or total >= exactly(budget.lower)) and (
            budget.upper is None or total <= exactly(budget.upper)
        )
        mentioned = any(v.startswith(f"{name}: ") for v in verification.violations)
        assert mentioned == (not keeps)
    broken += sum(len({chosen[i].precision for i in tie}) > 1 for tie in problem.ties)
    broken += sum(choices[i] != j for i, j in problem.fixed.items())
    if problem.inventory is not None:
        for precision, wanted in problem.inventory.counts.items():
            count = sum(option.precision == precision for option in chosen)
            is_exact = problem.inventory.exact
            broken += count != wanted if is_exact else count > wanted
    others = [v for v in verification.violations if not v.startswith("resource")]
    assert len(others) == broken
    assert bool(verification) == verification.is_feasible
    assert verification.is_feasible == (len(verification.violations) == 0)


@given(problems(usages=binary_usages), st.data())
def test_float_usages_never_exceed_the_callers_budget(problem, data):
    groups = list(problem.groups)
    choices = [data.draw(st.integers(0, len(g.options) - 1)) for g in groups]
    # The numbers as they were given: of float groups the view has them rounded.
    verification = verify(problem, Layout(problem, np.array(choices, dtype=np.int64)))
    for name, budget in problem.budgets.items():
        total = verification.usage[name]
        if verification and budget.upper is not None:
            assert total <= budget.upper
        if verification and budget.lower is not None:
            assert total >= budget.lower


def test_sums_that_cancel_are_exact():
    losses = [[1e16], [1.0], [-1e16], [1e-16], [1.0]]
    problem = Problem.from_arrays(losses)
    assert verify(problem, Layout(problem, [0] * 5)).loss == 2.0
    assert sum(row[0] for row in losses) != 2.0


def test_totals_near_2_62_do_not_wrap():
    largest = (2**62 - 1) // 8
    usage = [[largest, -largest]] * 8
    problem = Problem.from_arrays(
        np.zeros((8, 2)), {"r": usage}, {"r": (-(2**62), 2**62)}
    )
    for choices in ([0] * 8, [1] * 8, [0, 1] * 4, [0] * 7 + [1]):
        expected = sum(usage[i][j] for i, j in enumerate(choices))
        verification = verify(problem, Layout(problem, choices))
        assert verification.usage["r"] == expected
        assert verification.is_feasible
    tight = problem.with_budgets({"r": 8 * largest - 1})
    assert verify(tight, Layout(tight, [0] * 8)).violations == (
        f"r: {8 * largest} is not <= {8 * largest - 1}",
    )


GROUPS = [
    Group("a", [Option("x", 1.0, {"r": 1}), Option("y", 2.0, {"r": 2})]),
    Group("b", [Option("x", 4.0, {"r": 4}), Option("y", 8.0, {"r": 8})]),
]

VIOLATIONS = {
    "upper": ({"budgets": {"r": 4}}, [0, 0], "r: 5 is not <= 4"),
    "lower": ({"budgets": {"r": (6, None)}}, [0, 0], "r: 5 is not >= 6"),
    "equal": ({"budgets": {"r": (6, 6)}}, [0, 0], "r: 5 is not == 6"),
    "between": ({"budgets": {"r": (6, 7)}}, [0, 0], "r: 5 is not in [6, 7]"),
    "tie": ({"ties": [["a", "b"]]}, [0, 1], "tie: 'a' as x, 'b' as y"),
    "fixed": ({"fixed": {"b": "y"}}, [0, 0], "fixed: 'b' is x, not y"),
    "inventory": (
        {"inventory": {"x": 1}},
        [0, 0],
        "inventory: 2 layers are x, not exactly 1",
    ),
    "inventory, too few": (
        {"inventory": {"x": 1}},
        [1, 1],
        "inventory: 0 layers are x, not exactly 1",
    ),
    "at most": (
        {"inventory": at_most({"x": 1})},
        [0, 0],
        "inventory: 2 layers are x, not at most 1",
    ),
    "coupling": (
        {"couplings": [Coupling("b", "a", [[0.0, 0.0], [inf, 0.0]])]},
        [0, 1],
        "coupling: 'b' as y meets 'a' as x, which is forbidden",
    ),
}


@pytest.mark.parametrize("kind", VIOLATIONS)
def test_every_kind_of_violation(kind):
    constraints, choices, sentence = VIOLATIONS[kind]
    problem = Problem(GROUPS, **constraints)
    verification = verify(problem, Layout(problem, choices))
    assert verification.violations == (sentence,)
    assert not verification
    # The same layout is fine where nothing forbids it.
    free = Problem(GROUPS)
    assert verify(free, Layout(free, choices))


def test_violations_are_reported_together():
    problem = Problem(
        GROUPS,
        budgets={"r": 1},
        ties=[["a", "b"]],
        fixed={"a": "x", "b": "x"},
        inventory={"x": 0},
    )
    assert len(verify(problem, Layout(problem, [0, 1])).violations) == 4


def test_couplings_add_to_a_loss_and_take_from_a_gain():
    coupling = Coupling("a", "b", [[0.5, 0.0], [0.0, 0.25]])
    for maximize, expected in ((False, 5.5), (True, 4.5)):
        problem = Problem(GROUPS, couplings=[coupling], maximize=maximize)
        assert verify(problem, Layout(problem, [0, 0])).loss == expected


def test_a_budget_tightened_by_rounding_says_so():
    usages = [[2**0.5, 1e9 * 3**0.5]] * 3
    problem = Problem.from_arrays(np.zeros((3, 2)), {"r": usages}, {"r": 3 * 2**0.5})
    (sentence,) = verify(problem, Layout(problem, [0, 0, 0])).violations
    assert "less the rounding of float usages" in sentence


def test_layouts_of_other_problems():
    problem = Problem(GROUPS)
    twin = problem.with_budgets({"r": 5})
    assert verify(twin, Layout(problem, [0, 0]))
    assert not verify(twin, Layout(problem, [1, 0]))
    other = Problem(GROUPS[:1])
    with pytest.raises(InvalidLayoutError, match="other groups"):
        verify(problem, Layout(other, [0]))


def test_the_empty_problem():
    problem = Problem([])
    verification = verify(problem, Layout(problem, []))
    assert verification
    assert verification.loss == 0.0


def test_verify_imports_no_solver():
    code = (
        "import sys, types\n"
        "package = types.ModuleType('mpsolve')\n"  # without running its __init__
        "package.__path__ = [sys.argv[1]]\n"
        "sys.modules['mpsolve'] = package\n"
        "import mpsolve.verification\n"
        "print(*sorted(m for m in sys.modules if m.startswith('mpsolve.')))"
    )
    import mpsolve

    folder = next(iter(mpsolve.__path__))
    loaded = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    ).stdout.split()
    tops = {name.split(".")[1] for name in loaded}
    assert tops == {"errors", "model", "result", "verification"} - ({"result"} - tops)
    assert {"errors", "model", "verification"} <= tops
