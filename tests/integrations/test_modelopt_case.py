"""Tiny scores: what CBC calls optimal, what is, and why mpsolve is not fooled."""

import math
from fractions import Fraction

import pytest

import mpsolve
from mpsolve import instances
from mpsolve.integrations.modelopt_solver import select

CASES = [f"modelopt-llama-{bits}" for bits in ("4.8", "5.4", "6.0", "7.0")]
CASES += [f"modelopt-gradient-{bits}" for bits in ("4.8", "5.4", "6.0", "7.0")]


def tables(problem):
    options = [problem.options_of(i) for i in range(problem.num_groups)]
    loss = [[float(problem.loss[j]) for j in row] for row in options]
    memory = problem.resources["memory"]
    costs = [
        [float(memory.value(int(memory.usage[j]))) for j in row] for row in options
    ]
    return loss, costs, float(problem.budgets["memory"].upper)


def cbc(problem, scale=1.0):
    """Solve as ModelOpt does: PuLP's defaults, scores as they are."""
    pulp = pytest.importorskip("pulp")
    loss, costs, budget = tables(problem)
    model = pulp.LpProblem("AutoQuantize", pulp.LpMinimize)
    chosen = [
        [pulp.LpVariable(f"z{i}_{j}", cat=pulp.LpBinary) for j in range(len(row))]
        for i, row in enumerate(loss)
    ]
    pairs = [(i, j) for i, row in enumerate(loss) for j in range(len(row))]
    model += pulp.lpSum(scale * loss[i][j] * chosen[i][j] for i, j in pairs)
    for row in chosen:
        model += pulp.lpSum(row) == 1
    model += pulp.lpSum(costs[i][j] * chosen[i][j] for i, j in pairs) <= budget
    model.solve(pulp.PULP_CBC_CMD(msg=False))
    choices = [max(range(len(row)), key=lambda j: row[j].varValue) for row in chosen]
    return pulp.LpStatus[model.status], mpsolve.Layout(problem, choices)


def exact_loss(layout):
    return sum(map(Fraction, layout.problem.loss[layout.flat].tolist()), Fraction(0))


@pytest.mark.parametrize("name", CASES)
def test_mpsolve_is_optimal_where_cbc_says_it_is(name):
    problem = instances.load(name)
    status, theirs = cbc(problem)
    assert status == "Optimal"
    assert mpsolve.verify(problem, theirs)
    result = mpsolve.solve(problem, rel_gap=0)
    assert result.reason == "OPTIMAL"
    assert exact_loss(result.layout) <= exact_loss(theirs)
    assert result.gap <= 1e-12


@pytest.mark.parametrize(
    ("name", "scale", "above"),
    [
        ("modelopt-llama-7.0", 1, 2.0),
        ("modelopt-gradient-7.0", 1, 0.1),
        ("modelopt-gradient-7.0", 0.1, 2.84),  # as of ten times as many tokens
    ],
)
def test_the_fault_is_there_and_is_one_of_scale(name, scale, above):
    problem = instances.load(name)
    optimum = instances.describe(name).optimum
    status, theirs = cbc(problem, scale)
    assert status == "Optimal"
    assert float(exact_loss(theirs)) > optimum * (1 + above)
    # The same numbers in another unit: CBC finds the optimum.
    _, scaled = cbc(problem, 1e6)
    assert float(exact_loss(scaled)) == pytest.approx(optimum, rel=1e-4)


@pytest.mark.parametrize("power", [-300, -30, -9, 0, 9, 30, 300])
def test_a_unit_of_the_loss_changes_nothing(power):
    problem = instances.load("modelopt-gradient-7.0")
    loss, costs, budget = tables(problem)
    scaled = [[math.ldexp(x, power) for x in row] for row in loss]
    choices, status = select(scaled, {"memory": costs}, {"memory": budget})
    assert status == "Optimal"
    assert choices == mpsolve.solve(problem).layout.choices.tolist()


def test_a_better_looking_claim_does_not_survive():
    """What a solver says of its answer is evaluated again in exact arithmetic."""
    problem = instances.load("modelopt-gradient-7.0")
    _, theirs = cbc(problem)
    verification = mpsolve.verify(problem, theirs)
    assert Fraction(verification.loss) == pytest.approx(exact_loss(theirs), rel=1e-15)
    assert verification.loss > instances.describe("modelopt-gradient-7.0").optimum
