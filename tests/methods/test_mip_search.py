"""What is made of what solvers say: nothing is believed that was not checked."""

import math

import numpy as np
import pytest

from mpsolve import Layout, Problem, Reason, solve
from mpsolve.methods.mip_search import MipMethod, Run
from mpsolve.methods.protocol import Capabilities

SMALL = Problem.from_arrays([[1.0, 0.5, 0.0]] * 2, {"r": [[0, 1, 2]] * 2}, {"r": 2})


class Says(MipMethod):
    """Says what it is told, one run after the other."""

    name = "says"
    requires = ()
    extra = ""
    capabilities = Capabilities(
        proves=True, inventory=True, couplings=True, parameters=frozenset({"hint"})
    )

    def __init__(self, *runs):
        self.left = list(runs)

    def run(self, search, seconds):
        return self.left.pop(0)


def said(*runs, problem=SMALL, **parameters):
    method = Says(*runs)
    result = solve(problem, method, **parameters)
    assert not method.left
    return result


def run(status="optimal", bound=0.0, values=None, **more):
    return Run(status, bound, None if values is None else np.array(values), **more)


def test_optimal_is_not_believed_without_the_bound():
    values = [1, 0, 0, 1, 0, 0]
    result = said(run(values=values), run(values=values))
    assert (result.reason, result.limit) == ("FEASIBLE", "OTHER")
    assert (result.loss, result.bound) == (2.0, 0.0)
    assert "more digits" in result.detail


def test_a_closed_gap_is_optimal_whatever_the_solver_says():
    result = said(run("stopped", 2.0**29, [0, 1, 0, 0, 1, 0]))
    assert result.reason == "OPTIMAL"


def test_stopped_is_said_in_the_solvers_words():
    result = said(run("stopped", -math.inf, detail="NUMERICAL_ERROR"))
    assert (result.reason, result.limit) == ("NO_SOLUTION_FOUND", "OTHER")
    assert "NUMERICAL_ERROR" in result.detail
    assert result.bound == 0.0


def test_infeasible_is_the_solvers_word():
    result = said(run("infeasible"))
    assert result.reason == Reason.INFEASIBLE
    assert "as far as the arithmetic of says can tell" in result.detail


def test_infeasible_is_not_believed_where_a_layout_is_known():
    result = said(run("infeasible"), hint=Layout(SMALL, [1, 1]))
    assert (result.reason, result.limit, result.loss) == ("FEASIBLE", "OTHER", 1.0)


def test_a_layout_over_budget_is_never_passed_on():
    over, within = [0, 0, 1, 0, 0, 1], [0, 1, 0, 0, 1, 0]
    result = said(run(values=over), run(bound=2.0**29, values=within))
    assert (result.reason, result.loss, result.usage) == ("OPTIMAL", 1.0, {"r": 2})


def test_a_layout_over_budget_at_the_time_limit_is_never_passed_on():
    result = said(run("stopped", 0.0, [0, 0, 1, 0, 0, 1]))
    assert (result.reason, result.limit) == ("NO_SOLUTION_FOUND", "OTHER")


def test_a_forbidden_pair_is_never_passed_on():
    from mpsolve import Coupling

    problem = Problem.from_arrays(
        [[0.0, 1.0]] * 2,
        layers=["a", "b"],
        couplings=[Coupling("a", "b", [[math.inf, 0], [0, 0]])],
    )
    result = said(*[run(values=[1, 0, 1, 0, 0, 0, 0])] * 2, problem=problem)
    assert result.layout is None


def test_values_are_read_by_the_largest():
    blurred = [1e-7, 0.9999999, 1e-9, 0.3, 0.4, 0.3]
    assert said(run(bound=2.0**29, values=blurred)).loss == 1.0


def test_ctrl_c_is_reported():
    result = said(run("stopped", 0.0, [1, 0, 0, 1, 0, 0], is_interrupted=True))
    assert (result.reason, result.limit) == ("FEASIBLE", "INTERRUPTED")


def test_what_integers_show_needs_no_run():
    assert said(problem=SMALL.with_budgets({"r": -1})).reason == "INFEASIBLE"
    assert said(problem=Problem([])).reason == "OPTIMAL"


@pytest.mark.parametrize("bound", [-math.inf, 0.0, 2.0**28])
def test_bounds_are_kept_where_there_is_no_layout(bound):
    result = said(run("stopped", bound))
    assert result.layout is None
    assert result.bound == {2.0**28: 0.5}.get(bound, 0.0)
