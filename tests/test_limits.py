"""Solves that stop early: the best layout so far, and a bound that holds."""

import math
import signal
import threading
import time

import numpy as np

from mpsolve import Problem, solve, verify


def hard_problem(num_groups: int = 20_000, num_options: int = 10) -> Problem:
    """Strongly correlated groups: more labels than any test waits for."""
    rng = np.random.default_rng(0)
    shape = num_groups, num_options
    steps = np.sort(rng.integers(1, 2 * 10**6 // num_options, shape), axis=1)
    usage = np.cumsum(steps, axis=1)
    loss = -(usage + 10.0 * np.arange(1, num_options + 1) + 1e-3 * rng.random(shape))
    budget = int(usage.min(axis=1).sum() + usage.max(axis=1).sum()) // 2
    return Problem.from_arrays(loss, {"memory": usage}, {"memory": budget})


def check_stopped(problem, result, limit):
    assert (result.reason, result.limit) == ("FEASIBLE", limit)
    assert verify(problem, result.layout)
    assert result.usage["memory"] <= problem.budgets["memory"].upper
    assert -math.inf < result.bound <= result.loss
    # The greedy layout's Lagrangian bound and loss enclose the optimum.
    greedy = solve(problem, "greedy")
    assert result.bound <= greedy.loss
    assert greedy.bound <= result.loss


def test_a_time_limit_leaves_a_layout_and_a_bound():
    problem = hard_problem()
    start = time.perf_counter()
    result = solve(problem, time_limit=0.3, rel_gap=0)
    assert time.perf_counter() - start < 10.0
    check_stopped(problem, result, "TIME")
    assert result.gap < 1e-3


def test_a_time_limit_of_zero():
    problem = hard_problem(2_000)
    result = solve(problem, time_limit=0)
    assert result.limit == "TIME"
    assert result.reason in ("FEASIBLE", "NO_SOLUTION_FOUND")
    assert result.bound <= solve(problem, "greedy").loss


def test_a_node_limit_leaves_a_layout_and_a_bound():
    problem = hard_problem()
    result = solve(problem, node_limit=10_000, rel_gap=0)
    check_stopped(problem, result, "NODE")


def test_ctrl_c_leaves_a_layout_and_a_bound():
    problem = hard_problem()
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    result = solve(problem, time_limit=60.0, rel_gap=0)
    timer.cancel()
    check_stopped(problem, result, "INTERRUPTED")
    assert result.time < 30.0


def test_progress_is_told_losses_and_bounds():
    problem = hard_problem()
    told = []
    solve(problem, time_limit=0.5, rel_gap=0, progress=lambda *seen: told.append(seen))
    assert told
    for loss, bound, labels in told:
        assert loss is None or bound <= loss
        assert labels >= 0


def test_progress_is_told_gains_where_they_are_maximised():
    losses = hard_problem()
    problem = Problem.from_arrays(
        -losses.loss.reshape(losses.num_groups, -1),
        {
            name: resource.usage.reshape(losses.num_groups, -1)
            for name, resource in losses.resources.items()
        },
        dict(losses.budgets),
        maximize=True,
    )
    told = []
    result = solve(
        problem, time_limit=0.5, rel_gap=0, progress=lambda *seen: told.append(seen)
    )
    gain, bound, _ = told[-1]
    assert gain is None or gain <= bound
    assert np.sign(bound) == np.sign(result.bound)


def test_a_wide_gap_ends_the_search():
    problem = hard_problem()
    result = solve(problem, rel_gap=0.01, time_limit=60.0)
    assert result.reason == "OPTIMAL"
    assert result.gap <= 0.01
    assert result.rel_gap == 0.01
