"""The study of budgets: its formulas, its rivals, and a tiny run."""

import argparse
import json
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

import mpsolve
from benchmarks.models.resnet import CifarResNet
from benchmarks.paper import budgets as budgets_study
from benchmarks.paper.__main__ import main
from benchmarks.paper.budgets import programs
from benchmarks.paper.budgets.arms import budgets_of, uniform
from benchmarks.paper.budgets.exhaustion import all_layouts, measured_values
from benchmarks.paper.budgets.expansion import expand, expansion_problem
from benchmarks.paper.budgets.hawq_v2 import ordered_pick
from benchmarks.paper.budgets.incumbent import Incumbents
from benchmarks.paper.budgets.kernels import (
    Int8,
    inputs_of,
    layer_times,
    with_kernels,
)
from benchmarks.paper.networks import Network, quality
from benchmarks.paper.rounded import RoundedNetwork
from benchmarks.paper.statistics import bootstrap, weighted_mean
from benchmarks.paper.store import Store
from mpsolve.torch import applied, calibrate, measured_bytes
from tests.conftest import shared_folder

PRECISIONS = ("w2", "w4", "w8", "w16")


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other cost more than such small networks do."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network():
    """A small residual network with random weights, in two batches of images."""
    torch.manual_seed(0)
    model = CifarResNet(1, 4).eval()
    x, y = torch.randn(10, 3, 8, 8), torch.randint(10, (10,))
    data = list(zip(x.split(6), y.split(6), strict=True))
    return RoundedNetwork(
        Network("tiny", model, "cross_entropy", data, data), PRECISIONS
    )


def test_layouts_run_as_applied_ones_do_and_take_what_they_say(network):
    rng = np.random.default_rng(0)
    for _ in range(3):
        choices = tuple(rng.integers(3, size=network.shape[0]).tolist())
        data = network.network.held_out
        model = applied(network.model, network.layout(choices))
        found = network.quality(choices, data)
        assert found.losses == pytest.approx(quality(model, data).losses, rel=1e-4)
        names = [layer.name for layer in network.layers]
        layers = [model.get_submodule(name) for name in names]
        assert network.usage(choices) == measured_bytes(layers)
    own = quality(network.model, data).losses
    assert network.quality(None, data).losses == pytest.approx(own, rel=1e-6)


def test_single_changes_are_those_that_calibrate_measures(network):
    found = expand(network)
    data = network.network.calibration
    scores = calibrate(
        network.model, data, "cross_entropy", PRECISIONS, ["measured", "output_kl"]
    )
    assert found.loss.mean(-1) == pytest.approx(scores["measured"].values, abs=1e-6)
    kl = scores["output_kl"].values
    assert found.divergence.mean(-1) == pytest.approx(kl, abs=1e-6)
    assert found.passes < np.prod(network.shape) + 1


def test_pairs_are_the_second_derivative_of_the_divergence(network):
    base = tuple([2] * network.shape[0])
    found = expand(network, base, keep=True)
    rng = np.random.default_rng(1)
    for _ in range(4):
        (i, j), k = rng.choice(network.shape[0], 2, replace=False), 1
        moved = []
        for changed in ([], [i], [j]):
            choices = list(base)
            for c in changed:
                choices[c] = k
            with network.running(tuple(choices)):
                x = torch.cat([x for x, _ in network.network.calibration])
                moved.append(network.model(x).double())
        z, first, second = moved[0], moved[1] - moved[0], moved[2] - moved[0]
        q = z.softmax(-1)
        form = torch.diag_embed(q) - q[:, :, None] * q[:, None, :]
        expected = torch.einsum("nc,ncd,nd->n", first, form, second).mean()
        assert found.pairs[i, k, j, k] == pytest.approx(float(expected), rel=1e-3)
    rows = found.features.reshape(len(found.features), -1).astype(np.float64)
    samples = found.features.shape[1]
    gram = (rows @ rows.T / samples).reshape(found.pairs.shape)
    assert gram == pytest.approx(found.pairs, abs=1e-8)


def test_small_errors_add_up_as_the_second_order_says():
    """Close to full precision the joint divergence is the form's, not the sum's."""
    torch.manual_seed(1)
    model = CifarResNet(1, 4).eval()
    data = [(torch.randn(8, 3, 8, 8), torch.randint(10, (8,)))]
    network = RoundedNetwork(
        Network("tiny", model, "cross_entropy", data, data), ("w8", "w16")
    )
    found = expand(network)
    choices = (0,) * network.shape[0]
    joint = network.divergence(choices).mean()
    form = found.pairs[:, 0, :, 0].sum() / 2
    assert form == pytest.approx(joint, rel=0.1)
    alone = found.divergence.mean(-1)[:, 0].sum()
    assert abs(form - joint) < 0.5 * abs(alone - joint)


@pytest.mark.parametrize("seed", range(5))
def test_rivals_find_what_enumeration_finds(seed):
    rng = np.random.default_rng(seed)
    loss = -np.sort(-rng.random((5, 3)), axis=1)
    memory = np.sort(rng.integers(10, 99, (5, 3)), axis=1)
    budget = int(memory[:, 1].sum())
    layouts = list(product(range(3), repeat=5))
    rows = np.arange(5)
    usage = {c: memory[rows, list(c)].sum() for c in layouts}
    total = {c: loss[rows, list(c)].sum() for c in layouts}
    fits = [c for c in layouts if usage[c] <= budget]
    least = min(total[c] for c in fits)
    assert total[programs.hawq_v3(loss, (memory, budget))] == pytest.approx(least)
    found, _ = programs.modelopt(loss, memory, budget)
    assert total[found] == pytest.approx(least)
    gaudi = programs.gaudi(loss, memory, budget)
    assert usage[gaudi] <= budget
    assert total[gaudi] <= 1.1 * least
    # At its own loss nothing gains more memory.
    best = min(usage[c] for c in layouts if total[c] <= total[gaudi])
    assert usage[gaudi] == best
    published = programs.hawq_v3(loss, (memory, budget), published=(0, 2))
    allowed = [c for c in fits if {*c} <= {0, 2} and c[0] == c[-1] == 2]
    if allowed:
        assert total[published] == pytest.approx(min(total[c] for c in allowed))
    else:
        assert published is None
    traces = rng.random(5)
    ordered = [c for c in fits if all(np.diff(np.array(c)[np.argsort(traces)]) >= 0)]
    picked = ordered_pick(traces, loss, memory, budget)
    assert picked in ordered
    assert total[picked] == pytest.approx(min(total[c] for c in ordered))


def test_an_interval_is_that_of_the_bootstrap():
    rng = np.random.default_rng(0)
    x, w = rng.normal(1, 2, 300), rng.integers(1, 9, 300)
    found, drawn = weighted_mean(x, w), bootstrap(x, w)
    assert found.value == pytest.approx(drawn.value)
    assert found.half == pytest.approx(drawn.half, rel=0.1)


def test_padding_fills_a_budget_from_the_first_layer_on(network):
    sizes = network.bytes.sum(0)
    budget = int(sizes[1] + network.bytes[0, 2] - network.bytes[0, 1])
    padded = uniform(network, budget, padded=True)
    assert padded == (2, *[1] * (network.shape[0] - 1))
    assert network.usage(padded) == budget
    assert uniform(network, budget - 1, padded=False) == (1,) * network.shape[0]
    assert int(sizes[1]) in budgets_of(network, 20)


def test_expanding_around_incumbents_never_loses(network):
    budgets = [{"memory": b} for b in budgets_of(network, 4)]
    found = Incumbents(network, budgets)
    for budget in budgets:
        found.measure(uniform(network, budget["memory"], padded=False))
    before = [found.known[found.best(i)] for i in range(len(budgets))]
    found.improve(1)
    after = [found.known[found.best(i)] for i in range(len(budgets))]
    assert all(b <= a for a, b in zip(before, after, strict=True))
    assert sum(after) < sum(before)
    for i, budget in enumerate(budgets):
        assert network.usage(found.best(i)) <= budget["memory"]


def test_all_layouts_are_measured_as_each_alone(network):
    small = RoundedNetwork(network.network, ("w2", "w8"))
    ties = [(small.names[2], small.names[3])]
    layouts = all_layouts(small, ties)
    assert len(layouts) == 2 ** (small.shape[0] - 1)
    layouts = layouts[20:50]
    values = measured_values(small, layouts, small.network.calibration)
    for row in (0, 5, 12, 29):
        divergence = small.divergence(layouts[row]).mean()
        loss = small.quality(layouts[row], small.network.calibration).loss
        assert values[row] == pytest.approx([divergence, loss], rel=1e-6)
    with (
        small.running(),
        pytest.raises(RuntimeError, match="already"),
        small.running(layouts[0]),
    ):
        pass


def test_tied_layers_are_one_decision():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(11, 8)
            self.output = nn.Linear(8, 11, bias=False)
            self.output.weight = self.embedding.weight

        def forward(self, tokens):
            return self.output(self.embedding(tokens))

    tokens = torch.randint(11, (3, 6))
    targets = torch.randint(11, (3, 6))
    targets[0, 4:] = -100
    data = [(tokens, targets)]
    network = RoundedNetwork(
        Network("tied", Tied().eval(), "next_token", data, data), PRECISIONS
    )
    assert network.names == ("embedding",)
    scores = calibrate(
        network.model, data, "next_token", PRECISIONS, ["measured", "output_kl"]
    )
    found = expand(network)
    assert found.loss.mean(-1) == pytest.approx(
        scores["measured"].values.sum(0, keepdims=True), abs=1e-6
    )
    problem = expansion_problem(network, found.divergence.mean(-1))
    result = mpsolve.solve(problem.with_budgets({"memory": int(network.bytes[0, 1])}))
    assert result.usage["memory"] <= network.bytes[0, 1]


def test_integer_kernels_compute_what_the_layers_do():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2),
        nn.ReLU(), nn.Flatten(), nn.Linear(8 * 7 * 7, 10),
    ).eval()  # fmt: skip
    x = torch.randn(16, 3, 16, 16)
    examples = inputs_of(model, x)
    mixed = with_kernels(model, {"0": "bf16", "2": "int8", "5": "fp16"}, examples)
    with torch.no_grad():
        assert (mixed(x) - model(x)).norm() < 0.05 * model(x).norm()
    layout = {"0": "fp32", "2": "int8", "5": "int8"}
    made = with_kernels(model, layout, examples)
    with torch.no_grad():
        found, own = made(x), model(x)
        assert torch.equal(made[0](x), model[0](x))
    assert isinstance(made[2], Int8)
    error = (found - own).norm() / own.norm()
    assert 1e-4 < error < 0.05
    assert layer_times(model, x, ("int8", "fp32"), 2).shape == (3, 2)


def test_a_tiny_run_and_its_report(tmp_path):
    data = shared_folder("data")
    command = ["budgets", "--smoke", "--output", str(tmp_path), "--data", str(data)]
    main(command)
    path = tmp_path / "paper_budgets.jsonl"
    lines = path.read_text().splitlines()
    parser = argparse.ArgumentParser()
    budgets_study.add_arguments(parser)
    arguments = parser.parse_args(budgets_study.SMOKE)
    arguments.data = data
    budgets_study.run(arguments, Store(path, {}))
    assert path.read_text().splitlines() == lines, "resuming wrote something twice"
    records = {tuple(r["key"]): r for r in map(json.loads, lines) if "key" in r}
    budgets = records["network", "resnet8"]["budgets"]
    arms = {key[2] for key in records if key[0] == "layout"}
    tables = {
        key[2]: np.array(r["values"]) for key, r in records.items() if key[0] == "table"
    }
    for budget in budgets:
        layouts = {arm: records["layout", "resnet8", arm, budget] for arm in arms}
        layouts = {a: r["choices"] for a, r in layouts.items() if r["choices"]}
        for arm in layouts:
            assert records["layout", "resnet8", arm, budget]["bytes"] <= budget
        for metric, values in tables.items():
            if metric == "pairs":
                continue
            totals = {
                arm: values[np.arange(len(c)), c].sum() for arm, c in layouts.items()
            }
            least = totals[f"exact:{metric}"]
            assert all(least <= t + 1e-9 * abs(t) for t in totals.values()), metric
        divergences = {
            arm: records["divergence", "resnet8", "".join(map(str, c))]["value"]
            for arm, c in layouts.items()
            if arm.startswith("exact")
        }
        best = divergences["exact:incumbent"]
        assert best <= min(divergences.values()) * (1 + 1e-9)
    text = (tmp_path / "paper_budgets.md").read_text()
    assert "All layouts of a small network" in text
    assert "Bit operations: resnet8" in text
    assert (tmp_path / "paper_budgets_resnet8.png").stat().st_size > 10_000
