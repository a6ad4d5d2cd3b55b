"""The integer program behind the MIP solvers: exact, or wider than the problem."""

import math
from fractions import Fraction

import numpy as np
import pytest

from mpsolve import Group, Inventory, Option, Problem
from mpsolve.formulate.objective import OBJECTIVE_SPAN, make_objective
from mpsolve.formulate.program import make_program
from mpsolve.formulate.rows import Row
from tests.strategies import random_problem, random_shape


def some_choices(rng, offsets):
    return rng.integers(0, np.diff(offsets))


def keeps(total, lower, upper):
    return (lower is None or total >= lower) and (upper is None or total <= upper)


@pytest.mark.parametrize("seed", range(8))
def test_rows_accept_exactly_the_layouts_within_the_budgets(seed):
    rng = np.random.default_rng([41, seed])
    accepted = 0
    for _ in range(60):
        shape = random_shape(rng, num_resources=int(rng.integers(1, 4)))
        problem = random_problem(rng, shape, num_groups=int(rng.integers(1, 7)))
        merged = problem.merged
        program = make_program(merged)
        for _ in range(20):
            choices = some_choices(rng, merged.offsets)
            chosen = merged.offsets[:-1] + choices
            is_feasible = all(
                keeps(sum(merged.usage[name][chosen].tolist()), *limits)
                for name, limits in merged.limits.items()
            )
            totals = [
                (sum(r.values[chosen].tolist()), r.lower, r.upper) for r in program.rows
            ]
            assert all(keeps(*total) for total in totals) == is_feasible
            assert (not any(program.covers(choices))) == is_feasible
            if program.is_infeasible:
                assert not is_feasible
            accepted += is_feasible
            if is_feasible:
                assert program.is_open[chosen].all()
    assert accepted > 50


@pytest.mark.parametrize("seed", range(8))
def test_scaled_rows_are_no_narrower(seed):
    """In exact fractions, also where float64 cannot hold the integers."""
    rng = np.random.default_rng([42, seed])
    offsets = np.array([0, 3, 6, 9, 12])
    for bits in (4, 12, 30, 45, 53, 58, 60):
        values = rng.integers(0, 2**bits, 12)
        values[::3] = 0
        for _ in range(20):
            chosen = offsets[:-1] + rng.integers(0, 3, 4)
            total = sum(values[chosen].tolist())
            row = Row("r", values, lower=total, upper=total)
            coefficients, lower, upper = row.scaled(offsets)
            assert coefficients.max() <= 2**10
            scaled = sum(map(Fraction, coefficients[chosen].tolist()))
            assert lower <= scaled <= upper
            # And hardly wider: by at most the rounding and what solvers drop.
            slack = 4 * 2.0**-40 if bits < 53 else 4 * 2.0**-36
            assert upper - lower <= slack


def test_small_rows_are_not_scaled_at_all():
    row = Row("r", np.array([0, 3, 0, 7]), lower=None, upper=8)
    coefficients, lower, upper = row.scaled(np.array([0, 2, 4]))
    assert coefficients.tolist() == [0.0, 3.0, 0.0, 7.0]
    assert (lower, upper) == (-math.inf, 8.0)


def test_rows_are_shifted_and_divided():
    problem = Problem.from_arrays(
        [[0.0, 0.0]] * 2, {"r": [[1007, 1013], [-50, -20]]}, {"r": (965, 984)}
    )
    (row,) = make_program(problem.merged).rows
    assert row.values.tolist() == [0, 1, 0, 5]
    assert (row.lower, row.upper) == (2, 4)


def test_rows_that_cannot_be_broken_are_left_out():
    problem = Problem.from_arrays([[0.0, 0.0]], {"r": [[1, 2]]}, {"r": (1, 2)})
    assert make_program(problem.merged).rows == ()
    one_sided = problem.with_budgets({"r": (0, 1)})
    (row,) = make_program(one_sided.merged).rows
    assert (row.lower, row.upper) == (None, 0)


@pytest.mark.parametrize("budget", [0, (3, None), (2, 2), (-5, 0)])
def test_what_integers_show_needs_no_solver(budget):
    problem = Problem.from_arrays([[0.0, 0.0]], {"r": [[1, 3]]}, {"r": budget})
    program = make_program(problem.merged)
    assert program.is_infeasible == (budget != (3, None))


def test_options_that_exceed_a_budget_alone_are_closed():
    problem = Problem.from_arrays(
        [[0.0] * 3] * 2, {"r": [[1, 5, 9], [1, 2, 3]]}, {"r": 6}
    )
    program = make_program(problem.merged)
    assert program.is_open.tolist() == [True, True, False, True, True, True]
    both = Problem.from_arrays(
        [[0.0, 0.0]] * 2, {"a": [[0, 9]] * 2, "b": [[9, 0]] * 2}, {"a": 8, "b": 8}
    )
    assert make_program(both.merged).is_infeasible


def test_inventories_count_layers():
    groups = [Group(n, [Option("x", 0.0), Option("y", 1.0)]) for n in "abc"]
    problem = Problem(groups, ties=[["a", "b"]], inventory={"x": 2, "y": 1})
    first, second = make_program(problem.merged).rows
    assert (first.values.tolist(), first.lower, first.upper) == ([2, 0, 1, 0], 2, 2)
    assert (second.values.tolist(), second.lower, second.upper) == ([0, 2, 0, 1], 1, 1)
    loose = Problem(groups, inventory=Inventory({"x": 1}, exact=False))
    (row,) = make_program(loose.merged).rows
    assert (row.lower, row.upper) == (None, 1)


@pytest.mark.parametrize("seed", range(5))
def test_covers_cut_off_what_breaks_a_row_and_nothing_else(seed):
    rng = np.random.default_rng([43, seed])
    offsets = np.arange(0, 16, 3)
    cut = 0
    for _ in range(40):
        values = rng.integers(0, 20, 15)
        values[::3] = 0
        lower = int(rng.integers(10, 30))
        row = Row("r", values, lower=lower, upper=lower + int(rng.integers(0, 12)))
        covers = list(row.covers(offsets, some_choices(rng, offsets)))
        for _ in range(60):
            choices = some_choices(rng, offsets)
            chosen = offsets[:-1] + choices
            within = keeps(int(values[chosen].sum()), row.lower, row.upper)
            own = list(row.covers(offsets, choices))
            assert bool(own) != within
            for cover in own:
                assert np.isin(chosen, cover.options).sum() > cover.most
                cut += 1
            if within:
                for cover in covers:
                    assert np.isin(chosen, cover.options).sum() <= cover.most
    assert cut > 100


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e-9, 1.0, 1e9, 1e200])
def test_objectives_have_the_same_span_in_any_unit(scale):
    loss = np.array([[3.0, 1.0, 2.0], [-5.0, -1.0, -4.0]]) * scale
    problem = Problem.from_arrays(loss)
    program = make_program(problem.merged)
    objective = make_objective(program)
    assert objective.values.reshape(2, 3).max(axis=1).sum() >= OBJECTIVE_SPAN
    assert objective.values.reshape(2, 3).max(axis=1).sum() < 2 * OBJECTIVE_SPAN
    assert objective.values.min() == 0.0
    assert objective.least == math.fsum(loss.min(axis=1).tolist())
    assert objective.bound(-math.inf) == objective.least
    assert objective.bound(0.0) == objective.least


def test_bounds_are_taken_back_by_what_tolerances_can_hide():
    loss = np.array([[0.1, 0.7], [0.3, 1.1]])
    problem = Problem.from_arrays(loss)
    objective = make_objective(make_program(problem.merged))
    assert objective.quantum == 0.0
    exact = objective.values[1] + objective.values[3]
    bound = objective.bound(exact)
    assert bound < 1.8
    assert bound == pytest.approx(1.8, rel=1e-14)


def test_bounds_of_whole_losses_are_whole():
    problem = Problem.from_arrays([[3.0, 0.0], [5.0, 1.0]])
    objective = make_objective(make_program(problem.merged))
    exact = float(objective.values[0])
    assert objective.bound(exact) == 4.0
    assert objective.bound(exact * (1 - 1e-12)) == 4.0
    assert objective.bound(exact * 0.9) == 4.0
    assert objective.bound(exact * 0.6) == 3.0


def test_a_known_layout_sets_the_scale():
    loss = np.array([[0.0, 1e6, 1e-6], [0.0, 1e6, 2e-6]])
    problem = Problem.from_arrays(loss)
    program = make_program(problem.merged)
    coarse = make_objective(program)
    fine = make_objective(program, 3e-6)
    assert fine.exponent > coarse.exponent + 30
    # Beyond the known layout losses only need to be too large, not right.
    assert fine.values[1] == fine.values[4] == 4 * OBJECTIVE_SPAN
    assert math.ldexp(fine.values[2], -fine.exponent) == 1e-6


def test_closed_options_do_not_set_the_scale():
    problem = Problem.from_arrays(
        [[0.0, -1e9], [0.0, 1.0]], {"r": [[0, 9], [0, 1]]}, {"r": 5}
    )
    objective = make_objective(make_program(problem.merged))
    assert objective.least == 0.0
    assert objective.values[1] == 0.0
    assert math.ldexp(objective.values[3], -objective.exponent) == 1.0


def test_all_losses_the_same():
    problem = Problem.from_arrays([[2.0, 2.0]] * 3)
    objective = make_objective(make_program(problem.merged))
    assert not objective.values.any()
    assert objective.bound(0.0) == 6.0
