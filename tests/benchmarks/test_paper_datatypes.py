"""Problem 3 in real data types: formulas against slow ones, and a tiny run."""

import itertools
import json
from decimal import Decimal, getcontext

import numpy as np
import pytest
import torch
from torch import nn

import mpsolve
from benchmarks.paper.__main__ import main
from benchmarks.paper.datatypes import _layout
from benchmarks.paper.datatypes.arms import choose, random_layout
from benchmarks.paper.datatypes.cast import Reference
from benchmarks.paper.datatypes.errors import Errors, measure
from benchmarks.paper.datatypes.findings import _spearman
from benchmarks.paper.datatypes.picture import culprit
from benchmarks.paper.datatypes.problem3 import Problem3, scaled_inventory
from benchmarks.paper.divergence import divergence, sample_divergence
from benchmarks.paper.networks import Network
from benchmarks.paper.store import Store
from mpsolve.torch import trace
from tests.conftest import shared_folder


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(4, 6)
        self.a = nn.Linear(6, 6)
        self.b = nn.Linear(6, 6)
        self.c = nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.stem(x).relu()
        x = x + self.b(self.a(x).relu())
        return self.head(x + self.c(x))


@pytest.fixture
def network():
    torch.manual_seed(0)
    batches = [(torch.randn(8, 4), torch.randint(3, (8,))) for _ in range(2)]
    return Network("tiny", Residual().eval(), "cross_entropy", batches, batches)


def made_up(network, inventory, seed=0):
    """Return the network's problem with losses that were drawn, and a fine source."""
    rng = np.random.default_rng(seed)
    names = ("stem", "a", "b", "c", "head")
    shape = (len(names), len(inventory))
    errors = Errors(
        names,
        tuple(inventory),
        conversion=rng.exponential(size=shape),
        own=rng.exponential(size=shape),
        both=rng.exponential(size=shape),
        gradient=rng.exponential(size=len(names)),
        source=np.array([k in {"fp64", "fp32"} for k in inventory]),
    )
    graph = trace(network.model, network.calibration[0][0])
    return Problem3(graph, errors, inventory)


def exact_divergence(z, w):
    getcontext().prec = 60
    z, w = ([Decimal(v) for v in row] for row in (z, w))
    p, q = ([v.exp() / sum(u.exp() for u in row) for v in row] for row in (z, w))
    return float(sum(a * (a / b).ln() for a, b in zip(p, q, strict=True)))


@pytest.mark.parametrize("size", [1e-9, 1e-5, 1e-2, 1.0])
def test_divergence_keeps_its_digits(size):
    torch.manual_seed(0)
    z = torch.randn(5, 7, dtype=torch.float64) * 4
    w = z + size * torch.randn_like(z)
    expected = [
        exact_divergence(a, b) for a, b in zip(z.tolist(), w.tolist(), strict=True)
    ]
    assert divergence(z, w).tolist() == pytest.approx(expected, rel=3e-7)


def test_padding_predicts_nothing():
    z, w = torch.randn(2, 1, 3, 5, dtype=torch.float64)
    targets = torch.tensor([[0, 1, -100]])
    expected = divergence(z, w)[0, :2].mean()
    assert sample_divergence(z, w, targets).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("num_layers", [5, 10, 20, 37, 38])
def test_scaled_inventories_count_every_layer_once(num_layers):
    counts = scaled_inventory({"fp64": 1, "fp32": 2, "fp16": 2}, num_layers)
    assert sum(counts.values()) == num_layers
    for kind, parts in (("fp64", 1), ("fp32", 2), ("fp16", 2)):
        assert abs(counts[kind] - num_layers * parts / 5) < 1


@pytest.mark.parametrize(
    "inventory",
    [
        {"fp64": 1, "fp32": 2, "fp16": 2},
        {"fp32": 1, "fp16": 2, "bf16": 2},
        {"fp32": 2, "fp16": 2, "e4m3": 1},
    ],
)
@pytest.mark.parametrize("arm", ["exact, conversions", "exact, both"])
def test_the_exact_arms_are_best_of_all_layouts(network, inventory, arm):
    problem = made_up(network, inventory)
    types = [kind for kind, n in inventory.items() for _ in range(n)]

    def loss(layout):
        own = problem.own_loss(layout) if arm == "exact, both" else 0.0
        return problem.conversion_loss(layout) + own

    every = [
        loss(dict(zip(problem.layers, order, strict=True)))
        for order in set(itertools.permutations(types))
    ]
    found = choose(arm, problem)
    assert found.reason == "OPTIMAL"
    assert loss(found.layout) == pytest.approx(min(every), rel=1e-12)
    assert found.bound == pytest.approx(min(every), rel=1e-8)


def test_a_layouts_losses_one_by_one(network):
    problem = made_up(network, {"fp32": 2, "fp16": 2, "e4m3": 1})
    layout = {"stem": "fp16", "a": "e4m3", "b": "fp16", "c": "fp32", "head": "fp32"}
    # The source is fp32; e4m3 returns fp32, which b rounds; the sums hold both.
    assert problem.lossy(layout) == ["stem", "a", "b"]
    lost = (
        problem.conversion[0, 1] + problem.conversion[1, 2] + problem.conversion[2, 1]
    )
    assert problem.conversion_loss(layout) == pytest.approx(lost)
    assert problem.returned(layout)["add_1"] == "fp32"
    record = {"layout": list(layout.values()), "base": "fp32"}
    edges = list(problem.graph.layer_graph().edges)
    assert culprit("b", record, problem.layers, edges) == "a"


def test_types_say_which_conversions_change_numbers(network):
    errors = measure(network, ("fp64", "fp32", "fp16"))
    graph = trace(network.model, network.calibration[0][0])
    problem = Problem3(graph, errors, {"fp64": 1, "fp32": 2, "fp16": 2})
    reference = Reference(network.model, network.held_out)
    for seed in range(5):
        layout = random_layout(problem, seed)
        cast = reference.cast(layout, "fp64")
        assert set(cast.lossy) == set(problem.lossy(layout))
        predicted = problem.conversion_loss(layout) + problem.own_loss(layout)
        # The same samples: only what layers do to each other is not in the sum.
        assert predicted / 30 < cast.divergence.mean() < predicted * 30


def test_measured_errors_are_those_of_one_rounded_input(network):
    errors = measure(network, ("fp64", "bf16"))
    model = network.model.double()
    expected = 0.0
    for x, _ in network.calibration:
        x = x.double()
        reference = model(x)
        rounded = mpsolve.torch.parse("bf16").input.round(x)
        expected += divergence(reference, model(rounded)).sum().item()
    assert errors.conversion[0, 1] == pytest.approx(expected / 16, rel=1e-9)
    assert errors.conversion[:, 0].tolist() == [0.0] * 5
    assert errors.source.tolist() == [True, False]


class Swapped(nn.Module):
    """Registers its layers in another order than it runs them."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 3)
        self.first = nn.Linear(4, 4)

    def forward(self, x):
        return self.last(self.first(x))


def test_recorded_layouts_are_in_the_order_of_the_recorded_layers(tmp_path):
    torch.manual_seed(0)
    batches = [(torch.randn(4, 4), torch.randint(3, (4,)))]
    network = Network("swapped", Swapped().eval(), "cross_entropy", batches, batches)
    errors = measure(network, ("fp64", "fp16"))
    graph = trace(network.model, batches[0][0])
    problem = Problem3(graph, errors, {"fp64": 1, "fp16": 1})
    store = Store(tmp_path / "s.jsonl", {})
    reference = Reference(network.model, batches)
    _layout(store, ("swapped", "any", "algorithm 2"), problem, reference)
    record = store["layout", "swapped", "any", "algorithm 2"]
    layout = dict(zip(errors.layers, record["layout"], strict=True))
    assert layout == {"first": "fp16", "last": "fp64"}
    assert record["lossy"] == ["first"]


def test_rank_correlation_with_ties():
    assert _spearman([1, 2, 2, 3], [10, 20, 20, 90]) == pytest.approx(1.0)
    assert _spearman([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(0.6)


def test_smoke(tmp_path):
    shared_folder("data")
    main(["datatypes", "--smoke", "--output", str(tmp_path)])
    path = tmp_path / "paper_datatypes.jsonl"
    lines = path.read_text().splitlines()
    records = [json.loads(line) for line in lines]
    cells = [r for r in records if r.get("key", [""])[0] == "inventory"]
    assert {tuple(cell["key"][1:]) for cell in cells}
    for cell in cells:
        layouts = {
            r["key"][3]: r
            for r in records
            if r.get("key", [""])[0] == "layout" and r["key"][1:3] == cell["key"][1:]
        }
        named = {arm: r for arm, r in layouts.items() if r["layout"]}
        assert len(named) == 5
        for record in named.values():
            counts = {kind: record["layout"].count(kind) for kind in cell["counts"]}
            assert counts == cell["counts"]
            assert len(record["layout"]) == sum(counts.values())
        same = {a: r for a, r in layouts.items() if not a.startswith("all")}
        least = named["exact, conversions"]["conversion"]
        assert least <= min(r["conversion"] for r in same.values()) * (1 + 1e-9)
        assert least <= cell["conversion"][1] * (1 + 1e-9)
        best = named["exact, both"]
        total = best["conversion"] + best["own"]
        every = [r["conversion"] + r["own"] for r in same.values()]
        assert total <= min(every) * (1 + 1e-9)
        if cell["assumptions_hold"]:
            assert named["algorithm 2"]["conversion"] == 0
        for record in named.values():
            assert set(record["differ"]) <= set(record["lossy"])
    main(["datatypes", "--smoke", "--output", str(tmp_path)])
    assert path.read_text().splitlines() == lines
    assert "Algorithm 2" in (tmp_path / "paper_datatypes.md").read_text()
