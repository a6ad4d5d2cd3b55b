"""The instances, their published layouts, and the demo that compares both."""

import io
import json
from fractions import Fraction
from pathlib import Path

import pytest

import mpsolve
from mpsolve import instances
from mpsolve.demo import demo_record, demo_report, run_demo
from mpsolve.instances import hawq
from mpsolve.report import make_console

#: Optimal losses found by dynamic programming over the core, and by HiGHS at zero gap.
OPTIMA = {
    "resnet18-memory-75": 0.033440591234,
    "resnet18-memory-50": 0.074505929638,
    "resnet18-memory-25": 0.118299578238,
    "resnet18-bops-75": 0.079964698323,
    "resnet18-bops-50": 0.215689323024,
    "resnet18-bops-25": 0.460424008427,
    "resnet18-latency-75": 0.079964698323,
    "resnet18-latency-50": 0.202673794034,
    "resnet18-latency-25": 0.460424008427,
    "resnet50-memory-75": 0.012215413516645365,
    "resnet50-memory-50": 0.03102413754144249,
    "resnet50-memory-25": 0.07494944507826645,
    "resnet50-bops-75": 0.024105333928369967,
    "resnet50-bops-50": 0.05643985136629244,
    "resnet50-bops-25": 0.14894771707310211,
    "resnet50-latency-75": 0.02265830663109417,
    "resnet50-latency-50": 0.054861101759038695,
    "resnet50-latency-25": 0.13750507243464555,
}

BEATEN = "resnet50-memory-25"

SHARED = Path(__file__).parents[2] / "shared" / "instances" / "layouts"


def test_names():
    assert set(hawq.names()) == set(OPTIMA)
    with pytest.raises(mpsolve.InvalidParameterError, match="resnet18-bops-50"):
        instances.load("resnet101")
    with pytest.raises(mpsolve.InvalidParameterError, match="resnet18, resnet50"):
        hawq.path("resnet101")


@pytest.mark.parametrize("name", OPTIMA)
def test_optima(name):
    result = mpsolve.solve(instances.load(name), "exact", rel_gap=0.0)
    assert result.reason == "OPTIMAL"
    assert result.loss == pytest.approx(OPTIMA[name], rel=1e-12)


@pytest.mark.parametrize("name", OPTIMA)
def test_published_layouts(name):
    verification = mpsolve.verify(instances.load(name), instances.published(name))
    assert not verification.violations
    if name == BEATEN:
        assert verification.loss == pytest.approx(0.083110, abs=5e-7)
        assert OPTIMA[name] / verification.loss == pytest.approx(1 - 0.098, abs=5e-4)
    else:
        assert verification.loss == pytest.approx(OPTIMA[name], rel=1e-12)


@pytest.mark.parametrize("name", OPTIMA)
def test_budgets_are_shares_of_the_way(name):
    instance = hawq.describe(name)
    problem = instances.load(name)
    scale = problem.resources[instance.resource].scale
    smallest, largest = problem.merged.reachable(instance.resource)
    exact = smallest + Fraction(instance.share, 100) * (largest - smallest)
    assert Fraction(repr(instance.upper)) * scale == exact


def test_network_files_are_problems_of_their_own():
    for network in ("resnet18", "resnet50"):
        problem = mpsolve.load(hawq.path(network))
        assert set(problem.resources) == {"memory", "bops", "latency"}
        assert list(problem.budgets) == ["memory"]
        assert all(not r.rounding for r in problem.resources.values())
        assert "Zhen Dong" in problem.licence


def test_demo():
    outcomes = run_demo(1)
    assert {outcome.name: outcome.loss for outcome in outcomes} == pytest.approx(
        OPTIMA, rel=1e-12
    )
    assert [o.name for o in outcomes if not o.is_published_optimal] == [BEATEN]
    console = make_console(file=io.StringIO())
    console.print(demo_report(outcomes))
    text = console.file.getvalue()
    assert "18 of 18 solved and proven" in text
    assert "17" in text
    assert "stage3.unit6.quant_convbn1 is int8, published as int4" in " ".join(
        text.split()
    )
    assert "9.8 % lower" in " ".join(text.split())
    json.dumps(demo_record(outcomes), allow_nan=False)


def test_demo_without_highs(monkeypatch):
    monkeypatch.setattr("mpsolve.demo.is_available", lambda method: False)
    console = make_console(file=io.StringIO())
    console.print(demo_report(run_demo(1)))
    assert "pip install 'mpsolve[ilp]'" in console.file.getvalue()


@pytest.mark.needs_shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared instances")
@pytest.mark.parametrize("name", OPTIMA)
def test_same_numbers_as_another_extraction(name):
    instance = hawq.describe(name)
    kind = {"memory": "modelsize"}.get(instance.resource, instance.resource)
    path = SHARED / f"hawq-{instance.network}_{kind}_{instance.share:03d}.json"
    theirs = json.loads(path.read_text())
    problem = instances.load(name)
    assert problem.loss.reshape(-1, 2).tolist() == theirs["loss"]
    assert problem.ties == tuple(
        tuple(theirs["layers"].index(layer) for layer in tie) for tie in theirs["ties"]
    )
    bits = "".join(map(str, theirs["theirs"]["published_bits"]))
    assert instance.published == bits
    size = 2**20 if instance.network == "resnet18" else 10**6
    units = {"memory": size, "bops": 1024 * 10**6, "latency": 1}
    for resource, unit in units.items():
        scaled = problem.resources[resource]
        numbers = [n for row in theirs["usage"][resource] for n in row]
        exact = [Fraction(repr(n)) * unit * scaled.scale for n in numbers]
        assert scaled.usage.tolist() == exact
