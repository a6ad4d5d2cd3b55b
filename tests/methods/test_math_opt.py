"""HiGHS through MathOpt: where tolerances would lead astray, and stopping early."""

import _thread
import threading

import numpy as np
import pytest

from mpsolve import Layout, Problem, Reason, solve, verify
from mpsolve.methods import math_opt
from mpsolve.methods.math_opt import Highs
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
    monkeypatch.setattr(math_opt, "MOST_SOLVES", 1)
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


def test_its_tolerances_are_as_small_as_the_scaling_supposes():
    from ortools.math_opt.python import mathopt

    options = Highs().options(mathopt)
    assert options["solver_type"] is mathopt.SolverType.HIGHS
    assert dict(options["highs"].double_options) == {
        "mip_feasibility_tolerance": 1e-9,
        "primal_feasibility_tolerance": 1e-9,
        "dual_feasibility_tolerance": 1e-9,
    }


def test_it_takes_no_threads():
    assert "threads" not in Highs.capabilities.parameters


class Bag:
    """Something with attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Reports:
    """A stand-in for MathOpt's result, that says what it is told."""

    def __init__(self, reason, dual_bound=0.0, values=None, limit=None):
        self.termination = Bag(
            reason=Bag(name=reason),
            limit=None if limit is None else Bag(name=limit),
            objective_bounds=Bag(dual_bound=dual_bound),
        )
        self.solve_stats = Bag(node_count=0, simplex_iterations=0)
        self.values = values

    def has_primal_feasible_solution(self):
        return self.values is not None

    def variable_values(self):
        return {Bag(id=i): value for i, value in enumerate(self.values)}


SMALL = Problem.from_arrays([[1.0, 0.5, 0.0]] * 2, {"r": [[0, 1, 2]] * 2}, {"r": 2})


def said(monkeypatch, *reports):
    """Answer SMALL with a solver that says `reports`, one after the other."""
    left = list(reports)
    monkeypatch.setattr(Highs, "_run", lambda *_: (left.pop(0), False))
    result = solve(SMALL, "highs")
    assert not left
    return result


def test_optimal_is_not_believed_without_the_bound(monkeypatch):
    values = [1, 0, 0, 1, 0, 0]
    result = said(
        monkeypatch, Reports("OPTIMAL", 0.0, values), Reports("OPTIMAL", 0.0, values)
    )
    assert (result.reason, result.limit) == ("FEASIBLE", "OTHER")
    assert (result.loss, result.bound) == (2.0, 0.0)


def test_feasible_with_a_closed_gap_is_optimal(monkeypatch):
    report = Reports("FEASIBLE", 2.0**29, [0, 1, 0, 0, 1, 0], "TIME")
    assert said(monkeypatch, report).reason == "OPTIMAL"


@pytest.mark.parametrize(
    ("limit", "ours"),
    [("TIME", "TIME"), ("NODE", "NODE"), ("MEMORY", "MEMORY"), ("CUTOFF", "OTHER")],
)
def test_limits_keep_their_names(monkeypatch, limit, ours):
    result = said(monkeypatch, Reports("NO_SOLUTION_FOUND", -np.inf, None, limit))
    assert (result.reason, result.limit) == ("NO_SOLUTION_FOUND", ours)
    assert result.bound == 0.0


@pytest.mark.parametrize("reason", ["NUMERICAL_ERROR", "OTHER_ERROR", "IMPRECISE"])
def test_trouble_is_said(monkeypatch, reason):
    result = said(monkeypatch, Reports(reason, -np.inf))
    assert (result.reason, result.limit) == ("NO_SOLUTION_FOUND", "OTHER")
    assert reason in result.detail


@pytest.mark.parametrize("reason", ["INFEASIBLE", "INFEASIBLE_OR_UNBOUNDED"])
def test_infeasible_is_the_solvers_word(monkeypatch, reason):
    result = said(monkeypatch, Reports(reason))
    assert result.reason == Reason.INFEASIBLE
    assert "highs" in result.detail


def test_a_layout_over_budget_is_never_passed_on(monkeypatch):
    over, within = [0, 0, 1, 0, 0, 1], [0, 1, 0, 0, 1, 0]
    result = said(
        monkeypatch,
        Reports("OPTIMAL", 0.0, over),
        Reports("OPTIMAL", 2.0**29, within),
    )
    assert (result.reason, result.loss, result.usage) == ("OPTIMAL", 1.0, {"r": 2})


def test_values_are_read_by_the_largest(monkeypatch):
    blurred = [1e-7, 0.9999999, 1e-9, 0.3, 0.4, 0.3]
    assert said(monkeypatch, Reports("OPTIMAL", 2.0**29, blurred)).loss == 1.0


def test_ctrl_c_asks_the_solver_to_stop():
    is_asked = threading.Event()

    def solver():
        _thread.interrupt_main()
        assert is_asked.wait(30.0)
        return "what it has"

    assert math_opt._call(solver, is_asked.set) == ("what it has", True)


def test_a_solvers_error_reaches_the_caller():
    def solver():
        msg = "broken"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="broken"):
        math_opt._call(solver, lambda: None)


def test_ctrl_c_is_reported(monkeypatch):
    report = Reports("FEASIBLE", 0.0, [1, 0, 0, 1, 0, 0], "INTERRUPTED")
    monkeypatch.setattr(Highs, "_run", lambda *_: (report, True))
    result = solve(SMALL, "highs")
    assert (result.reason, result.limit) == ("FEASIBLE", "INTERRUPTED")
