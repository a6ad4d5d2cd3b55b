"""All methods agree on mixed problems; ``benchmarks.agreement`` takes more of them."""

import dataclasses

import pytest

from mpsolve import Reason
from mpsolve.testing.agreement import answers, disagreements, mixed_problem

pytest.importorskip("ortools")
pytest.importorskip("pulp")

METHODS = ("exact", "paths", "brute_force", "cp_sat", "highs", "scip", "pulp")

#: Of the list that benchmarks.agreement takes, by number.
NUM_PROBLEMS = 160


@pytest.mark.parametrize("part", range(4))
def test_all_methods_agree(part):
    proven = 0
    for number in range(part, NUM_PROBLEMS, 4):
        problem = mixed_problem(number)
        results = answers(problem, METHODS)
        assert not disagreements(problem, results), number
        proven += sum(r.reason in ("OPTIMAL", "INFEASIBLE") for r in results.values())
        # `exact` takes no couplings, inventories and second budgets.
        assert len(results) >= 6
    assert proven >= 6 * NUM_PROBLEMS // 4


def test_contradictions_are_found():
    problem = mixed_problem(1)
    results = answers(problem, ("exact", "brute_force"))
    assert not disagreements(problem, results)
    right = results["exact"]
    worse = dataclasses.replace(right, primal=right.loss + 1.0, bound=right.loss + 1.0)
    first, second = disagreements(problem, {"exact": right, "wrong": worse})
    assert first.startswith("wrong proves")
    assert second.startswith("wrong has the bound")
    none = dataclasses.replace(
        right, primal=None, layout=None, reason=Reason.INFEASIBLE
    )
    assert "say INFEASIBLE" in disagreements(problem, {"a": right, "b": none})[0]
