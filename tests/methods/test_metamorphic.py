"""Changes of a problem that change its answer in a known way."""

from __future__ import annotations

import math

import numpy as np
import pytest

import mpsolve
from mpsolve import Budget, Group, Option, Problem, Result, solve
from tests.strategies import Shape, random_problem, random_shape

SEEDS = range(40)

#: Shapes whose usages are integers, so that they can be shifted and scaled exactly.
INTEGERS = ("small", "bytes", "signed", "zero", "equal", "multiples")


def draw(seed: int, salt: int, **fixed: object) -> tuple[np.random.Generator, Problem]:
    rng = np.random.default_rng([21, salt, seed])
    fixed = {
        "usage": INTEGERS[seed % len(INTEGERS)],
        "loss": ("uniform", "signed", "tied", "wide")[seed % 4],
        "budget": ("upper", "both", "lower", "equal", "tight")[seed % 5],
        "extra": "plain",
        **fixed,
    }
    shape = random_shape(rng, **fixed)
    return rng, random_problem(rng, shape, num_groups=int(rng.integers(1, 30)))


def rebuilt(problem: Problem, groups: list[Group], **changes: object) -> Problem:
    """Return a problem with other groups, and everything else by the groups' names."""
    arguments = {
        "budgets": problem.budgets,
        "ties": [[problem.layers[i] for i in tie] for tie in problem.ties],
        "fixed": {
            problem.layers[i]: problem.precisions_of(i)[j]
            for i, j in problem.fixed.items()
        },
        "maximize": problem.maximize,
    }
    return Problem(groups, **{**arguments, **changes})


def changed(problem: Problem, option: object, **changes: object) -> Problem:
    """Return a problem with every option replaced: ``option(i, j, option)``."""
    groups = [
        Group(g.name, [option(i, j, o) for j, o in enumerate(g.options)])
        for i, g in enumerate(problem.groups)
    ]
    return rebuilt(problem, groups, **changes)


def same(
    first: Result, second: Result, factor: float = 1.0, shift: float = 0.0
) -> None:
    """Check that the second answer's loss is factor * the first's + shift."""
    assert first.reason == second.reason
    if first.layout is None:
        return
    size = float(np.abs(second.layout.problem.loss[second.layout.flat]).sum())
    size += abs(factor) * float(
        np.abs(first.layout.problem.loss[first.layout.flat]).sum()
    )
    wanted = factor * first.loss + shift
    assert math.isclose(second.loss, wanted, rel_tol=1e-9, abs_tol=1e-9 * size)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_groups_and_options_does_not_matter(seed):
    rng, problem = draw(seed, 1, extra=("plain", "ties", "fixed")[seed % 3])
    groups = []
    for i in rng.permutation(problem.num_groups):
        options = problem.groups[int(i)].options
        order = rng.permutation(len(options))
        groups.append(Group(problem.layers[int(i)], [options[j] for j in order]))
    same(solve(problem), solve(rebuilt(problem, groups)))


@pytest.mark.parametrize("factor", [1e-9, 0.5, 3.0, 1e9])
@pytest.mark.parametrize("seed", SEEDS[::4])
def test_losses_in_other_units(seed, factor):
    _, problem = draw(seed, 2)
    scaled = changed(
        problem, lambda i, j, o: Option(o.precision, factor * o.loss, o.usage)
    )
    first, second = solve(problem), solve(scaled)
    same(first, second, factor)
    for name, value in first.multipliers.items():
        assert second.multipliers[name] == pytest.approx(factor * value, rel=1e-6)


@pytest.mark.parametrize("factor", [-1, 3, 2**20])
@pytest.mark.parametrize("seed", SEEDS[::4])
def test_usages_in_other_units(seed, factor):
    _, problem = draw(seed, 3)

    def side(value):
        return None if value is None else factor * value

    budgets = {}
    for name, budget in problem.budgets.items():
        sides = (side(budget.lower), side(budget.upper))
        budgets[name] = Budget(*(sides if factor > 0 else sides[::-1]))
    scaled = changed(
        problem,
        lambda i, j, o: Option(
            o.precision, o.loss, {n: factor * u for n, u in o.usage.items()}
        ),
        budgets=budgets,
    )
    same(solve(problem), solve(scaled))


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_a_constant_per_group_shifts_loss_and_usage(seed):
    rng, problem = draw(seed, 4)
    losses = rng.integers(-8, 9, problem.num_groups).astype(float).tolist()
    usages = rng.integers(-100, 100, problem.num_groups).tolist()
    shift = sum(usages)
    budgets = {
        name: Budget(
            None if budget.lower is None else budget.lower + shift,
            None if budget.upper is None else budget.upper + shift,
        )
        for name, budget in problem.budgets.items()
    }
    shifted = changed(
        problem,
        lambda i, j, o: Option(
            o.precision,
            o.loss + losses[i],
            {n: u + usages[i] for n, u in o.usage.items()},
        ),
        budgets=budgets,
    )
    same(solve(problem), solve(shifted), shift=sum(losses))


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_a_dominated_option_changes_nothing(seed):
    rng, problem = draw(seed, 5, budget=("upper", "tight")[seed % 2], maximize=False)
    groups = []
    for group in problem.groups:
        worse = group.options[int(rng.integers(len(group.options)))]
        usage = {name: value + 1 for name, value in worse.usage.items()}
        options = [*group.options, Option("worse", worse.loss + 0.5, usage)]
        groups.append(Group(group.name, options))
    result = solve(rebuilt(problem, groups))
    same(solve(problem), result)
    assert result.layout is None or "worse" not in result.layout.counts()


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_a_copy_of_an_option_changes_nothing(seed):
    _, problem = draw(seed, 6)
    groups = [
        Group(
            g.name,
            [
                *g.options,
                *(Option(f"{o.precision}'", o.loss, o.usage) for o in g.options),
            ],
        )
        for g in problem.groups
    ]
    same(solve(problem), solve(rebuilt(problem, groups)))


@pytest.mark.parametrize("seed", SEEDS[::4])
def test_a_tighter_budget_is_never_better(seed):
    _, problem = draw(seed, 7, budget="upper", maximize=bool(seed % 8))
    sign = -1.0 if problem.maximize else 1.0
    (name,) = problem.budgets
    smallest, largest = problem.reachable(name)
    before = math.inf
    for upper in np.linspace(smallest - 1, largest + 1, 12).astype(int).tolist():
        result = solve(problem.with_budgets({name: upper}))
        loss = math.inf if result.layout is None else sign * result.loss
        assert loss <= before or math.isclose(loss, before, rel_tol=1e-9, abs_tol=1e-12)
        before = min(before, loss)
    before = -math.inf
    for lower in np.linspace(smallest - 1, largest + 1, 12).astype(int).tolist():
        result = solve(problem.with_budgets({name: (lower, None)}))
        loss = math.inf if result.layout is None else sign * result.loss
        assert loss >= before or math.isclose(loss, before, rel_tol=1e-9, abs_tol=1e-12)
        before = max(before, loss)


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_a_tie_is_the_sum_of_its_groups(seed):
    rng, problem = draw(seed, 8, is_ragged=False)
    if problem.num_groups < 2:
        pytest.skip("nothing to tie")
    u, v = sorted(rng.choice(problem.num_groups, 2, replace=False).tolist())
    tied = rebuilt(
        problem, list(problem.groups), ties=[[problem.layers[u], problem.layers[v]]]
    )
    groups = list(problem.groups)
    options = [
        Option(
            a.precision, a.loss + b.loss, {n: a.usage[n] + b.usage[n] for n in a.usage}
        )
        for a, b in zip(groups[u].options, groups[v].options, strict=True)
    ]
    groups[u] = Group("both", options)
    del groups[v]
    by_hand = solve(rebuilt(problem, groups))
    result = solve(tied)
    same(by_hand, result)
    if result.layout is not None:
        assert result.layout[problem.layers[u]] == result.layout[problem.layers[v]]


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_a_fixed_group_is_a_group_of_one_option(seed):
    rng, problem = draw(seed, 9)
    i = int(rng.integers(problem.num_groups))
    option = problem.groups[i].options[
        int(rng.integers(len(problem.groups[i].options)))
    ]
    fixed = rebuilt(
        problem, list(problem.groups), fixed={problem.layers[i]: option.precision}
    )
    groups = list(problem.groups)
    groups[i] = Group(groups[i].name, [option])
    same(solve(rebuilt(problem, groups)), solve(fixed))


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_a_gain_is_a_loss_of_the_other_sign(seed):
    _, problem = draw(seed, 10, maximize=True)
    losses = changed(
        problem,
        lambda i, j, o: Option(o.precision, -o.loss, o.usage),
        maximize=False,
    )
    gain, loss = solve(problem), solve(losses)
    same(loss, gain, -1.0)
    assert gain.layout == loss.layout
    assert gain.bound == -loss.bound


@pytest.mark.parametrize("seed", SEEDS[::4])
def test_twice_the_problem_costs_at_most_twice(seed):
    _, problem = draw(seed, 11, budget="upper", maximize=False)
    (name,) = problem.budgets
    groups = [
        Group(f"{g.name}{copy}", g.options) for copy in "ab" for g in problem.groups
    ]
    upper = problem.budgets[name].upper
    twice = solve(Problem(groups, budgets={name: 2 * upper}))
    once = solve(problem)
    assert twice.reason == once.reason == "OPTIMAL"
    assert twice.loss <= 2 * once.loss + 1e-9 * abs(once.loss)


def test_shapes_say_what_they_make():
    """Guards the generator: what is never feasible, or never binds, tests little."""
    rng = np.random.default_rng(0)
    reasons = []
    for _ in range(200):
        shape = Shape(
            loss="uniform",
            budget=str(rng.choice(["upper", "both", "equal", "infeasible"])),
        )
        problem = random_problem(rng, shape, num_groups=6)
        result = solve(problem)
        free = solve(problem.with_budgets({}))
        reasons.append(
            result.reason
            if result.layout is None or result.loss > free.loss
            else "FREE"
        )
    assert reasons.count(mpsolve.Reason.OPTIMAL) > 80
    assert reasons.count("FREE") > 5
    assert reasons.count(mpsolve.Reason.INFEASIBLE) > 5
