"""The hosts' own solvers on mpsolve's problems."""

import pytest

import mpsolve
from mpsolve import methods
from mpsolve.instances import library
from mpsolve.integrations.methods import HOST_METHODS
from tests.hosts.conftest import require

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore")]
PACKAGES = {"auto_round_dp": "auto-round", "modelopt_cbc": "nvidia-modelopt"}


@pytest.fixture(params=HOST_METHODS)
def method(request, monkeypatch):
    require(PACKAGES[request.param])
    place = f"mpsolve.integrations.methods:{HOST_METHODS[request.param].__name__}"
    monkeypatch.setitem(methods.METHODS, request.param, place)
    return request.param


@pytest.mark.parametrize("name", ["resnet18-memory-50", "nncf-hessian-0.6"])
def test_they_find_optima_of_friendly_problems(method, name):
    result = mpsolve.solve(library.load(name), method)
    assert result.loss == pytest.approx(library.describe(name).optimum, rel=1e-9)
    assert result.reason == "FEASIBLE"


def test_tiny_losses(method):
    name = "modelopt-llama-7.0"
    optimum = library.describe(name).optimum
    loss = mpsolve.solve(library.load(name), method).loss
    if method == "modelopt_cbc":
        assert loss > 2 * optimum
    else:
        assert loss == pytest.approx(optimum, rel=1e-9)


def test_what_cannot_be_reached(method):
    problem = library.load("resnet18-memory-50").with_budgets({"memory": 1})
    result = mpsolve.solve(problem, method)
    assert result.layout is None


def test_several_budgets():
    require("nvidia-modelopt")
    problem = library.load("resnet18-memory-50")
    budgets = {"memory": 8_368_128, "bops": 67_821_895_680}
    problem = problem.with_budgets(budgets)
    with pytest.MonkeyPatch.context() as patch:
        place = "mpsolve.integrations.methods:ModelOptCbc"
        patch.setitem(methods.METHODS, "modelopt_cbc", place)
        theirs = mpsolve.solve(problem, "modelopt_cbc")
        place = "mpsolve.integrations.methods:AutoRoundDp"
        patch.setitem(methods.METHODS, "auto_round_dp", place)
        if _has_auto_round():
            with pytest.raises(mpsolve.UnsupportedProblemError, match="at most 1"):
                mpsolve.solve(problem, "auto_round_dp")
    assert theirs.loss == pytest.approx(mpsolve.solve(problem).loss, rel=1e-6)


def _has_auto_round():
    from importlib.util import find_spec

    return find_spec("auto_round") is not None
