"""The Pareto front against enumeration and against independent solves."""

import itertools
import math

import numpy as np
import pytest

import mpsolve
from mpsolve import instances
from mpsolve.instances import hawq
from mpsolve.model.generate import mixed_precision

NUM_SMALL = 400


def random_problem(rng: np.random.Generator, **constraints: object) -> mpsolve.Problem:
    groups = []
    for i in range(int(rng.integers(1, 7))):
        options = [
            mpsolve.Option(
                f"p{j}",
                float(rng.choice([rng.normal(), rng.integers(-3, 4)])),
                {"memory": int(rng.integers(-4, 12)) * 3, "time": int(rng.integers(9))},
            )
            for j in range(int(rng.integers(1, 5)))
        ]
        groups.append(mpsolve.Group(f"g{i}", options))
    return mpsolve.Problem(groups, **constraints)  # type: ignore[arg-type]


def enumerated(problem: mpsolve.Problem) -> list[tuple[int, float]]:
    """Every efficient (memory, loss), by evaluating every layout."""
    sign = -1 if problem.maximize else 1
    best: dict[int, float] = {}
    sizes = np.diff(problem.offsets).tolist()
    for choices in itertools.product(*map(range, sizes)):
        layout = mpsolve.Layout(problem, np.array(choices))
        found = mpsolve.verify(problem, layout)
        if found:
            total = int(found.usage["memory"])
            best[total] = min(best.get(total, math.inf), sign * found.loss)
    points, least = [], math.inf
    for total in sorted(best):
        # Differences that only the rounding of float64 makes are none.
        if best[total] < least - 1e-12:
            least = best[total]
            points.append((total, sign * least))
    return points


def assert_same(front: mpsolve.Front, expected: list[tuple[int, float]]) -> None:
    assert front.usage.tolist() == [total for total, _ in expected]
    np.testing.assert_allclose(
        front.loss, [loss for _, loss in expected], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("seed", range(NUM_SMALL))
def test_small_fronts_equal_enumeration(seed: int) -> None:
    problem = random_problem(np.random.default_rng(seed), maximize=bool(seed % 2))
    front = mpsolve.front(problem, "memory")
    assert front.is_complete
    assert_same(front, enumerated(problem))
    for i in range(0, len(front), 5):
        found = mpsolve.verify(problem, front.layout(i))
        assert found.usage["memory"] == front.usage[i]
        assert found.loss == pytest.approx(front.loss[i], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_fronts_under_other_constraints_equal_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng)
    least, most = problem.reachable("time")
    budgets = {"time": int(least + (most - least) * rng.random())}
    problem = problem.with_budgets(budgets)
    assert_same(mpsolve.front(problem, "memory"), enumerated(problem))


@pytest.mark.parametrize("seed", range(60))
def test_a_window_and_a_budget_cut_the_front(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    problem = random_problem(rng)
    whole = enumerated(problem)
    low, high = sorted(rng.choice(np.arange(-20, 80), 2).tolist())
    inside = [(total, loss) for total, loss in whole if low <= total <= high]
    assert_same(mpsolve.front(problem, "memory", within=(low, high)), inside)
    bounded = problem.with_budgets({"memory": (low, high)})
    assert_same(mpsolve.front(bounded, "memory"), inside)


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(20))
def test_epsilon_covers_every_point(seed: int, epsilon: float) -> None:
    problem = random_problem(np.random.default_rng(seed))
    exact = mpsolve.front(problem, "memory")
    rough = mpsolve.front(problem, "memory", epsilon=epsilon)
    assert len(rough) <= len(exact)
    slack = epsilon * (exact.loss.max() - exact.loss.min()) + 1e-12
    for total, loss in zip(exact.usage, exact.loss, strict=True):
        fits = rough.usage <= total
        assert (rough.loss[fits] <= loss + slack).any()


@pytest.mark.parametrize("seed", range(60))
def test_fronts_under_everything_equal_enumeration(seed: int) -> None:
    rng = np.random.default_rng(3000 + seed)
    n, k = int(rng.integers(2, 6)), int(rng.integers(2, 4))
    layers = [f"l{i}" for i in range(n)]
    names = [f"p{j}" for j in range(k)]
    given: dict[str, object] = {}
    if seed % 2:
        given["couplings"] = [
            mpsolve.Coupling(u, v, rng.integers(0, 5, (k, k)))
            for u, v in itertools.pairwise(layers)
        ]
    if seed % 3:
        given["inventory"] = mpsolve.at_most({"p0": int(rng.integers(1, n + 1))})
    if seed % 5 == 0:
        given["objective"] = "max"
    if seed % 7 == 0:
        given["max_distinct"] = 2
    table = {name: rng.integers(0, 20, (n, k)) for name in ("memory", "time")}
    problem = mpsolve.Problem.from_arrays(
        rng.integers(-5, 9, (n, k)),
        table,
        {"time": (None, int(table["time"].max(axis=1).sum() * 0.7))},
        layers=layers,
        precisions=names,
        maximize=bool(seed % 4 == 0),
        **given,  # type: ignore[arg-type]
    )
    exact = mpsolve.front(problem, "memory")
    assert_same(exact, enumerated(problem))
    for i in range(len(exact)):
        found = mpsolve.verify(problem, exact.layout(i))
        assert found
        assert found.usage["memory"] == exact.usage[i]
    if not len(exact):
        return
    for epsilon in (0.05, 0.3):
        rough = mpsolve.front(problem, "memory", epsilon=epsilon)
        assert len(rough) <= len(exact)
        assert set(rough.usage) <= set(exact.usage)
        slack = epsilon * (exact.loss.max() - exact.loss.min()) + 1e-12
        sign = -1 if problem.maximize else 1
        for total, loss in zip(exact.usage, exact.loss, strict=True):
            fits = rough.usage <= total
            assert (sign * rough.loss[fits] <= sign * loss + slack).any()


def test_an_epsilon_saves_most_solves_under_other_constraints() -> None:
    problem = mixed_precision(40, 3, seed=3).with_budgets({})
    problem = problem.with_constraints(inventory=mpsolve.at_most({"int16": 20}))
    rough = mpsolve.front(problem, "memory", epsilon=0.1)
    assert rough.is_complete
    assert 3 < len(rough) <= 12
    stopped = mpsolve.front(problem, "memory", time_limit=0.02)
    assert stopped.limit is mpsolve.Limit.TIME


def test_supported_points_are_the_lower_hull() -> None:
    problem = mixed_precision(40, 3, seed=3).with_budgets({})
    front = mpsolve.front(problem, "memory")
    usage = front.usage.astype(float)
    slopes = np.diff(front.loss[front.is_supported]) / np.diff(
        usage[front.is_supported]
    )
    assert (np.diff(slopes) > 0).all()
    hull = np.interp(usage, usage[front.is_supported], front.loss[front.is_supported])
    assert (front.loss >= hull - 1e-12 * np.abs(front.loss)).all()
    assert 2 < front.is_supported.sum() < len(front)


@pytest.mark.parametrize("name", hawq.names()[9:])
def test_published_networks_agree_with_independent_solves(name: str) -> None:
    problem = instances.load(name)
    front = mpsolve.front(problem.with_budgets({}), "memory")
    rng = np.random.default_rng(7)
    least, most = problem.reachable("memory")
    for budget in rng.integers(int(least), int(most), 22).tolist():
        point = front.at(budget)
        bounded = problem.with_budgets({"memory": budget})
        result = mpsolve.solve(bounded, "exact", rel_gap=0.0)
        assert point.loss == pytest.approx(result.loss, rel=1e-12)
        assert point.usage <= budget
    assert mpsolve.verify(problem.with_budgets({}), front[3].layout)


def test_larger_fronts_agree_with_independent_solves() -> None:
    problem = mixed_precision(60, 8, seed=5).with_budgets({})
    front = mpsolve.front(problem, "memory")
    assert len(front) > 10_000
    for i in np.random.default_rng(1).integers(1, len(front), 60).tolist():
        budget = {"memory": int(front.usage[i]) - 1}
        result = mpsolve.solve(problem.with_budgets(budget), "exact", rel_gap=0.0)
        assert result.loss == pytest.approx(front.loss[i - 1], rel=1e-12)
        assert result.loss > front.loss[i]


def test_float_usages_are_answered_in_their_units() -> None:
    problem = mpsolve.Problem.from_arrays(
        [[0.3, 0.1], [0.2, 0.0]], {"time": [[0.1, 0.2], [0.1, 0.3]]}
    )
    front = mpsolve.front(problem, "time")
    assert front.usage.tolist() == [0.2, 0.3, 0.4, 0.5]
    assert front.at(0.3).loss == pytest.approx(0.3)
    assert dict(front[0].layout) == {"layer0": "option0", "layer1": "option0"}


def test_layouts_of_points_far_below_the_largest_losses() -> None:
    """A point's loss is the end of steps from losses that are 1e8 times as large."""
    rng = np.random.default_rng(0)
    loss = rng.random((10, 4)) * [1e3, 1e-2, 1e-5, 0.0]
    usage = np.sort(rng.integers(10, 1000, (10, 4)), axis=1)
    problem = mpsolve.Problem.from_arrays(loss, {"memory": usage})
    front = mpsolve.front(problem, "memory")
    for point in front:
        found = mpsolve.solve(problem.with_budgets({"memory": point.usage}))
        assert found.loss == pytest.approx(point.loss, abs=1e-9)
        assert mpsolve.verify(problem, point.layout).loss <= point.loss + 1e-9


def test_a_time_limit_leaves_a_prefix_that_is_exact() -> None:
    problem = mixed_precision(300, 8, seed=2)
    front = mpsolve.front(problem, "memory", time_limit=0.2)
    assert front.limit is mpsolve.Limit.TIME
    assert not front.is_complete
    assert len(front) > 1
    i = len(front) - 1
    bounded = problem.with_budgets({"memory": int(front.usage[i])})
    result = mpsolve.solve(bounded, "exact", rel_gap=0.0)
    assert result.loss == pytest.approx(front.loss[i], rel=1e-12)


def test_a_memory_limit_stops_the_lists() -> None:
    problem = mixed_precision(300, 8, seed=2)
    front = mpsolve.front(problem, "memory", memory_limit=1 << 20)
    assert front.limit is mpsolve.Limit.MEMORY


def test_what_cannot_be_asked() -> None:
    problem = mixed_precision(5, 3, seed=0)
    with pytest.raises(mpsolve.InvalidParameterError, match="resource must be one of"):
        mpsolve.front(problem, "energy")
    with pytest.raises(mpsolve.InvalidParameterError, match="within"):
        mpsolve.front(problem, "memory", within=(5, 3))
    with pytest.raises(mpsolve.InvalidParameterError, match="epsilon"):
        mpsolve.front(problem, "memory", epsilon=-1.0)
    front = mpsolve.front(problem, "memory")
    with pytest.raises(mpsolve.NoLayoutError, match="the least usage is"):
        front.at(-1)


def test_an_infeasible_problem_has_an_empty_front() -> None:
    problem = mixed_precision(5, 3, seed=0).with_budgets({"memory": 1})
    front = mpsolve.front(problem, "memory")
    assert len(front) == 0
    with pytest.raises(mpsolve.NoLayoutError):
        front.at(10)
