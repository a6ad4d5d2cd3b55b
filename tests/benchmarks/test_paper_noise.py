"""The noise protocol: formulas against slow computations, and a tiny run."""

import copy
import json
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div

import mpsolve
from benchmarks.models.resnet import CifarResNet
from benchmarks.paper.__main__ import main
from benchmarks.paper.noise.analysis import Case, Study
from benchmarks.paper.noise.arms import ARMS, layout_of, random_layout, shrink, solve
from benchmarks.paper.noise.curvature import traces
from benchmarks.paper.noise.in_place import changes_of, compare, divergences, refine
from benchmarks.paper.noise.levels import LEVELS, SPLITS, counts, settings
from benchmarks.paper.noise.measured import grid, losses_of
from benchmarks.paper.noise.pairs import measure_pairs, with_pairs
from benchmarks.paper.noise.perturb import NoisyNetwork
from benchmarks.paper.noise.single import measure
from benchmarks.paper.noise.trials import trial
from benchmarks.paper.store import Store
from mpsolve.torch import add_noise_
from tests.conftest import shared_folder


@pytest.fixture(autouse=True)
def one_thread():
    """Let small tensors not wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model():
    torch.manual_seed(0)
    made = CifarResNet(1, 4, tiny=True)
    with torch.no_grad():
        for norm in made.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_(0, 0.1)
                norm.running_var.uniform_(0.2, 0.6)
    return made.eval()


@pytest.fixture
def batches():
    torch.manual_seed(1)
    return [(torch.randn(4, 3, 8, 8), torch.randint(10, (4,))) for _ in range(3)]


def setting_of(model, levels="absolute", split="both"):
    count = len(NoisyNetwork(copy.deepcopy(model)).layers)
    rng = np.random.default_rng(0)
    means = rng.uniform(0.5, 1.5, count), rng.uniform(0.1, 0.3, count)
    return settings([(levels, split)], *means)[0]


def test_classes_are_as_equal_as_possible():
    assert counts(10) == (3, 3, 2, 2)
    assert counts(20) == (5, 5, 5, 5)
    assert [sum(counts(n)) for n in (32, 45, 58)] == [32, 45, 58]


def test_a_split_gives_noise_to_what_it_names(model):
    for split in (*SPLITS, "stored"):
        inputs, parameters = setting_of(model, "relative", split).sizes
        assert (inputs > 0).all() == (split != "parameters")
        assert (parameters[:, 1:] > 0).all() == (split != "inputs")
        # What is stored at the first level gets no more of it.
        assert (parameters[:, 0] > 0).all() == (split in ("parameters", "both"))


def test_noise_is_that_of_the_package(model, batches):
    network = NoisyNetwork(model)
    rng = np.random.default_rng(0)
    levels = rng.uniform(0.01, 0.1, len(network.layers))
    before = copy.deepcopy(model.state_dict())
    images = batches[0][0]
    network.draw(seed=7)
    for inputs, parameters in ((True, True), (True, False), (False, True)):
        with (
            torch.no_grad(),
            network.noisy(levels * inputs, levels * parameters) as noisy,
        ):
            found = noisy(images)
        by_name = dict(zip(network.names, levels.tolist(), strict=True))
        with (
            torch.no_grad(),
            add_noise_(model, by_name, seed=7, inputs=inputs, parameters=parameters),
        ):
            expected = model(images)
        assert torch.allclose(found, expected, atol=1e-5)
        assert not torch.allclose(found, model(images), atol=1e-2)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_stored_noise_stays_and_goes(model):
    network = NoisyNetwork(model)
    own = model.linear.weight.detach().clone()
    network.store(0.5, seed=0)
    first = model.linear.weight.detach().clone()
    assert 0.3 < (first - own).abs().max() <= 0.5
    network.draw(3)
    none = np.zeros(len(network.layers))
    with network.noisy(none, none):
        assert torch.equal(model.linear.weight, first)
    network.store(0.0, seed=0)
    assert torch.equal(model.linear.weight, own)


def test_single_layers_as_measured_one_by_one(model, batches):
    layers = NoisyNetwork(copy.deepcopy(model)).layers
    points = np.random.default_rng(0).uniform(0, 0.3, (len(layers), 3, 2))
    found = measure(model, batches, points, seed=0)
    i, k = 4, 1
    name = layers[i].name
    changes, divergences = [], []
    for b, (images, labels) in enumerate(batches):
        generator = torch.Generator().manual_seed(1 + i + len(layers) * b)
        own = dict(model.get_submodule(name).named_parameters())
        units = {
            n: 2 * torch.rand(p.shape, generator=generator) - 1 for n, p in own.items()
        }
        drawn = []

        def hook(_, x, sign, drawn=drawn, generator=generator):
            if not drawn:
                drawn.append(2 * torch.rand(x[0].shape, generator=generator) - 1)
            return x[0] + sign * points[i, k, 0] * drawn[0]

        with torch.no_grad():
            clean = model(images).double().log_softmax(1)
        for sign in (1, -1):
            noisy = copy.deepcopy(model)
            module = noisy.get_submodule(name)
            with torch.no_grad():
                for n, p in module.named_parameters():
                    p.add_(sign * points[i, k, 1] * units[n])
            module.register_forward_pre_hook(
                lambda m, x, sign=sign, hook=hook: hook(m, x, sign)
            )
            with torch.no_grad():
                other = noisy(images).double().log_softmax(1)
            rows = torch.arange(len(labels))
            changes.append(float((clean - other)[rows, labels].mean()))
            divergences.append(float((clean.exp() * (clean - other)).sum(1).mean()))
    assert found.loss[i, k] == pytest.approx(np.mean(changes), abs=1e-6)
    assert found.divergence[i, k] == pytest.approx(np.mean(divergences), abs=1e-6)
    pairs = np.reshape(changes, (-1, 2)).mean(1)
    expected = pairs.std(ddof=1) / np.sqrt(len(pairs))
    assert found.loss_error[i, k] == pytest.approx(expected, abs=1e-6)


def test_traces_are_those_of_the_whole_hessian():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
    x, y = torch.randn(5, 3), torch.randint(3, (5,))
    found = traces(model, [(x, y)], draws=800)
    start = torch.cat([p.detach().flatten() for p in model.parameters()])

    def loss(flat, shift):
        w = flat.split([12, 4, 12, 3])
        hidden = torch.tanh((x + shift[:, :3]) @ w[0].view(4, 3).T + w[1])
        return cross_entropy((hidden + shift[:, 3:]) @ w[2].view(3, 4).T + w[3], y)

    zero = torch.zeros(5, 7)
    own = torch.autograd.functional.hessian(lambda w: loss(w, zero), start).diagonal()
    on_inputs = torch.autograd.functional.hessian(lambda e: loss(start, e), zero)
    on_inputs = on_inputs.reshape(35, 35).diagonal().view(5, 7)
    expected = [float(on_inputs[:, :3].sum()), float(on_inputs[:, 3:].sum())]
    for i in (0, 1):
        assert abs(found.inputs[i] - expected[i]) < 4 * found.inputs_error[i]
    for i, part in enumerate(own.split([16, 15])):
        error = found.parameters_error[i]
        assert abs(found.parameters[i] - float(part.sum())) < 4 * error
        assert error < 0.1 * float(part.sum())


def test_shrinking_trusts_what_is_certain():
    rng = np.random.default_rng(0)
    divergence = rng.uniform(1, 5, (40, 1))
    truth = 2 * divergence + rng.normal(0, 1, (40, 1))
    sure = shrink(truth, np.full((40, 1), 1e-9), divergence)
    assert np.allclose(sure, truth)
    errors = np.full((40, 1), 3.0)
    noisy = truth + rng.normal(0, 3, (40, 1))
    found = shrink(noisy, errors, divergence)
    assert np.square(found - truth).mean() < 0.4 * np.square(noisy - truth).mean()
    unsure = shrink(2 * divergence, errors, divergence)
    assert np.allclose(unsure, 2 * divergence)


def test_losses_between_measured_points(model):
    measured = setting_of(model)
    points = grid(measured)
    rng = np.random.default_rng(0)
    loss = rng.uniform(0.1, 1, points.shape[:3])
    record = {
        "points": points,
        "loss": loss,
        "loss_error": loss * 0,
        "divergence": 2 * loss,
    }
    both = losses_of(record, measured)
    assert np.allclose(both["loss"][:, :2], loss.sum(1))
    assert np.allclose(both["loss"][:, 3], loss[:, :, 1].sum(1) * (1e-2 / 5e-2) ** 2)
    assert np.allclose(both["divergence"], 2 * both["loss"])
    inputs = losses_of(record, setting_of(model, split="inputs"))
    assert np.allclose(inputs["loss"][:, 0], loss[:, 0, 0])
    small = losses_of(record, setting_of(model, "small"))
    assert np.allclose(
        small["loss"],
        loss[:, :, 1].sum(1)[:, None] * (np.array(LEVELS["small"]) / 5e-2) ** 2,
    )


def test_algorithm_3_is_that_of_the_package(model):
    setting = setting_of(model)
    rng = np.random.default_rng(3)
    a, b = rng.uniform(size=(2, len(setting.on_inputs)))
    found = layout_of("alg3", {"storage": {"inputs": a, "parameters": b}}, setting)
    inventory = dict(zip(setting.names, setting.inventory, strict=True))
    result = mpsolve.gradient_storage(
        a, b, LEVELS["absolute"], inventory, precisions=setting.names
    )["layers"]
    assert found.loss == pytest.approx(result.loss)
    assert found.reason == "OPTIMAL"
    assert [setting.names[int(k)] for k in found.layout] == [*result.layout.values()]


def test_random_layouts_keep_the_inventory(model):
    setting = setting_of(model)
    made = {random_layout(setting, seed) for seed in range(50)}
    assert len(made) > 40
    for layout in made:
        assert [layout.count(str(k)) for k in range(4)] == [*setting.inventory]


def test_changes_in_place_are_those_of_whole_layouts(model, batches):
    network, setting = NoisyNetwork(model), setting_of(model)
    layout = random_layout(setting, 0)
    change, _ = changes_of(network, setting, layout, batches)
    for i, k in ((0, 3), (5, 0), (len(layout) - 1, 1)):
        other = layout[:i] + str(k) + layout[i + 1 :]
        first, second = compare(network, setting, [layout, other], batches)
        assert change[i, k] == pytest.approx(second - first, abs=1e-6)
    own = [int(k) for k in layout]
    assert (change[np.arange(len(layout)), own] == 0).all()


def test_divergences_are_those_of_the_outputs(model, batches):
    network, setting = NoisyNetwork(model), setting_of(model, split="parameters")
    layout = random_layout(setting, 0)
    (found,) = divergences(network, setting, [layout], batches[:1])
    images = batches[0][0]
    sizes = setting.on_parameters[np.arange(len(layout)), [int(k) for k in layout]]
    with torch.no_grad():
        own = model(images).softmax(1)
    network.draw(700_000)
    each = []
    for sign in (1, -1):
        with torch.no_grad(), network.noisy(sizes * 0, sign * sizes) as noisy:
            other = noisy(images).log_softmax(1)
        each.append(kl_div(other, own, reduction="batchmean"))
    assert found == pytest.approx(float(sum(each)) / 2, abs=1e-6)
    assert found > 1e-3


def test_steps_in_place_never_end_worse(model, batches):
    network, setting = NoisyNetwork(model), setting_of(model)
    start = random_layout(setting, 1)
    found = refine(network, setting, start, batches, steps=2)
    first, last = compare(network, setting, [start, found["layout"]], batches)
    assert last <= first
    assert found["losses"][0] == pytest.approx(first, abs=1e-6)
    counted = [found["layout"].count(str(k)) for k in range(4)]
    assert counted == [*setting.inventory]


def test_pair_terms_and_the_layout_they_lead_to(model, batches):
    network, setting = NoisyNetwork(model), setting_of(model)
    record = measure_pairs(network, setting, batches[:2])
    count = len(network.layers)
    order = [(i, j) for i in range(count) for j in range(i + 1, count)]
    i, j, k, h = 2, 6, 0, 1
    expected = []
    for b, (images, labels) in enumerate(batches[:2]):
        network.draw(800_000 + b)

        def mean_loss(chosen, images=images, labels=labels):
            sizes = np.zeros(count)
            for layer, level in chosen:
                sizes[layer] = setting.on_inputs[layer, level]
            total = 0.0
            for sign in (1, -1):
                with torch.no_grad(), network.noisy(sign * sizes, sign * sizes) as m:
                    total += float(cross_entropy(m(images).double(), labels)) / 2
            return total

        joint = mean_loss([(i, k), (j, h)]) + mean_loss([])
        expected.append(joint - mean_loss([(i, k)]) - mean_loss([(j, h)]))
    found = record["pairs"][order.index((i, j))][k][h]
    assert found == pytest.approx(np.mean(expected), abs=1e-6)


def test_a_layout_with_pairs_is_the_best_of_all():
    rng = np.random.default_rng(0)
    losses = rng.uniform(size=(5, 4))
    (setting,) = settings([("absolute", "both")], np.ones(5), np.ones(5))
    assert setting.inventory == (2, 1, 1, 1)
    pairs = rng.normal(size=(10, 2, 2))
    record = {"pairs": pairs, "error": pairs * 0}
    found = with_pairs(losses, np.ones((5, 4)), record, setting)
    order = [(i, j) for i in range(5) for j in range(i + 1, 5)]

    def total(layout):
        value = sum(losses[i, k] for i, k in enumerate(layout))
        for (i, j), table in zip(order, pairs, strict=True):
            if layout[i] < 2 and layout[j] < 2:
                value += table[layout[i], layout[j]]
        return value

    best = min(total(p) for p in set(permutations((0, 0, 1, 2, 3))))
    assert found.loss == pytest.approx(best)
    assert total([int(k) for k in found.layout]) == pytest.approx(best)
    assert found.layout != solve(losses, setting).layout


def test_pair_terms_that_are_all_noise_do_not_decide():
    rng = np.random.default_rng(1)
    losses = rng.uniform(size=(5, 4))
    alone = rng.uniform(0.5, 1.5, size=(5, 4))
    (setting,) = settings([("absolute", "both")], np.ones(5), np.ones(5))
    size = np.sqrt(alone[:, :2])
    unit = np.array(
        [np.outer(size[i], size[j]) for i in range(5) for j in range(i + 1, 5)]
    )
    noise = rng.normal(size=(10, 2, 2))
    noise -= noise.mean(0)
    record = {"pairs": (0.3 + noise) * unit, "error": 10 * unit}
    found = with_pairs(losses, alone, record, setting)
    plain = {"pairs": 0.3 * unit, "error": 0 * unit}
    assert found == with_pairs(losses, alone, plain, setting)


def test_both_signs_of_the_noise_count(model, batches):
    network, setting = NoisyNetwork(model), setting_of(model, split="parameters")
    layout = random_layout(setting, 0)
    ((loss, _),) = trial(network, setting, [layout], batches[0], seed=3)
    sizes = setting.on_parameters[np.arange(len(layout)), [int(k) for k in layout]]
    network.draw(3)
    each = []
    for sign in (1, -1):
        with torch.no_grad(), network.noisy(sizes * 0, sign * sizes) as noisy:
            each.append(float(cross_entropy(noisy(batches[0][0]), batches[0][1])))
    assert loss == pytest.approx(np.mean(each), abs=1e-6)


def test_what_counts_as_better():
    rng = np.random.default_rng(0)
    common = rng.normal(1, 0.5, 20)
    excess = {
        "hawq": common + 1,
        "exact": common + 0.001 * rng.normal(size=20),
        "random": common + 2,
    }
    case = Case("resnet8", "absolute", "both", range(20), 8, excess, {}, {})
    assert case.better_than("hawq") == ["exact"]
    assert case.better_than("exact") == []
    assert case.is_resolved
    level = rng.normal(size=20)
    assert not case._replace(excess={"random": level - level.mean()}).is_resolved
    assert case.ratio("exact", "hawq") == pytest.approx(
        case.mean("exact").value / case.mean("hawq").value
    )


def test_many_equal_arms_are_not_beaten_by_chance():
    rng = np.random.default_rng(3)
    beaten = 0
    for _ in range(200):
        excess = {f"arm {i}": rng.normal(1, 0.5, 20) for i in range(12)}
        case = Case("resnet8", "absolute", "both", range(20), 8, excess, {}, {})
        beaten += case.beaten_p("arm 0") < 0.05
    # One in twenty at most is two-sided; an arm is beaten on one of the sides.
    assert beaten <= 12


def test_an_arm_that_is_clearly_worse_is_beaten():
    rng = np.random.default_rng(4)
    common = rng.normal(1, 0.5, 20)
    excess = {"worse": common + 0.3, "equal": common + 0.3}
    excess |= {f"arm {i}": common + 0.1 * rng.normal(size=20) for i in range(8)}
    case = Case("resnet8", "absolute", "both", range(20), 8, excess, {}, {})
    assert case.beaten_p("worse") < 1e-3
    assert case.beaten_p("arm 0") > 0.05
    only = case._replace(excess={k: excess[k] for k in ("worse", "equal")})
    assert only.beaten_p("worse") == 1


def test_blocks_of_seeds_are_one_case_once_all_are_there(tmp_path):
    store = Store(tmp_path / "records.jsonl", {})
    place = ("resnet8", "absolute", "both")
    store.add(("network", "resnet8"), inventory=[3, 3, 2, 2])
    for arm, layout in (("hawq", "01"), ("exact", "10")):
        store.add(("layout", *place, arm), layout=layout)

    def add(first, shift):
        block = (2, 8, *([first] if first else []))
        store.add(("clean", "resnet8", *block), loss=[1.0, 2.0], accuracy=[0.5, 0.5])
        for k, layout in enumerate(("01", "10", "random")):
            loss = [1.0 + shift + k, 2.0 + shift + k]
            store.add(("trial", *place, *block, layout), loss=loss, accuracy=[0.5, 0.0])

    add(0, 0.5)
    (case,) = Study(store).cases
    assert case.seeds == range(2)
    add(40, 1.0)
    add(42, 2.0)
    (case,) = Study(store).cases
    assert case.seeds == range(40, 44)
    assert case.excess["exact"].tolist() == [2.0, 2.0, 3.0, 3.0]
    assert case.accuracy["exact"] == pytest.approx(-0.25)
    (first,) = Study(store, is_first=True).cases
    assert first.excess["hawq"].tolist() == [0.5, 0.5]
    store.add(("trial", *place, 2, 8, 44, "01"), loss=[1.0, 1.0], accuracy=[1.0, 1.0])
    (case,) = Study(store).cases
    assert case.seeds == range(40, 44), "the last block has only begun"


def test_a_tiny_run_is_honest_and_resumes(tmp_path, monkeypatch):
    data = shared_folder("data")
    arguments = ["noise", "--smoke", "--output", str(tmp_path), "--data", str(data)]
    main(arguments)
    records = tmp_path / "paper_noise.jsonl"
    first = records.read_text()
    store = Store(records, {})
    layouts = store.select("layout", "resnet8")
    assert {r["key"][4] for r in layouts} == {
        *ARMS,
        "verified",
        "in_place",
        "settled",
        "pairs",
    } - {"alg3_stored"}
    for record in layouts:
        counted = [record["layout"].count(str(k)) for k in range(4)]
        assert counted == [3, 3, 2, 2], record["key"]
    study = Study(store)
    for split in ("inputs", "parameters", "both"):
        setting = study.setting("resnet8", "absolute", split)
        given = dict(study.metrics("resnet8"))
        given["single"] = losses_of(study.single("resnet8"), setting)
        for arm in set(ARMS) - {"alg3_stored"}:
            losses = ARMS[arm].losses(given, setting)
            for record in store.select("layout", "resnet8", "absolute", split):
                own = [int(k) for k in record["layout"]]
                total = losses[np.arange(len(own)), own].sum()
                best = store[("layout", "resnet8", "absolute", split, arm)]["loss"]
                assert best <= total + 1e-9 * abs(total)
    assert len(study.cases) == 3
    report = (tmp_path / "paper_noise.md").read_text()
    assert "HAWQ-v2: trace × error" in report
    monkeypatch.setattr("benchmarks.paper.noise.report", lambda *_: None)
    main(arguments)
    again = records.read_text()
    assert again == first
    assert all(json.loads(line) for line in again.splitlines())
