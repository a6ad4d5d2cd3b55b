"""PuLP, CP-SAT and MathOpt models: solved by their own solvers, mapped back."""

import math

import numpy as np
import pytest

from mpsolve import Coupling, Problem, solve, verify
from mpsolve.errors import InvalidParameterError, MethodUnavailableError
from mpsolve.formulate import to_cp_sat, to_lp, to_math_opt, to_pulp
from mpsolve.testing import CLASSES, random_problem

pytest.importorskip("ortools")
pytest.importorskip("pulp")


def by_pulp(problem):
    import pulp

    formulation = to_pulp(problem)
    formulation.model.solve(pulp.PULP_CBC_CMD(msg=False, gapRel=0, gapAbs=0))
    if formulation.model.sol_status != pulp.LpSolutionOptimal:
        return formulation, None, None
    values = [v.value() or 0.0 for v in formulation.variables]
    # PuLP gives an objective without terms no value.
    return formulation, values, pulp.value(formulation.model.objective) or 0.0


def by_cp_sat(problem):
    from ortools.sat.python import cp_model

    formulation = to_cp_sat(problem)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.presolve_inclusion_work_limit = 0
    solver.parameters.catch_sigint_signal = False
    if solver.solve(formulation.model) != cp_model.OPTIMAL:
        return formulation, None, None
    values = [solver.value(v) for v in formulation.variables]
    return formulation, values, solver.objective_value


def by_math_opt(problem):
    from ortools.math_opt.python import mathopt

    formulation = to_math_opt(problem)
    result = mathopt.solve(
        formulation.model,
        mathopt.SolverType.GSCIP,
        params=mathopt.SolveParameters(
            relative_gap_tolerance=0.0, absolute_gap_tolerance=0.0
        ),
    )
    if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
        return formulation, None, None
    values = result.variable_values(formulation.variables)
    return formulation, values, result.objective_value()


SOLVERS = [by_pulp, by_cp_sat, by_math_opt]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_has_the_optimum(kind, solver):
    rng = np.random.default_rng([61, len(kind)])
    feasible = 0
    for _ in range(4):
        problem = random_problem(CLASSES[kind], rng, int(rng.integers(3, 8)))
        best = solve(problem, "brute_force")
        formulation, values, objective = solver(problem)
        assert (values is None) == (best.layout is None)
        if values is None:
            continue
        feasible += 1
        layout = formulation.layout(values)
        assert verify(problem, layout)
        size = 1e-9 * float(np.abs(problem.loss).sum()) + 1e-300
        loss = verify(problem, layout).loss
        assert loss == pytest.approx(best.loss, rel=1e-9, abs=size)
        size += formulation.resolution
        assert formulation.loss(objective) == pytest.approx(loss, rel=1e-6, abs=size)
    assert feasible >= 1


def test_names_reach_the_targets():
    problem = Problem.from_arrays(
        [[1.0, 2.0]] * 2,
        {"memory": [[2, 1]] * 2},
        {"memory": 3},
        layers=["conv1", "fc"],
        precisions=["int4", "fp16"],
        couplings=[Coupling("conv1", "fc", [[0.0, 1.0], [2.0, math.inf]])],
    )
    wanted = to_lp(problem).names
    assert len(wanted) == 7
    assert [v.name for v in to_pulp(problem).variables] == wanted
    assert [v.name for v in to_cp_sat(problem).variables] == wanted
    assert [v.name for v in to_math_opt(problem).variables] == wanted
    rows = {c.name for c in to_math_opt(problem).model.linear_constraints()}
    assert {"one.fc", "sum.memory", "meet.fc.fp16.conv1"} <= rows
    assert rows == set(to_pulp(problem).model.constraints)


@pytest.mark.parametrize("write", [to_pulp, to_math_opt, to_lp])
def test_without_scaling_the_objective_is_the_loss(write):
    problem = Problem.from_arrays(
        [[0.3, 0.1]] * 2, {"r": [[1, 2]] * 2}, {"r": 3}, maximize=True
    )
    plain, scaled = write(problem, scaled=False), write(problem)
    assert plain.loss(-0.4) == 0.4
    assert scaled.loss(-0.4) != 0.4
    assert plain.resolution == 0.0


def test_the_resolution_of_integer_losses_is_reported():
    whole = to_cp_sat(Problem.from_arrays([[3.0, 0.5], [1.0, 2.0]]))
    assert whole.resolution == 0.0
    problem = Problem.from_arrays([[0.1, 1 / 3], [0.7, 1e-9]])
    rounded = to_cp_sat(problem)
    assert 0.0 < rounded.resolution < 1e-14
    for j, k in np.ndindex(2, 2):
        total = rounded.objective.values[j] + rounded.objective.values[2 + k]
        exact = problem.loss[j] + problem.loss[2 + k]
        lost = exact - rounded.loss(int(total))
        assert -1e-15 <= lost <= rounded.resolution + 1e-15


def test_rows_are_exact_integers_below_2_60_and_wider_above():
    small = Problem.from_arrays([[1.0, 0.0]] * 2, {"r": [[0, 2**57 + 1]] * 2}, {"r": 5})
    assert to_cp_sat(small).program.rows[0].upper == 0
    big = 2**60
    usage = [[0, big - 1], [0, big - 3], [0, big - 7]]
    problem = Problem.from_arrays([[1.0, 0.0]] * 3, {"r": usage}, {"r": 2 * big - 5})
    result = solve(problem, "cp_sat", rel_gap=0)
    assert result.usage["r"] <= 2 * big - 5
    assert result.loss == solve(problem, "brute_force").loss


def test_values_must_be_those_of_the_model():
    formulation = to_lp(Problem.from_arrays([[1.0, 0.0]], layers=["a"]))
    assert dict(formulation.layout({"x.a.option1": 1.0})) == {"a": "option1"}
    with pytest.raises(InvalidParameterError, match=r"values\['x.b'\] is no variable"):
        formulation.layout({"x.b": 1.0})
    with pytest.raises(InvalidParameterError, match="each of the 2 options"):
        formulation.layout([1.0])


@pytest.mark.parametrize("write", [to_pulp, to_cp_sat, to_math_opt])
def test_a_missing_package_is_named_with_its_extra(write, monkeypatch):
    import sys

    installed = sys.modules["mpsolve.installed"]
    monkeypatch.setattr(installed, "find_spec", lambda _: None)
    with pytest.raises(MethodUnavailableError, match=r"pip install 'mpsolve\[ilp\]'"):
        write(Problem.from_arrays([[1.0]]))


def test_ties_and_fixed_layers_are_one_group_and_one_option():
    problem = Problem.from_arrays(
        [[1.0, 2.0]] * 3,
        layers=["a", "b", "c"],
        precisions=["p", "q"],
        ties=[["a", "b"]],
        fixed={"c": "q"},
    )
    formulation = to_lp(problem, scaled=False)
    assert formulation.names == ["x.a.p", "x.a.q", "x.c.q"]
    assert "\\ tied: a, b" in formulation.model
    layout = formulation.layout({"x.a.p": 1.0, "x.c.q": 1.0})
    assert dict(layout) == {"a": "p", "b": "p", "c": "q"}
    assert formulation.loss(4.0) == verify(problem, layout).loss
