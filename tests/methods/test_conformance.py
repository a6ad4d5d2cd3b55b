"""What every method must do, whatever it is."""

import math
from importlib.util import find_spec

import numpy as np
import pytest

from mpsolve import Reason, solve, verify
from mpsolve.methods import METHODS, cannot_solve, get_method, is_available
from tests.methods import instances
from tests.strategies import BUDGETS, random_problem, random_shape


@pytest.fixture(params=sorted(METHODS))
def method(request):
    method = get_method(request.param)
    if not is_available(method):
        pytest.skip(f"{', '.join(method.requires)} not installed")
    return method


#: Problems with a structure that some methods need.
STRUCTURED = (
    instances.with_inventory,
    instances.coupled,
    instances.two_options,
    instances.sortable,
    instances.convertible,
    instances.few_precisions,
    instances.bottleneck,
)


def solvable_problems(method, count=60):
    rng = np.random.default_rng([31, len(method.name)])
    found = 0
    for number in range(40 * count):
        if number % 3:
            problem = STRUCTURED[number % len(STRUCTURED)](rng)
        else:
            shape = random_shape(rng, budget=BUDGETS[number % len(BUDGETS)])
            problem = random_problem(rng, shape, num_groups=int(rng.integers(0, 6)))
        if not cannot_solve(method, problem):
            found += 1
            yield problem
        if found == count:
            return
    pytest.fail(f"only {found} of {count} problems were for {method.name}")


def test_its_record_is_complete(method):
    assert METHODS[method.name].endswith(f":{type(method).__name__}")
    assert len(method.summary) > 20
    assert "\n" not in method.summary
    assert bool(method.requires) == bool(method.extra)
    assert all(find_spec(name) for name in method.requires)
    assert type(method).__doc__


def test_layouts_are_feasible_and_bounds_hold(method):
    for problem in solvable_problems(method):
        sign = -1.0 if problem.maximize else 1.0
        result = solve(problem, method.name)
        best = solve(problem, "brute_force")
        assert result.method == method.name
        assert (result.reason == Reason.INFEASIBLE) == (best.layout is None)
        if best.layout is None:
            assert result.bound == sign * math.inf
            assert result.detail
            continue
        assert verify(problem, result.layout)
        size = 1e-12 * float(np.abs(problem.loss).sum())
        assert sign * (result.loss - best.loss) >= -size
        assert sign * (result.bound - best.loss) <= size
        if method.capabilities.proves and result.reason == "OPTIMAL":
            allowed = max(size, 1e-9 * abs(best.loss))
            assert abs(result.loss - best.loss) <= allowed


def test_the_same_answer_every_time(method):
    for problem in solvable_problems(method, 20):
        first, second = solve(problem, method.name), solve(problem, method.name)
        assert first.layout == second.layout
        assert first.bound == second.bound


def test_parameters_it_claims_are_accepted(method):
    given = {
        "time_limit": 60.0,
        "memory_limit": 10**9,
        "node_limit": 10**9,
        "threads": 1,
        "seed": 7,
        "progress": lambda *_: None,
    }
    assert method.capabilities.parameters <= {*given, "hint"}
    honoured = {k: v for k, v in given.items() if k in method.capabilities.parameters}
    for problem in solvable_problems(method, 10):
        plain = solve(problem, method.name)
        result = solve(problem, method.name, **honoured)
        assert result.reason == plain.reason
        if plain.layout is not None:
            assert result.loss == pytest.approx(plain.loss, rel=1e-9, abs=1e-12)


def test_hints_change_no_proof(method):
    if "hint" not in method.capabilities.parameters:
        pytest.skip("it takes no hint")
    for problem in solvable_problems(method, 25):
        best = solve(problem, method.name)
        if best.layout is None:
            continue
        hinted = solve(problem, method.name, hint=best.layout)
        assert hinted.reason == best.reason
        assert hinted.loss == pytest.approx(best.loss, rel=1e-12, abs=1e-300)


def test_it_prints_nothing(method, capfd):
    for problem in solvable_problems(method, 10):
        solve(problem, method.name)
    assert capfd.readouterr() == ("", "")
