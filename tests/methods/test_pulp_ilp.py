"""CBC and PuLP's other solvers: what they say, and what is made of it."""

import numpy as np
import pytest

from mpsolve import Problem, solve, verify
from mpsolve.errors import (
    InvalidParameterError,
    MethodUnavailableError,
)
from mpsolve.methods import cbc, get_method
from mpsolve.methods.cbc import read_solution
from mpsolve.testing.hard import hard_problem

pulp = pytest.importorskip("pulp")

SMALL = Problem.from_arrays([[1.0, 0.5, 0.0]] * 2, {"r": [[0, 1, 2]] * 2}, {"r": 2})


def positive():
    """Three budgets, and losses that are not negative."""
    rng = np.random.default_rng(8)
    usage = {
        f"r{b}": np.sort(rng.integers(1, 10**5, (40, 5)), axis=1) for b in range(3)
    }
    budgets = {name: int(u.mean(axis=1).sum() * 0.9) for name, u in usage.items()}
    return Problem.from_arrays(
        np.sort(10 + rng.random((40, 5)))[:, ::-1], usage, budgets
    )


def test_optimal_comes_with_a_bound():
    run = read_solution("Optimal - objective value 5.25\n 0 x1 1 0\n", "", 3)
    assert (run.status, run.dual_bound) == ("optimal", 5.25)
    assert run.values.tolist() == [0.0, 1.0, 0.0]


def test_optimal_within_a_gap_is_worth_no_more_than_its_bound():
    log = "Result - Optimal solution found (within gap tolerance)\nLower bound: 4.5\n"
    run = read_solution("Optimal - objective value 5.25\n", log, 1)
    assert 4.49 < run.dual_bound <= 4.5
    silent = read_solution("Optimal - objective value 5.25\n", log.split("\n")[0], 1)
    assert silent.dual_bound == -np.inf


@pytest.mark.parametrize(
    ("why", "limit"), [("time", "TIME"), ("iterations", "NODE"), ("ctrl-c", None)]
)
def test_stopped_is_not_optimal(why, limit):
    """PuLP calls this Optimal."""
    head = f"Stopped on {why} - objective value 9\n     0 x0 ** 1 0\n"
    run = read_solution(head, "Lower bound: 3.000\n", 1)
    assert (run.status, run.limit) == ("stopped", limit)
    assert run.values.tolist() == [1.0]
    assert 2.9 < run.dual_bound <= 3.0


@pytest.mark.parametrize(
    "head",
    [
        "Stopped on time (no integer solution - continuous used) - objective value 3",
        "",
        "Unbounded - objective value 0",
    ],
)
def test_no_layout_is_none(head):
    run = read_solution(head, "some log", 2)
    assert run.status == "stopped"
    assert run.values is None or "Unbounded" in head


@pytest.mark.parametrize("head", ["Infeasible - objective", "Integer infeasible - o"])
def test_infeasible(head):
    assert read_solution(head, "", 2).status == "infeasible"


def test_after_a_time_limit_nothing_is_optimal():
    problem = hard_problem(get_method("pulp"))
    result = solve(problem, "pulp", time_limit=1.0)
    assert result.limit == "TIME"
    assert verify(problem, result.layout)
    assert result.bound < result.loss


def test_a_node_limit_and_threads():
    problem = hard_problem(get_method("pulp"))
    result = solve(problem, "pulp", node_limit=3, threads=2, time_limit=20.0)
    assert (result.reason, result.limit) == ("FEASIBLE", "NODE")


def test_a_gap_ends_the_search_early():
    problem = positive()
    result = solve(problem, "pulp", rel_gap=0.05, time_limit=30.0)
    assert result.reason == "OPTIMAL"
    assert 0.0 < result.gap <= 0.05


def test_without_a_program_it_says_so(monkeypatch):
    monkeypatch.setattr(pulp.COIN_CMD, "available", lambda self: False)
    monkeypatch.setattr(pulp.PULP_CBC_CMD, "available", lambda self: False)
    with pytest.raises(MethodUnavailableError, match="needs CBC"):
        solve(SMALL, "pulp")


def test_pulps_own_solvers_by_name():
    method = get_method("pulp:PULP_CBC_CMD")
    assert method.name == "pulp:PULP_CBC_CMD"
    assert method.capabilities.proves
    assert "seed" not in method.capabilities.parameters
    result = solve(SMALL, "pulp:PULP_CBC_CMD", time_limit=20.0, threads=1)
    assert (result.reason, result.loss) == ("OPTIMAL", 1.0)
    assert result.method == "pulp:PULP_CBC_CMD"
    assert solve(SMALL.with_budgets({"r": -1}), "pulp:PULP_CBC_CMD").layout is None
    with pytest.raises(InvalidParameterError, match="cannot honour seed"):
        solve(SMALL, "pulp:PULP_CBC_CMD", seed=1)


def test_a_time_limit_of_pulps_own_solvers_is_not_optimal():
    problem = hard_problem(get_method("pulp"))
    result = solve(problem, "pulp:PULP_CBC_CMD", time_limit=1.0)
    assert result.reason == "FEASIBLE"
    assert verify(problem, result.layout)


def test_infeasible_together_is_said_by_pulps_own_solvers():
    problem = Problem.from_arrays(
        [[0.0, 0.0]] * 2, {"a": [[1, 5]] * 2, "b": [[5, 1]] * 2}, {"a": 6, "b": 5}
    )
    assert solve(problem, "brute_force").reason == "INFEASIBLE"
    assert solve(problem, "pulp:PULP_CBC_CMD").reason == "INFEASIBLE"


def test_unknown_and_missing_solvers_are_named():
    with pytest.raises(InvalidParameterError, match=r"no solver 'NOPE'\. Known are"):
        get_method("pulp:NOPE")
    missing = set(pulp.listSolvers()) - set(pulp.listSolvers(onlyAvailable=True))
    with pytest.raises(MethodUnavailableError, match="cannot find the solver"):
        get_method(f"pulp:{min(missing)}")


def test_a_solver_without_gaps_proves_nothing(monkeypatch):
    from mpsolve.methods import pulp_ilp

    arguments = pulp_ilp._arguments
    monkeypatch.setattr(
        pulp_ilp, "_arguments", lambda name: arguments(name) - {"gapRel", "gapAbs"}
    )
    result = solve(SMALL, "pulp:PULP_CBC_CMD")
    assert (result.reason, result.limit, result.loss) == ("FEASIBLE", "OTHER", 1.0)


def test_ctrl_c_leaves_no_program_behind(monkeypatch):
    import _thread
    import threading

    started = []
    popen = cbc.subprocess.Popen
    monkeypatch.setattr(
        cbc.subprocess,
        "Popen",
        lambda *a, **k: started.append(popen(*a, **k)) or started[-1],
    )
    timer = threading.Timer(1.0, _thread.interrupt_main)
    timer.start()
    problem = hard_problem(get_method("pulp"))
    result = solve(problem, "pulp", time_limit=60.0)
    assert result.limit == "INTERRUPTED"
    assert all(process.poll() is not None for process in started)
    assert result.time < 8.0
