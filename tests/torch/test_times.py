"""Measured times: of layers alone, and of sub-graphs inside the running model."""

import time

import numpy as np
import pytest
import torch
from torch import nn

import mpsolve
from mpsolve.errors import InvalidParameterError
from mpsolve.torch import clock, time_layers, time_subgraphs, trace
from mpsolve.torch.clock import Clock
from tests.torch.models import Repeated, Residual, images, make

NANOSECONDS = {torch.float32: 4000, torch.bfloat16: 1000, torch.float64: 9000}


class Slow(nn.Linear):
    """Takes a time that depends on its type, on a clock that only this moves."""

    now = 0

    def forward(self, x):
        Slow.now += NANOSECONDS[self.weight.dtype]
        return super().forward(x)


@pytest.fixture
def virtual(monkeypatch):
    monkeypatch.setattr(Clock, "now", lambda _: Slow.now)


class Chain(nn.Module):
    """Two blocks that are alike, between layers."""

    def __init__(self):
        super().__init__()
        self.stem = Slow(4, 4)
        self.first = nn.Sequential(Slow(4, 4), nn.ReLU(), Slow(4, 4))
        self.second = nn.Sequential(Slow(4, 4), nn.ReLU(), Slow(4, 4))
        self.head = Slow(4, 2)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.first(x)
        return self.head(x + self.second(x))


PRECISIONS = ["fp32", "bf16", "fp64"]
EXPECTED = np.array([4000.0, 1000.0, 9000.0])
FEW = {"warmup": 1, "repeats": 5}


@pytest.mark.usefixtures("virtual")
def test_layers_take_their_time_in_ns():
    times = time_layers(Chain(), torch.randn(3, 4), PRECISIONS, **FEW)
    layers = ("stem", "first.0", "first.2", "second.0", "second.2", "head")
    assert times.layers == layers
    assert times.precisions == tuple(PRECISIONS)
    assert (times.median == EXPECTED).all()
    assert (times.spread == 0).all()


def test_the_clock_is_real():
    class Sleeps(nn.Linear):
        def forward(self, x):
            time.sleep(0.003)
            return super().forward(x)

    times = time_layers(nn.Sequential(Sleeps(2, 2)), torch.zeros(1, 2), ["fp32"], **FEW)
    assert 3e6 <= times.median[0, 0] < 1e9


def test_layers_that_are_alike_are_measured_once(monkeypatch):
    runs = []
    measure = clock.measure

    def counted(given, *rest):
        runs.append(len(given))
        return measure(given, *rest)

    monkeypatch.setattr("mpsolve.torch.layer_times.measure", counted)
    times = time_layers(Chain(), torch.randn(3, 4), PRECISIONS, **FEW)
    assert runs == [3, 3]
    assert (times.median[:5] == times.median[0]).all()


def test_calls_of_a_layer_add_up():
    times = time_layers(make(Repeated), torch.randn(2, 4), ["fp32"], **FEW)
    assert times.median[0, 0] == pytest.approx(3 * times.median[1, 0])


@pytest.mark.usefixtures("virtual")
def test_sub_graphs_take_their_time_and_what_they_gain_may_be_negative():
    model, x = Chain(), torch.randn(3, 4)
    graph = trace(model, x)
    parts = mpsolve.sequential_subgraphs(graph, graph.with_role("layer"))
    blocks = [("first.0", "first.2"), ("second.0", "second.2")]
    assert parts == [("stem",), *blocks, ("head",)]
    times = time_subgraphs(model, x, graph, PRECISIONS[:2], parts, **FEW)
    one = EXPECTED[:2]
    assert (times.median[blocks[0]] == one[:, None] + one[None, :]).all()
    assert (times.median[("stem",)] == one).all()
    assert (times.median[("head",)] == one).all()
    assert times.median[blocks[1]] is times.median[blocks[0]]
    gains = times.gains()
    assert gains[blocks[0]].tolist() == [[0, 3000], [3000, 6000]]
    slower = time_subgraphs(model, x, graph, ["fp32", "fp64"], parts[3:], **FEW)
    assert slower.gains()[("head",)].tolist() == [0, -5000]


@pytest.mark.usefixtures("virtual")
def test_gains_make_options_of_a_problem():
    model, x = Chain(), torch.randn(3, 4)
    graph = trace(model, x)
    parts = mpsolve.sequential_subgraphs(graph, graph.with_role("layer"))
    times = time_subgraphs(model, x, graph, ["fp32", "bf16"], parts, **FEW)
    layers = graph.with_role("layer")
    mse = np.array([[0.0, 1.0]] * 6)
    groups = mpsolve.joint_options(
        parts, layers, times.precisions, times.gains(), {"mse": mse}, maximize=True
    )
    problem = mpsolve.Problem(groups, budgets={"mse": 2}, maximize=True)
    layout = mpsolve.layer_precisions(mpsolve.solve(problem).layout, parts)
    assert sorted(layout) == sorted(layers)
    assert list(layout.values()).count("bf16") == 2


def test_the_model_is_left_as_it_was():
    model = make(Residual).train()
    graph = trace(model, images())
    before = {n: t.clone() for n, t in model.state_dict().items()}
    time_subgraphs(model, images(), graph, ["fp32", "bf16"], [("a", "b")], **FEW)
    time_layers(model, images(), ["fp32", "bf16"], **FEW)
    assert model.training
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
    assert not any(m._forward_pre_hooks for m in model.modules())


def test_a_precision_without_a_kernel_is_refused_unless_asked_for():
    with pytest.raises(
        InvalidParameterError, match=r"precisions\[1\]: 'int4' is decoded"
    ):
        time_layers(make(Residual), images(), ["fp32", "int4"])
    times = time_layers(
        make(Residual), images(), ["fp32", "int4"], simulated=True, **FEW
    )
    assert (times.median > 0).all()


def test_bad_arguments_are_named():
    model = make(Residual)
    graph = trace(model, images())
    with pytest.raises(InvalidParameterError, match=r"repeats at least 1.*Got 3 and 0"):
        time_layers(model, images(), ["fp32"], repeats=0)
    with pytest.raises(
        InvalidParameterError, match=r"subgraphs\[0\]: 'add' is no call"
    ):
        time_subgraphs(model, images(), graph, ["fp32"], [("add",)])
    with pytest.raises(InvalidParameterError, match="reference must be a position"):
        time_subgraphs(model, images(), graph, ["fp32"], [("a",)], reference=1)
    names = [f"int{bits}" for bits in range(2, 9)] + ["fp16", "fp32"]
    parts = [("stem", "a", "b", "head")]
    with pytest.raises(InvalidParameterError, match=r"at most 4,096.*Got 9\^4"):
        time_subgraphs(model, images(), graph, names, parts, simulated=True)
    with pytest.raises(
        InvalidParameterError, match=r"measured on cpu and cuda. Got meta"
    ):
        Clock(torch.device("meta"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_events_see_what_the_device_does():
    model = nn.Sequential(nn.Linear(4096, 4096), nn.Linear(4096, 4096)).cuda()
    x = torch.randn(4096, 4096, device="cuda")
    times = time_layers(model, x, ["fp64", "bf16"], **FEW)
    # 69 GMAC: a clock that did not wait for the device would see microseconds.
    assert (times.median[:, 0] > 2 * times.median[:, 1]).all()
    assert (times.median[:, 0] > 1e5).all()
