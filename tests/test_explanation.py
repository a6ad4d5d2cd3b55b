"""Why not: conflicts, nearest budgets, what budgets and precisions are worth."""

import itertools
import math

import numpy as np
import pytest

import mpsolve
from mpsolve.conflict import constraints_of, find_conflict, under


def drawn(seed):
    """A small problem with a bit of everything, most often infeasible."""
    rng = np.random.default_rng(seed)
    layers = [f"l{i}" for i in range(int(rng.integers(2, 5)))]
    n, k = len(layers), int(rng.integers(2, 4))
    given = {}
    if rng.random() < 0.5:
        given["ties"] = [rng.permutation(layers)[:2].tolist()]
    elif rng.random() < 0.5:
        given["fixed"] = {layers[0]: "p0", layers[1]: "p1"}
    if rng.random() < 0.5:
        counts = rng.integers(0, n + 1, k)
        named = {f"p{j}": int(c) for j, c in enumerate(counts)}
        given["inventory"] = (
            mpsolve.at_most(named) if rng.random() < 0.5 else mpsolve.Inventory(named)
        )
    if rng.random() < 0.4:
        table = np.where(rng.random((k, k)) < 0.5, math.inf, rng.random((k, k)))
        given["couplings"] = [mpsolve.Coupling(layers[0], layers[-1], table)]
    budgets = {}
    for name in ("a", "b"):
        high = int(rng.integers(0, 4 * n))
        budgets[name] = [high, (high, None), (high, high + 1), None][rng.integers(4)]
    return mpsolve.Problem.from_arrays(
        rng.integers(-5, 6, (n, k)),
        {name: rng.integers(0, 9, (n, k)) for name in ("a", "b")},
        budgets,
        layers=layers,
        precisions=[f"p{j}" for j in range(k)],
        maximize=bool(rng.random() < 0.3),
        **given,
    )


def layouts(problem):
    sizes = np.diff(problem.offsets).tolist()
    for choices in itertools.product(*map(range, sizes)):
        yield mpsolve.Layout(problem, np.array(choices))


def is_feasible(problem):
    return any(mpsolve.verify(problem, layout) for layout in layouts(problem))


def infeasible(count):
    found = 0
    for seed in itertools.count():
        problem = drawn(seed)
        if not is_feasible(problem):
            yield problem
            found += 1
            if found == count:
                return


def test_conflicts_are_irreducible_and_smallest():
    sizes = set()
    for problem in infeasible(120):
        conflict = find_conflict(problem)
        assert conflict.is_irreducible
        assert conflict.is_smallest
        assert not is_feasible(under(problem, conflict.constraints))
        for left_out in range(len(conflict)):
            kept = [c for i, c in enumerate(conflict.constraints) if i != left_out]
            assert is_feasible(under(problem, kept))
        everything = constraints_of(problem)
        for fewer in range(len(conflict)):
            for chosen in itertools.combinations(everything, fewer):
                assert is_feasible(under(problem, chosen))
        sizes.add(len(conflict))
    assert sizes >= {1, 2, 3}


def test_nearest_budgets_are_those_of_every_layout():
    checked = 0
    for problem in infeasible(120):
        report = mpsolve.explain(problem)
        assert report.result.reason == "INFEASIBLE"
        bounded = {n: b for n, b in problem.budgets.items() if not b.is_open}
        assert report.nearest.keys() == bounded.keys()
        for name, budget in bounded.items():
            others = problem.with_budgets({**problem.budgets, name: None})
            verified = (mpsolve.verify(others, layout) for layout in layouts(others))
            totals = [v.usage[name] for v in verified if v]
            above = [t for t in totals if budget.upper is not None and t > budget.upper]
            below = [t for t in totals if budget.lower is not None and t < budget.lower]
            expected = (max(below, default=None), min(above, default=None))
            assert report.nearest[name] == expected
            checked += expected != (None, None)
    assert checked > 50


def test_what_budgets_are_worth_and_what_precisions_cost():
    steps = costs = 0
    for seed in range(500):
        problem = drawn(seed)
        report = mpsolve.explain(problem)
        if report.result.layout is None:
            continue
        sign = -1 if problem.maximize else 1
        every = [
            (layout, mpsolve.verify(problem, layout)) for layout in layouts(problem)
        ]
        best = min(sign * v.loss for _, v in every if v)
        assert sign * report.result.loss == pytest.approx(best, abs=1e-12)
        for name, worth in report.budgets.items():
            budget = problem.budgets[name]
            others = problem.with_budgets({**problem.budgets, name: None})
            found = [mpsolve.verify(others, layout) for layout, _ in every]
            is_lower = budget.upper is None or (
                worth.multiplier < 0 and budget.lower is not None
            )
            better = [
                (v.usage[name], sign * v.loss)
                for v in found
                if v
                and sign * v.loss < best - 1e-9
                and (
                    (
                        is_lower
                        and (budget.upper is None or v.usage[name] <= budget.upper)
                    )
                    or (
                        not is_lower
                        and (budget.lower is None or v.usage[name] >= budget.lower)
                    )
                )
            ]
            assert worth.is_exact
            if not better:
                assert worth.next_value is None
                continue
            steps += 1
            nearest = (max if is_lower else min)(total for total, _ in better)
            assert worth.next_value == nearest
            expected = min(loss for total, loss in better if total == nearest)
            assert sign * worth.next_loss == pytest.approx(expected, abs=1e-12)
        if problem.fixed or problem.ties:
            continue
        for layer, precision in itertools.product(problem.layers, problem.precisions):
            forced = report.force(layer, precision)
            with_it = [
                sign * v.loss for lay, v in every if v and lay[layer] == precision
            ]
            if not with_it:
                assert forced.cost == math.inf
                continue
            costs += 1
            assert forced.cost == pytest.approx(min(with_it) - best, abs=1e-9)
            assert forced.cost >= 0
            assert forced.result.layout[layer] == precision
    assert steps > 30
    assert costs > 200


def test_forcing_replaces_what_ties_and_fixes_say():
    problem = mpsolve.Problem.from_arrays(
        [[3.0, 1.0]] * 3,
        layers=["a", "b", "c"],
        precisions=["int4", "int8"],
        ties=[("a", "b")],
        fixed={"b": "int8"},
    )
    report = mpsolve.explain(problem)
    forced = report.force("a", "int4")
    assert forced.cost == 4
    assert forced.result.layout["b"] == "int4"
    assert report.force("c", "int8").cost == 0
    with pytest.raises(mpsolve.InvalidProblemError, match="'int2'"):
        report.force("a", "int2")
    with pytest.raises(mpsolve.InvalidProblemError, match="'d'"):
        report.force("d", "int4")


def test_groups_at_their_limit():
    problem = mpsolve.Problem.from_arrays(
        [[3.0, 0.0], [1.0, 0.5], [2.0, 2.0]],
        {"r": [[1, 2], [1, 2], [1, 1]]},
        {"r": 4},
    )
    report = mpsolve.explain(problem)
    assert report.at_least_loss == ("layer0",)
    assert report.at_least_usage == {"r": ("layer1",)}


def test_float_usages_and_equalities():
    problem = mpsolve.Problem.from_arrays(
        [[0.3, 0.1], [0.2, 0.0]],
        {"time": [[0.1, 0.2], [0.1, 0.4]]},
        {"time": (0.25, 0.28)},
    )
    assert mpsolve.explain(problem).nearest == {"time": (0.2, 0.3)}
    worth = mpsolve.explain(problem.with_budgets({"time": 0.31})).budgets["time"]
    assert (worth.next_value, worth.is_exact) == (0.6, True)
    assert worth.slack == pytest.approx(0.01)


def test_a_large_problem_has_a_small_conflict():
    n = 400
    layers = [f"l{i}" for i in range(n)]
    problem = mpsolve.Problem.from_arrays(
        np.zeros((n, 2)),
        {"r": np.tile([1, 3], (n, 1))},
        {"r": n + 1},
        layers=layers,
        precisions=["int4", "int8"],
        fixed={name: "int8" if name == "l77" else "int4" for name in layers[:200]},
    )
    conflict = mpsolve.explain(problem).conflict
    assert [str(c) for c in conflict.constraints] == [
        f"r <= {n + 1}",
        "fixed: 'l77' is int8",
    ]
    assert conflict.is_irreducible


def test_the_record_is_json():
    import json

    for seed in range(30):
        json.dumps(mpsolve.explain(drawn(seed)).to_dict(), allow_nan=False)
