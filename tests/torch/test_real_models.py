"""Trained models: the real ResNet-20 and a real language model."""

import functools
import random

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import mpsolve
from benchmarks.models import (
    cifar10,
    language_loss,
    load_language_model,
    load_resnet,
    normalize,
    sequences,
)
from mpsolve.torch import (
    applied,
    find_layers,
    find_ties,
    macs,
    measured_bytes,
    memory,
    observe_conversions,
    parse,
    trace,
)
from tests.conftest import shared_folder
from tests.torch.provenance import Provenance
from tests.torch.test_convert import FLOATS, is_lossy, lossy_edges

pytestmark = pytest.mark.needs_shared

NAMES = ["fp32", "bf16", "fp16", "int8", "int4", "int4-g32-asym", "e4m3-channel"]


@pytest.fixture
def resnet():
    return load_resnet("resnet20", shared_folder("data"))


@pytest.fixture
def language_model():
    return load_language_model("stories260k", shared_folder("data"))


@functools.cache
def whole_test_set():
    return cifar10(folder=shared_folder("data"))


def held_out_images(count):
    """Return odd rows of the test set: layouts may have been found on even ones."""
    images, labels = whole_test_set()
    return normalize(images[1 : 2 * count : 2]), labels[1 : 2 * count : 2]


def check_stored(model, made, layout):
    """Every layer holds its parameters in the types that its precision says."""
    for layer in find_layers(model):
        weight = parse(layout[layer.name]).weight
        module = made.get_submodule(layer.name)
        for name, parameter in layer.parameters.items():
            stored = weight.encode(parameter)
            if name in module._parameters:
                held = (module._parameters[name],)
            else:
                held = tuple(module.parametrizations[name].parameters())
            assert [h.dtype for h in held] == [s.dtype for s in stored]
            assert all(torch.equal(h, s) for h, s in zip(held, stored, strict=True))
            if weight.dtype is not None:
                assert held[0].dtype == weight.dtype


def solved(model, share):
    """Return a problem under a memory budget, and its proven optimum."""
    layers = find_layers(model)
    sizes = memory(layers, NAMES)
    errors = []
    for layer in layers:
        matrix = layer.parameters["weight"].detach()
        norm = matrix.square().sum()
        row = [
            (parse(n).weight.round(matrix) - matrix).square().sum() / norm
            for n in NAMES
        ]
        errors.append([float(error) for error in row])
    low, high = sizes.min(axis=1).sum(), sizes.max(axis=1).sum()
    problem = mpsolve.Problem.from_arrays(
        errors,
        usage={"memory": sizes},
        budgets={"memory": int(low + share * (high - low))},
        layers=[layer.name for layer in layers],
        precisions=NAMES,
        ties=find_ties(layers),
    )
    return mpsolve.solve(problem)


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_resnet_20_takes_the_bytes_that_the_solver_counted(resnet, share):
    result = solved(resnet, share)
    layers = find_layers(resnet)
    assert len(set(dict(result.layout).values())) > 1
    made = applied(resnet, result.layout)
    found = measured_bytes([made.get_submodule(layer.name) for layer in layers])
    assert found == result.usage["memory"]
    check_stored(resnet, made, dict(result.layout))
    images, labels = held_out_images(100)
    with torch.no_grad():
        before, after = resnet(images), made(images)
    assert after.dtype == torch.float32
    accuracy = (after.argmax(1) == labels).double().mean()
    assert accuracy > 0.85
    loss, full = (float(cross_entropy(y, labels)) for y in (after, before))
    assert abs(loss - full) < 0.2


@pytest.mark.parametrize(("share", "increase"), [(0.02, 4.0), (0.3, 0.3)])
def test_the_language_model_takes_the_bytes_that_the_solver_counted(
    language_model, share, increase
):
    result = solved(language_model, share)
    made = applied(language_model, result.layout)
    modules = [made.get_submodule(name) for name in result.layout]
    assert measured_bytes(modules) == result.usage["memory"]
    check_stored(language_model, made, dict(result.layout))
    stories = sequences(folder=shared_folder("data"))[:4]
    full = language_loss(language_model, stories)
    assert full - 0.01 < language_loss(made, stories) < full + increase


@pytest.mark.parametrize("name", ["resnet", "language_model"])
def test_lossy_conversions_are_those_of_problem_3(name, request):
    model = request.getfixturevalue(name)
    if name == "resnet":
        inputs, _ = held_out_images(2)
    else:
        inputs = sequences(folder=shared_folder("data"))[0][None, :20]
    graph = trace(model, inputs)
    rng = random.Random(0)
    for _ in range(3):
        layout = {layer.name: rng.choice(FLOATS) for layer in graph.layers}
        for tie in find_ties(graph.layers):
            layout |= dict.fromkeys(tie, layout[tie[0]])
        made = applied(model, layout)
        modules = {layer: made.get_submodule(layer) for layer in layout}
        with (
            torch.no_grad(),
            Provenance(modules) as run,
            observe_conversions() as found,
        ):
            made(inputs)
        observed = {(u, v) for u, a, v, b in run.edges if is_lossy(a, b)}
        assert observed == lossy_edges(graph, layout)
        assert len(observed) > 10
        # Images are fp32 themselves, and the first layer may round them.
        changed = {c.layer for c in found if c.num_changed} - {"conv1"}
        assert changed <= {v for _, v in observed}


def test_graphs_of_real_models_are_what_their_papers_say(resnet, language_model):
    graph = trace(resnet, torch.zeros(1, 3, 32, 32))
    # He et al. (arXiv 1512.03385) give ResNet-20 0.27 M parameters; 40.6 M products.
    assert macs(graph).sum() == 40_551_040
    assert len(graph.with_role("layer")) == 20
    assert len(graph.with_role("join")) == 9
    parts = mpsolve.sequential_subgraphs(graph, graph.with_role("layer"))
    assert [len(part) for part in parts] == [1, *[2] * 9, 1]
    graph = trace(language_model, torch.ones(1, 16, dtype=torch.long))
    assert len(graph.with_role("layer")) == 1 + 35 + 1
    assert len(graph.with_role("product")) == 5
    # Two additions and the gate of each block.
    assert len(graph.with_role("join")) == 15
    assert graph.ties == [("tok_embeddings", "output")]


@pytest.mark.slow
def test_published_accuracies_are_reached():
    """On parts of the data; all of it was measured with the same definitions."""
    folder = shared_folder("data")
    images, labels = whole_test_set()
    images, labels = images[:500], labels[:500]
    for name, expected in [("resnet20", 0.9173), ("resnet8", 0.8719)]:
        model = load_resnet(name, folder)
        x = normalize(images) if name == "resnet20" else images.float()
        with torch.no_grad():
            found = np.mean((model(x).argmax(1) == labels).numpy())
        # Three standard errors of a share of 500.
        assert found == pytest.approx(expected, abs=0.04)
    loss = language_loss(
        load_language_model(folder=folder), sequences(folder=folder)[:40]
    )
    assert loss == pytest.approx(1.5014, abs=0.1)
