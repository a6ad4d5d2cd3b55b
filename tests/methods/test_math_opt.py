"""HiGHS and SCIP: where tolerances would lead astray, and stopping early."""

import math

import numpy as np
import pytest

from mpsolve import Layout, Problem, solve, verify
from mpsolve.methods import mip_search
from mpsolve.methods.math_opt import Highs, Scip, as_run
from mpsolve.model.generate import hard_arrays
from mpsolve.result import Limit

pytest.importorskip("ortools")


def knapsacks(num_groups, num_options, num_budgets, seed=0):
    rng = np.random.default_rng(seed)
    shape = num_groups, num_options
    loss = np.sort(10.0 ** rng.uniform(-6, 0, shape), axis=1)[:, ::-1]
    usage = {
        f"r{b}": np.sort(rng.integers(1, 10**5, shape), axis=1)
        for b in range(num_budgets)
    }
    budgets = {name: int(u.mean(axis=1).sum() * 0.9) for name, u in usage.items()}
    return Problem.from_arrays(loss, usage, budgets)


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1e-6, 1.0, 1e9])
def test_small_losses_are_proven_as_sharply_as_large_ones(scale):
    """Raw losses of 3e-4 mislead HiGHS by 0.34 %, of 3e-7 by a factor of 30."""
    problem = knapsacks(60, 4, 1)
    scaled = Problem.from_arrays(
        problem.loss.reshape(60, 4) * scale,
        {"r": problem.resources["r0"].usage.reshape(60, 4)},
        {"r": problem.budgets["r0"].upper},
    )
    result = solve(scaled, "highs")
    best = solve(scaled, "exact", rel_gap=0)
    assert result.reason == "OPTIMAL"
    assert result.loss == pytest.approx(best.loss, rel=1e-12, abs=0.0)
    assert result.gap <= 1e-9


def test_several_budgets_agree_with_brute_force():
    for seed in range(6):
        problem = knapsacks(8, 4, 3, seed)
        assert solve(problem, "highs", rel_gap=0).loss == pytest.approx(
            solve(problem, "brute_force").loss, rel=1e-12
        )


def test_the_proof_says_whose_it_is():
    result = solve(knapsacks(20, 3, 2), "highs")
    assert result.reason == "OPTIMAL"
    assert "proven by highs" in result.detail
    assert result.counters["solves"] >= 1
    assert result.bound <= result.loss


def hair_thin(rng):
    """A budget one unit below the best layout's total, near 2^60."""
    usage = rng.integers(2**56, 2**57, (8, 3))
    loss = -usage.astype(float)
    chosen = usage[np.arange(8), rng.integers(0, 3, 8)]
    return Problem.from_arrays(loss, {"r": usage}, {"r": sum(chosen.tolist()) - 1})


def test_what_breaks_a_budget_within_tolerance_is_cut_off():
    rng = np.random.default_rng(1)
    solves = []
    for _ in range(25):
        problem = hair_thin(rng)
        result, best = solve(problem, "highs"), solve(problem, "brute_force")
        assert result.reason == best.reason == "OPTIMAL"
        assert result.loss == pytest.approx(best.loss, rel=1e-9)
        assert result.usage["r"] <= problem.budgets["r"].upper
        solves.append(result.counters["solves"])
    assert max(solves) > 1


def test_it_gives_up_on_a_budget_that_it_cannot_keep(monkeypatch):
    monkeypatch.setattr(mip_search, "MOST_SOLVES", 1)
    rng = np.random.default_rng(1)
    results = [solve(hair_thin(rng), "highs") for _ in range(25)]
    given_up = [r for r in results if r.reason == "NO_SOLUTION_FOUND"]
    assert given_up
    for result in given_up:
        assert result.limit == Limit.OTHER
        assert "more digits" in result.detail
        assert result.layout is None


def test_a_time_limit_keeps_layout_and_bound():
    problem = knapsacks(2000, 6, 3)
    result = solve(problem, "highs", time_limit=1.0)
    assert result.time < 20.0
    assert result.limit == Limit.TIME
    if result.layout is not None:
        assert verify(problem, result.layout)
        assert result.bound <= result.loss
    nothing = solve(problem, "highs", time_limit=0)
    assert (nothing.reason, nothing.limit) == ("NO_SOLUTION_FOUND", "TIME")
    assert nothing.bound <= result.bound


def test_a_hint_is_a_layout_to_fall_back_on():
    problem = knapsacks(2000, 6, 3)
    hint = Layout(problem, np.zeros(2000, dtype=int))
    result = solve(problem, "highs", time_limit=0.01, hint=hint)
    assert (result.reason, result.limit) == ("FEASIBLE", "TIME")
    assert result.loss <= verify(problem, hint).loss
    broken = Layout(problem, np.full(2000, 5))
    assert not verify(problem, broken)
    result = solve(problem, "highs", time_limit=0.01, hint=broken)
    assert result.layout is None or verify(problem, result.layout)


def test_a_node_limit():
    problem = knapsacks(300, 8, 3)
    result = solve(problem, "highs", node_limit=1)
    assert result.reason in ("OPTIMAL", "FEASIBLE", "NO_SOLUTION_FOUND")
    assert result.limit in (None, "NODE")
    assert result.counters["nodes"] <= 2


def test_a_gap_ends_the_search_early():
    problem = knapsacks(200, 6, 2)
    rough = solve(problem, "highs", rel_gap=0.2)
    assert rough.reason == "OPTIMAL"
    assert rough.gap <= 0.2
    by_units = solve(problem, "highs", abs_gap=0.5 * rough.loss, rel_gap=0)
    assert by_units.reason == "OPTIMAL"
    assert by_units.absolute_gap <= 0.5 * rough.loss


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**40])
def test_any_seed_will_do(seed):
    problem = knapsacks(10, 3, 2)
    assert solve(problem, "highs", seed=seed).loss == solve(problem, "highs").loss


def test_tolerances_are_as_small_as_the_scaling_supposes():
    from ortools.math_opt.python import mathopt

    solver, settings = Highs().settings(mathopt)
    assert solver is mathopt.SolverType.HIGHS
    # Not that of integers: HiGHS then calls layouts optimal that are not.
    assert dict(settings["highs"].double_options) == {
        "primal_feasibility_tolerance": 1e-9,
        "dual_feasibility_tolerance": 1e-9,
    }
    solver, settings = Scip().settings(mathopt)
    assert solver is mathopt.SolverType.GSCIP
    assert dict(settings["gscip"].real_params) == {
        "numerics/feastol": 1e-9,
        "numerics/dualfeastol": 1e-9,
    }


def test_highs_takes_no_threads():
    assert "threads" not in Highs.capabilities.parameters


@pytest.mark.parametrize("kind", ["strongly", "strongly_flat", "weakly", "subset_sum"])
def test_highs_is_right_on_correlated_losses(kind):
    """With a tolerance of 1e-9 on integers one in ten was optimal and wrong."""
    for seed in range(2):
        arrays = hard_arrays(kind, 12, 8, seed, largest=1000)
        problem = Problem.from_arrays(
            arrays.loss, {"r": arrays.usage}, {"r": arrays.budget}
        )
        result = solve(problem, "highs", rel_gap=0, time_limit=20.0)
        best = solve(problem, "exact", rel_gap=0)
        assert result.bound <= best.loss
        if result.reason == "OPTIMAL":
            assert result.loss == best.loss


def test_a_hint_outside_of_the_budget_is_dropped():
    """HiGHS fails on a start that chooses a closed column."""
    problem = Problem.from_arrays([[1.0, 2.0]], {"r": [[3, 1]]}, {"r": 2})
    result = solve(problem, "highs", hint=Layout(problem, [0]))
    assert (result.reason, result.loss) == ("OPTIMAL", 2.0)


class Bag:
    """Something with attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def report(reason, limit=None, values=None):
    """Make what MathOpt returns."""
    return Bag(
        termination=Bag(
            reason=Bag(name=reason),
            limit=None if limit is None else Bag(name=limit),
            objective_bounds=Bag(dual_bound=3.0),
        ),
        solve_stats=Bag(node_count=5, simplex_iterations=7),
        has_primal_feasible_solution=lambda: values is not None,
        variable_values=lambda: {Bag(id=i): v for i, v in (values or {}).items()},
    )


@pytest.mark.parametrize(
    ("limit", "ours"),
    [("TIME", "TIME"), ("NODE", "NODE"), ("MEMORY", "MEMORY"), ("CUTOFF", None)],
)
def test_limits_keep_their_names(limit, ours):
    run = as_run(report("NO_SOLUTION_FOUND", limit), 3, is_interrupted=False)
    assert (run.status, run.limit, run.values) == ("stopped", ours, None)
    assert (run.nodes, run.iterations, run.dual_bound) == (5, 7, 3.0)


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("OPTIMAL", "optimal"),
        ("INFEASIBLE", "infeasible"),
        ("INFEASIBLE_OR_UNBOUNDED", "infeasible"),
        ("FEASIBLE", "stopped"),
        ("NUMERICAL_ERROR", "stopped"),
    ],
)
def test_reasons(reason, status):
    run = as_run(report(reason, values={1: 0.5}), 3, is_interrupted=True)
    assert run.status == status
    assert run.is_interrupted
    assert run.values.tolist() == [0.0, 0.5, 0.0]
    assert reason in run.detail


def test_an_error_that_mathopt_cannot_report_is_said(monkeypatch):
    from ortools.math_opt.python import mathopt

    def fails(*_, **__):
        try:
            int("HighsStatus: kError")
        except ValueError as error:
            return error.canonical_code

    monkeypatch.setattr(mathopt, "solve", fails)
    result = solve(Problem.from_arrays([[1.0, 2.0]]), "highs")
    assert (result.reason, result.limit) == ("NO_SOLUTION_FOUND", Limit.OTHER)
    assert "kError" in result.detail
    assert math.isfinite(result.bound)
