"""Many budgets give what each gives alone."""

import itertools
import signal
import threading
import time

import numpy as np
import pytest

import mpsolve
from mpsolve.many import Results
from mpsolve.model.generate import mixed_precision

SHAPES = [(12, 3, "distinct"), (30, 4, "repeated"), (60, 8, "distinct")]


def budgets_of(problem, count, resource="memory"):
    low, high = problem.reachable(resource)
    step = (high - low) / count
    return [
        {resource: int(low - 2 * step + i * (high - low + 4 * step) / count)}
        for i in range(count)
    ]


def assert_same(problem, budgets, results, **options):
    assert isinstance(results, Results)
    assert len(results) == len(budgets)
    for i, (budget, result) in enumerate(zip(budgets, results, strict=True)):
        twin = problem.with_budgets({**problem.budgets, **budget})
        alone = mpsolve.solve(twin, **options)
        assert result.reason == alone.reason
        assert results.bound[i] == result.bound
        assert result.nearest == alone.nearest
        if alone.layout is None:
            assert result.layout is None
            assert np.isnan(results.loss[i])
            continue
        assert results.loss[i] == result.loss
        assert result.loss == pytest.approx(alone.loss, rel=2e-9, abs=1e-12)
        assert result.multipliers == pytest.approx(alone.multipliers, rel=1e-9)
        verification = mpsolve.verify(twin, result.layout)
        assert verification
        assert result.usage == verification.usage
        assert result.loss == verification.loss


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_one_budget(shape, maximize):
    groups, options, sizes = shape
    drawn = mixed_precision(groups, options, 5, sizes=sizes)
    table = drawn.loss.reshape(groups, options)
    problem = mpsolve.Problem.from_arrays(
        -table if maximize else table,
        {"memory": drawn.resources["memory"].usage.reshape(groups, options)},
        maximize=maximize,
    )
    budgets = budgets_of(problem, 60)
    results = mpsolve.solve_many(problem, budgets)
    assert_same(problem, budgets, results)
    assert {str(result.reason) for result in results} == {"OPTIMAL", "INFEASIBLE"}


def test_budgets_in_any_order_with_either_side():
    rng = np.random.default_rng(2)
    problem = mpsolve.Problem.from_arrays(
        rng.integers(-9, 9, (8, 4)), {"r": rng.integers(-20, 60, (8, 4))}
    )
    budgets = []
    for _ in range(300):
        low, high = sorted(rng.integers(-100, 400, 2).tolist())
        kinds = [high, (low, high), (low, None), (low, low), None, (None, high)]
        budgets.append({"r": kinds[rng.integers(len(kinds))]})
    assert_same(problem, budgets, mpsolve.solve_many(problem, budgets))


def test_many_small_problems_against_every_layout():
    for seed in range(150):
        rng = np.random.default_rng(seed)
        groups = [
            mpsolve.Group(
                f"g{i}",
                [
                    mpsolve.Option(
                        f"p{j}",
                        float(rng.integers(-4, 5)),
                        {"r": int(rng.integers(-3, 9)) * 2},
                    )
                    for j in range(int(rng.integers(1, 4)))
                ],
            )
            for i in range(int(rng.integers(1, 6)))
        ]
        problem = mpsolve.Problem(groups)
        budgets = [{"r": b} for b in range(-10, 60, 3)]
        results = mpsolve.solve_many(problem, budgets, rel_gap=0.0)
        for budget, result in zip(budgets, results, strict=True):
            twin = problem.with_budgets(budget)
            expected = mpsolve.solve(twin, "brute_force")
            assert (result.reason, result.primal) == (expected.reason, expected.primal)


def test_ties_fixed_layers_and_float_usages():
    rng = np.random.default_rng(0)
    problem = mpsolve.Problem.from_arrays(
        rng.random((6, 3)),
        {"time": rng.integers(0, 50, (6, 3)) / 10, "memory": rng.random((6, 3))},
        {"memory": (None, None)},
        ties=[(1, 4)],
        fixed={"layer0": "option1"},
    )
    for resource in ("time", "memory"):
        low, high = problem.reachable(resource)
        budgets = [{resource: b} for b in np.linspace(low, high, 40).tolist()]
        results = mpsolve.solve_many(problem, budgets)
        assert_same(problem, budgets, results)
        assert all(r.layout is None or r.layout["layer0"] == "option1" for r in results)


def test_other_budgets_of_the_problem_stay():
    rng = np.random.default_rng(1)
    table = {name: rng.integers(1, 40, (10, 3)) for name in ("memory", "time")}
    problem = mpsolve.Problem.from_arrays(rng.random((10, 3)), table, {"time": 190})
    budgets = budgets_of(problem, 8)
    assert_same(problem, budgets, mpsolve.solve_many(problem, budgets))
    alone = mpsolve.solve_many(problem, [{"time": None, "memory": 200}])[0]
    assert alone.method == "exact"
    assert alone.usage["time"] > 190


def test_inventory_and_couplings():
    rng = np.random.default_rng(4)
    layers = [f"l{i}" for i in range(8)]
    problem = mpsolve.Problem.from_arrays(
        rng.random((8, 3)),
        {"memory": rng.integers(1, 40, (8, 3))},
        layers=layers,
        inventory=mpsolve.at_most({"option0": 5}),
        couplings=[
            mpsolve.Coupling(u, v, rng.random((3, 3)))
            for u, v in itertools.pairwise(layers)
        ],
    )
    budgets = budgets_of(problem, 10)
    results = mpsolve.solve_many(problem, budgets)
    assert_same(problem, budgets, results)
    assert {r.method for r in results} == {"paths"}


def test_a_time_limit_is_for_all_together():
    problem = mixed_precision(2000, 8, seed=1)
    budgets = budgets_of(problem, 200)[5:-5]
    start = time.perf_counter()
    results = mpsolve.solve_many(problem, budgets, time_limit=0.0)
    assert time.perf_counter() - start < 20
    early = [r for r in results if r.reason == "FEASIBLE"]
    assert len(early) > 100
    assert {r.limit for r in early} == {"TIME"}
    for result in early[:3]:
        assert result.bound <= result.loss


def test_a_thousand_budgets_of_a_transformer():
    """32 blocks of 7 layers; the promise is 0.1 s, machines under load get more."""
    widths = np.tile([4, 1, 1, 4, 11, 11, 11], 32)[:, None] * 2**20
    for bits in ([4, 8, 16], [2, 3, 4, 5, 6, 8, 12, 16]):
        rng = np.random.default_rng(len(bits))
        usage = widths * np.array(bits) // 8
        sensitivity = 10.0 ** rng.uniform(-3, 3, (224, 1))
        noise = np.exp(0.1 * rng.normal(size=(224, len(bits))))
        loss = sensitivity * 4.0 ** -np.array(bits) * noise
        problem = mpsolve.Problem.from_arrays(loss, {"memory": usage})
        budgets = budgets_of(problem, 1000)
        spent = []
        for _ in range(3):
            start = time.process_time()
            results = mpsolve.solve_many(problem, budgets)
            spent.append(time.process_time() - start)
        assert min(spent) < 0.3
        assert sum(r.reason == "OPTIMAL" for r in results) > 980
        for i in range(25, 1000, 50):
            alone = mpsolve.solve(problem.with_budgets(budgets[i]))
            assert results[i].primal == pytest.approx(alone.primal, rel=2e-9)


def test_faults_are_reported_together():
    problem = mixed_precision(3, 3, seed=0)
    with pytest.raises(mpsolve.InvalidProblemError) as caught:
        mpsolve.solve_many(
            problem, [{"energy": 3}, {"memory": "much"}, {"memory": (5, 3)}, 7]
        )
    places = [fault.path for fault in caught.value.faults]
    assert places == [
        "budgets[0]['energy']",
        "budgets[1]['memory']",
        "budgets[2]['memory']",
        "budgets[3]",
    ]
    with pytest.raises(mpsolve.InvalidParameterError, match="rel_gap"):
        mpsolve.solve_many(problem, [], rel_gap=-1.0)
    assert len(mpsolve.solve_many(problem, [])) == 0


def test_slices_and_repr():
    problem = mixed_precision(5, 3, seed=0)
    results = mpsolve.solve_many(problem, budgets_of(problem, 9))
    assert [r.primal for r in results[2:4]] == [results[2].primal, results[3].primal]
    assert results[-1] is results[8]
    assert "9 budgets" in repr(results)
    with pytest.raises(IndexError):
        results[9]


def test_rows_that_break_something_are_seen():
    from mpsolve.verify_rows import verify_rows

    problem = mpsolve.Problem.from_arrays(
        [[1.0, 2.0]] * 4,
        {"r": [[1, 5]] * 4},
        ties=[(0, 1)],
        fixed={"layer3": "option0"},
    )
    rows = np.array(
        [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 7, 0]],
        dtype=np.int32,
    )
    totals = verify_rows(problem, rows, {"r": [(None, 7)] * 5})
    assert totals.is_feasible.tolist() == [True, False, False, False, False]
    assert totals.usage["r"].tolist()[:4] == [4, 8, 8, 8]


@pytest.mark.parametrize("method", ["exact", "paths"])
def test_ctrl_c_ends_all_of_them(method):
    rng = np.random.default_rng(0)
    steps = np.sort(rng.integers(1, 2 * 10**5, (20_000, 10)), axis=1)
    usage = np.cumsum(steps, axis=1)
    noise = 1e-3 * rng.random(usage.shape)
    loss = -(usage + 10.0 * np.arange(1, 11) + noise)
    problem = mpsolve.Problem.from_arrays(loss, {"memory": usage})
    budgets = budgets_of(problem, 30)[10:20]
    timer = threading.Timer(0.5, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    start = time.perf_counter()
    results = mpsolve.solve_many(problem, budgets, method, rel_gap=0.0)
    timer.cancel()
    assert time.perf_counter() - start < 30
    assert len(results) == 10
    last = results[-1]
    assert (last.reason, last.limit) == ("NO_SOLUTION_FOUND", "INTERRUPTED")
    assert last.bound == -np.inf
