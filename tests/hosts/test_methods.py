"""The hosts' own solvers on mpsolve's problems."""

import pytest

import mpsolve
from mpsolve import instances
from tests.hosts.conftest import require

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore")]
PACKAGES = {"auto_round_dp": "auto-round", "modelopt_cbc": "nvidia-modelopt"}


@pytest.fixture(params=PACKAGES)
def method(request):
    require(PACKAGES[request.param])
    return request.param


@pytest.mark.parametrize("name", ["resnet18-memory-50", "nncf-hessian-0.6"])
def test_they_find_optima_of_friendly_problems(method, name):
    result = mpsolve.solve(instances.load(name), method)
    assert result.loss == pytest.approx(instances.describe(name).optimum, rel=1e-9)
    assert result.reason == "FEASIBLE"


def test_tiny_losses(method):
    name = "modelopt-llama-7.0"
    optimum = instances.describe(name).optimum
    loss = mpsolve.solve(instances.load(name), method).loss
    if method == "modelopt_cbc":
        assert loss > 2 * optimum
    else:
        assert loss == pytest.approx(optimum, rel=1e-9)


def test_what_cannot_be_reached(method):
    problem = instances.load("resnet18-memory-50").with_budgets({"memory": 1})
    result = mpsolve.solve(problem, method)
    assert result.layout is None


def test_several_budgets():
    require("nvidia-modelopt")
    problem = instances.load("resnet18-memory-50")
    budgets = {"memory": 8_368_128, "bops": 67_821_895_680}
    problem = problem.with_budgets(budgets)
    theirs = mpsolve.solve(problem, "modelopt_cbc")
    assert theirs.loss == pytest.approx(mpsolve.solve(problem).loss, rel=1e-6)


def test_only_one_budget():
    require("auto-round")
    problem = instances.load("resnet18-memory-50")
    budgets = {"memory": 8_368_128, "bops": 67_821_895_680}
    with pytest.raises(mpsolve.UnsupportedProblemError, match="at most 1"):
        mpsolve.solve(problem.with_budgets(budgets), "auto_round_dp")
