"""Signed losses: options, tests of significance, and a tiny run."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.paper.__main__ import main
from benchmarks.paper.networks import Network
from benchmarks.paper.signed.layouts import best, cheapest, random_choice
from benchmarks.paper.signed.options import (
    Rounding,
    gradient_signs,
    joined,
)
from benchmarks.paper.signed.significance import sign_flip_p, t_test_p
from benchmarks.paper.signed.tables import Table, expansions, first_samples, measured
from benchmarks.paper.signed.temperature import best_temperature, outputs_of
from benchmarks.paper.statistics import holm
from mpsolve.torch import apply_, parse
from tests.conftest import shared_folder


@pytest.fixture
def network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 4)).eval()
    batches = [(torch.randn(6, 5), torch.randint(4, (6,))) for _ in range(3)]
    return Network("tiny", model, "cross_entropy", batches, batches)


def mean_loss(model, batches):
    losses = [nn.functional.cross_entropy(model(x), y) * len(y) for x, y in batches]
    return sum(losses) / sum(len(y) for _, y in batches)


def test_a_permutation_test_of_every_sign():
    x = np.array([0.4, 0.3, -0.1, 0.7, 0.2, 0.5, -0.3, 0.1])
    sums = [abs(np.dot(s, x)) for s in itertools.product([1, -1], repeat=len(x))]
    exact = np.mean([s >= abs(x.sum()) - 1e-9 for s in sums])
    assert sign_flip_p(x, draws=40_000) == pytest.approx(exact, abs=0.005)
    assert sign_flip_p(np.ones(100), draws=400) == 1 / 401


def test_p_values_of_no_effect_are_uniform():
    rows = np.random.default_rng(0).normal(size=(400, 80))
    for p in (
        [t_test_p(row) for row in rows],
        [sign_flip_p(row, draws=999) for row in rows],
    ):
        assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)
        assert np.mean(p) == pytest.approx(0.5, abs=0.05)


def test_t_test_by_hand():
    x = np.random.default_rng(1).normal(0.2, 1, 200)
    z = x.mean() / (x.std(ddof=1) / math.sqrt(200))
    assert t_test_p(x) == pytest.approx(2 * (1 - 0.5 * (1 + math.erf(z / 2**0.5))))
    assert t_test_p(np.zeros(9)) == 1


def test_holm_is_bonferroni_of_the_smallest_and_keeps_the_order():
    values = [0.001, 0.5, 0.02, 0.02, 0.3]
    # The last is raised to the one before.
    assert holm(values) == pytest.approx([0.005, 0.6, 0.08, 0.08, 0.6])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize("name", ["bf16", "int4"])
def test_elements_go_where_the_gradient_leads(network, name):
    signs = gradient_signs(network, network.calibration)
    weight = network.model[0].weight
    loss = mean_loss(network.model, network.calibration)
    (gradient,) = torch.autograd.grad(loss, weight)
    for kind, least in (("gradient", 0.0), ("gradient 2/5", 0.4)):
        error = Rounding(name, kind, signs).round(weight.detach()) - weight.detach()
        low = parse(f"{name}-floor/keep").weight.round(weight.detach())
        high = parse(f"{name}-ceil/keep").weight.round(weight.detach())
        place = (weight - low) / (high - low)
        chosen = (place >= least) & (place <= 1 - least)
        chosen &= (low < weight) & (high > weight)
        assert chosen.any()
        assert (error * gradient)[chosen].max() <= 0
        nearest = parse(f"{name}/keep").weight.round(weight.detach())
        rest = (weight + error)[~chosen]
        assert torch.allclose(rest, nearest[~chosen], atol=1e-6)
    # A tensor that it does not know.
    other = torch.randn(4, 4)
    own = Rounding(name, "gradient", signs).round(other)
    assert torch.equal(own, parse(f"{name}/keep").weight.round(other))


def test_applied_layers_compute_with_the_rounded_numbers(network):
    signs = gradient_signs(network, network.calibration)
    option = joined("bf16", signs)["gradient"]
    x = network.calibration[0][0]
    weight = option.weight.round(network.model[0].weight.detach())
    bias = option.weight.round(network.model[0].bias.detach())
    expected = nn.functional.linear(option.input.round_input(x), weight, bias)
    expected = network.model[2](expected.relu())
    with apply_(network.model, {"0": option}):
        assert torch.allclose(network.model(x), expected)


def test_first_order_is_the_derivative(network):
    signs = gradient_signs(network, network.calibration)
    tables = expansions(network, network.calibration, signs, ["bf16", "w4"])
    table = tables["first order"]["bf16"]
    options = joined("bf16", signs)
    layer = network.model[2]
    for kind in ("nearest", "floor", "gradient", "x trunc"):
        own = options[kind]
        total, count, squares = 0.0, 0, 0.0
        for x, y in network.calibration:
            hidden = network.model[:2](x).detach().requires_grad_()
            losses = nn.functional.cross_entropy(layer(hidden), y, reduction="none")
            for j, loss in enumerate(losses):
                w, b, g = torch.autograd.grad(
                    loss, [layer.weight, layer.bias, hidden], retain_graph=True
                )
                dw = own.weight.round(layer.weight.detach()) - layer.weight.detach()
                db = own.weight.round(layer.bias.detach()) - layer.bias.detach()
                dx = own.input.round_input(hidden.detach()) - hidden.detach()
                by_weight = ((w * dw).sum() + (b * db).sum()).item()
                by_input = (g[j] * dx[j]).sum().item()
                total += by_weight + by_input
                squares += by_weight**2 + by_input**2
                count += 1
        column = table.options.index(kind)
        first = table.values[1, column]
        assert first == pytest.approx(total / count, rel=1e-3, abs=1e-7)
        second = tables["second order"]["bf16"].values[1, column]
        expected = (total + squares / 2) / count
        assert second == pytest.approx(expected, rel=1e-3, abs=1e-7)
    assert "x floor" not in tables["first order"]["w4"].options
    values = table.values[:, [table.options.index(k) for k in ("gradient", "nearest")]]
    assert (values[:, 0] <= values[:, 1]).all()


def test_measured_is_what_one_layer_does(network):
    signs = gradient_signs(network, network.calibration)
    table = measured(network, network.calibration, signs, "w4")
    before = mean_loss(network.model, network.calibration)
    with apply_(network.model, {"2": joined("w4", signs)["floor"]}):
        after = mean_loss(network.model, network.calibration)
    found = table.values[1, table.options.index("floor")]
    assert found == pytest.approx((after - before).item(), rel=1e-4)


def test_layouts_are_the_best_of_all():
    rng = np.random.default_rng(0)
    layers, ties = ["a", "b", "c", "d"], [("a", "d")]
    kinds = ("nearest", "floor", "ceil")
    tables = {
        name: Table(kinds, rng.normal(size=(4, 3)), np.full((4, 3), 0.2))
        for name in ("w4", "w6")
    }
    for may_stay, errors in ((False, 0.0), (True, 0.0), (True, 2.0)):
        own = tables["w4"]
        found = best(own, layers, ties, may_stay=may_stay, standard_errors=errors)
        values = own.values + errors * own.errors
        if may_stay:
            values = np.concatenate([values, np.zeros((4, 1))], axis=1)
        least = values[[0, 3]].sum(0).min() + values[1].min() + values[2].min()
        assert found.predicted == pytest.approx(least)
        assert found.layout[0] == found.layout[3]
    sizes = {"w4": np.array([4, 8, 4, 4]), "w6": np.array([6, 12, 6, 6])}
    for only_nearest in (False, True):
        found = cheapest(tables, sizes, 25, layers, ties, only_nearest=only_nearest)
        count = 1 if only_nearest else 3
        every = [
            sum(tables[n].values[i, k] for i, (n, k) in enumerate(choice))
            for choice in itertools.product(
                itertools.product(tables, range(count)), repeat=4
            )
            if choice[0] == choice[3]
            and sum(sizes[n][i] for i, (n, _) in enumerate(choice)) <= 25
        ]
        assert found.predicted == pytest.approx(min(every))
    drawn = random_choice(kinds, layers, ties, seed=3)
    assert drawn[0] == drawn[3]


def test_temperature_is_the_best_one(network):
    outputs = outputs_of(network.model, network.calibration)
    best_one = best_temperature(outputs)
    losses = {t: outputs.losses(t).mean() for t in np.linspace(0.5, 2, 7) * best_one}
    assert min(losses, key=losses.get) == pytest.approx(best_one)
    expected = mean_loss(network.model, network.calibration)
    assert outputs.losses().mean() == pytest.approx(expected.item(), rel=1e-6)
    assert outputs.first(4).losses() == pytest.approx(outputs.losses()[:4], rel=1e-9)


def test_first_samples_cross_batches(network):
    kept = first_samples(network.calibration, 8)
    assert [len(y) for _, y in kept] == [6, 2]


def test_smoke(tmp_path):
    shared_folder("data")
    main(["signed", "--smoke", "--output", str(tmp_path)])
    path = tmp_path / "paper_signed.jsonl"
    lines = path.read_text().splitlines()
    records = [r for r in map(json.loads, lines) if "key" in r]
    layouts = [r for r in records if r["key"][0] == "layout"]
    assert layouts
    for record in layouts:
        assert sum(record["layout"].values()) == 10
        if "predicted" in record:
            assert record["reason"] == "OPTIMAL"
            if record["key"][5] == "may stay":
                assert record["predicted"] <= 0
        if record.get("budget"):
            assert record["memory"] <= record["budget"]
        if set(record["layout"]) == {"keep"}:
            assert record["held_out"] == [0, 0]
    by_key = {tuple(r["key"]): r for r in layouts if "predicted" in r}
    for key, record in by_key.items():
        if key[4] == "tensor":
            wider = by_key[(*key[:4], "element", *key[5:])]
            assert wider["predicted"] <= record["predicted"] + 1e-12
    main(["signed", "--smoke", "--output", str(tmp_path)])
    assert path.read_text().splitlines() == lines
    assert "Holm" in (tmp_path / "paper_signed.md").read_text()
