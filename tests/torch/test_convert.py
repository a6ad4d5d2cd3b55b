"""Conversions while a model runs, against the conversion losses of Problem 3."""

import itertools
import random

import numpy as np
import pytest
import torch
from torch import nn

import mpsolve
from mpsolve.errors import InvalidParameterError
from mpsolve.torch import applied, apply_, observe_conversions, parse, trace
from tests.torch.models import Repeated, Residual, Transformer, images, make, tokens
from tests.torch.provenance import Provenance

FLOATS = ["fp64", "fp32", "bf16", "fp16"]
TYPES = {parse(name).weight.dtype: name for name in FLOATS}
RARE = ("bf16", "fp16")
CASES = {Residual: images, Transformer: tokens}


def layouts(graph, count):
    """Return mixed layouts; tied layers get the same."""
    names = [layer.name for layer in graph.layers]
    rng = random.Random(0)
    for _ in range(count):
        layout = {name: rng.choice(FLOATS) for name in names}
        for layer in graph.layers:
            for other in layer.tied:
                layout[other] = layout[layer.name]
        yield layout


def lossy_edges(graph, layout):
    """Return the edges that pay in mpsolve's own conversion loss."""
    layers = graph.layer_graph()
    ones = dict.fromkeys(layers.nodes, 1.0)
    couplings = mpsolve.conversion_loss(layers, ones, [1.0] * 4, FLOATS)
    return {
        (c.first, c.second)
        for c in couplings
        if c.table[FLOATS.index(layout[c.first]), FLOATS.index(layout[c.second])]
    }


def is_lossy(source, target):
    return not mpsolve.lossless_matrix([TYPES[source], TYPES[target]])[0, 1]


@pytest.mark.parametrize("kind", CASES)
def test_lossy_edges_are_those_that_the_conversion_loss_counts(kind):
    model, inputs = make(kind), CASES[kind]()
    graph = trace(model, inputs)
    seen = set()
    for layout in layouts(graph, 25):
        made = applied(model, layout)
        modules = {layer.name: made.get_submodule(layer.name) for layer in graph.layers}
        with (
            torch.no_grad(),
            Provenance(modules) as run,
            observe_conversions() as found,
        ):
            made(inputs)
        expected = lossy_edges(graph, layout)
        # Edges and types as they were while it ran; attention's products in between
        # are no layers here, and pass on what they are made of.
        observed = {(u, v) for u, a, v, b in run.edges if is_lossy(a, b)}
        assert observed == expected
        assert {(u, v) for u, _, v, _ in run.edges} == set(graph.layer_graph().edges)
        # And numbers changed where something was lost, and only there.
        changed = {c.layer for c in found if c.num_changed}
        sources = {n for n, d in graph.layer_graph().in_degree if d == 0}
        assert changed - sources <= {v for _, v in expected}
        # All but the largest and smallest numbers of bf16 are numbers of fp16.
        rare = {(u, v) for u, v in expected if (layout[u], layout[v]) == RARE}
        assert changed >= {v for _, v in expected - rare}
        seen |= {(layout[u], layout[v]) for u, v in expected}
    assert len(seen) > 6


def test_the_conversion_loss_of_the_whole_graph_names_the_same_layers():
    """Joins are groups of their own there, in the type that holds their operands."""
    model = make(Residual)
    graph = trace(model, images())
    for layout in layouts(graph, 25):
        types = {}
        for node, data in graph.nodes(data=True):
            sources = [types[u] for u, _ in graph.graph.in_edges(node)]
            if data["role"] == "layer":
                types[node] = parse(layout[node]).weight.dtype
            else:
                types[node] = torch.promote_types(*sources)
        couplings = mpsolve.conversion_loss(
            graph, dict.fromkeys(graph.nodes, 1.0), [1.0] * 4, FLOATS
        )
        position = {node: FLOATS.index(TYPES[kind]) for node, kind in types.items()}
        paying = {
            c.second
            for c in couplings
            if c.table[position[c.first], position[c.second]]
        }
        assert paying == {v for _, v in lossy_edges(graph, layout)}


@pytest.mark.parametrize("kind", [Residual, Transformer])
@pytest.mark.parametrize("name", FLOATS)
def test_one_precision_everywhere_is_the_model_in_that_type(kind, name):
    model, inputs = make(kind), CASES[kind]()
    dtype = parse(name).weight.dtype
    layers = [layer.name for layer in trace(model, inputs).layers]
    with torch.no_grad():
        ours = applied(model, dict.fromkeys(layers, name))(inputs)
        exact = make(kind).double()(inputs.double() if kind is Residual else inputs)
    assert ours.dtype == torch.float32
    error = (ours - exact).abs().max() / exact.abs().max()
    assert error < 40 * torch.finfo(dtype).eps + 4 * torch.finfo(torch.float32).eps


def test_fp64_keeps_what_fp32_loses():
    model = make(Residual).double()
    x = images().double()
    made = applied(model, dict.fromkeys(["stem", "a", "b", "head"], "fp64"))
    assert torch.equal(made(x), model(x))
    fp32 = applied(model, dict.fromkeys(["stem", "a", "b", "head"], "fp32"))
    assert fp32(x).dtype == torch.float64
    assert not torch.equal(fp32(x), model(x))


def test_norms_return_what_they_got():
    model = make(Residual)
    seen = {}
    model.norm.register_forward_hook(
        lambda _, a, y: seen.update(a=a[0].dtype, y=y.dtype)
    )
    for name in FLOATS:
        dtype = parse(name).weight.dtype
        with apply_(model, {"stem": name}):
            model(images())
        assert (seen["a"], seen["y"]) == (dtype, dtype)


def test_modules_with_constants_return_what_they_got():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("scale", torch.full((4,), 1 / 3))

        def forward(self, x):
            return x * self.scale

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.offset = nn.Parameter(torch.zeros(4))  # the model owns one as well
            self.a, self.scale, self.b = nn.Linear(4, 4), Scale(), nn.Linear(4, 4)

        def forward(self, x):
            return self.b(self.scale(self.a(x + self.offset)))

    made = applied(Model(), dict.fromkeys("ab", "bf16"))
    with observe_conversions() as found:
        made(torch.randn(2, 4))
    assert [(c.layer, c.source) for c in found][1] == ("b", torch.bfloat16)


def test_norms_of_wider_tensors_lose_nothing():
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 4)).eval()
    exact = applied(model.double(), dict.fromkeys("02", "fp64"))
    model.float()
    mixed = applied(model, dict.fromkeys("02", "fp64"))
    x = torch.randn(3, 4)
    for i in (0, 2):
        exact[i].weight.data = mixed[i].weight.data
        exact[i].bias.data = mixed[i].bias.data
    assert torch.allclose(mixed(x).double(), exact(x), rtol=1e-6)
    captured = []
    mixed[1].register_forward_hook(lambda _, __, y: captured.append(y))
    mixed(x)
    assert captured[0].dtype == torch.float64
    expected = exact[1](exact[0](x.double()))
    assert torch.allclose(captured[0], expected, rtol=1e-14, atol=1e-14)


def test_layers_that_are_not_named_keep_their_type_and_convert_to_it():
    model = make(Residual)
    with apply_(model, {"stem": "fp64"}), observe_conversions() as found:
        model(images())
    by_layer = {c.layer: c for c in found}
    assert by_layer["a"].source == torch.float64
    assert by_layer["a"].target == torch.float32
    assert by_layer["a"].num_changed > 0


def test_inputs_are_rounded_as_their_precision_says():
    model = nn.Sequential(nn.Linear(6, 3))
    x = torch.randn(4, 6)
    for name in ["w8a8", "int4", "w4a16", "w16a8", "fp32/e4m3", "keep/bf16", "mxfp8"]:
        precision = parse(name)
        made = applied(model, {"0": precision})
        weight = precision.weight.round(model[0].weight)
        given = precision.input.round_input(x)
        kinds = [k.dtype for k in (precision.weight, precision.input) if k.dtype]
        dtype = kinds[0] if len(kinds) == 1 else torch.float32
        bias = precision.weight.round(model[0].bias).to(dtype)
        expected = nn.functional.linear(given.to(dtype), weight.to(dtype), bias)
        assert torch.equal(made(x), expected.float()), name


def test_masks_are_cast_and_never_rounded():
    model = nn.ModuleDict({"attention": nn.MultiheadAttention(8, 2)})
    model.forward = lambda x, **k: model["attention"](x, x, x, **k)[0]
    x = torch.randn(5, 1, 8)
    mask = torch.full((5, 5), -torch.inf).triu(1)
    with torch.no_grad():
        expected = model(x, attn_mask=mask, need_weights=False)
        with apply_(model, {"attention": "int8"}):
            found = model(x, attn_mask=mask, need_weights=False)
        assert found.isfinite().all()
        assert torch.allclose(found, expected, atol=0.05)


@pytest.mark.parametrize("with_gradients", [True, False])
def test_additions_in_place_widen(with_gradients):
    model = make(Residual)  # y += x, with y of b and x of the stem
    layout = {"stem": "fp64", "b": "fp16", "head": "fp64"}
    x = images().requires_grad_(with_gradients)
    with apply_(model, layout), observe_conversions() as found:
        model(x)
    head = next(c for c in found if c.layer == "head")
    assert (head.source, head.num_changed) == (torch.float64, 0)
    if with_gradients:
        model(x).sum().backward()
        expected = torch.autograd.grad(make(Residual)(x).sum(), x)[0]
        assert torch.allclose(x.grad, expected, rtol=1e-2, atol=1e-3)


def test_additions_in_place_to_a_part_of_a_narrow_tensor_are_refused():
    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            y = self.a(x)
            y[:1] += self.b(x)[:1]
            return y

    with torch.no_grad():
        assert applied(Partly(), {"a": "fp32", "b": "bf16"})(torch.ones(2, 4)).ndim == 2
        with pytest.raises(InvalidParameterError, match=r"add_ in place .* y = y \+ x"):
            applied(Partly(), {"a": "bf16", "b": "fp32"})(torch.ones(2, 4))


def test_shared_modules_convert_in_every_call():
    model = make(Repeated)
    with apply_(model, {"a": "bf16"}), observe_conversions() as found:
        model(torch.randn(2, 4))
    assert [c.layer for c in found].count("a") == 3


def test_products_of_different_types_run_in_the_one_that_holds_both():
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x):
            q, k, v = self.a(x)[None], self.b(x)[None], self.c(x)[None]
            mask = torch.zeros(3, 3)
            y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            return y @ k.mT, torch.einsum("bij,bkj->bik", q, v)

    model, x = Product(), torch.randn(3, 4)
    for names in itertools.product(["fp16", "bf16", "fp64"], repeat=3):
        made = applied(model, dict(zip("abc", names, strict=True)))
        for ours, full in zip(made(x), model(x), strict=True):
            assert ours.dtype == torch.float32
            assert np.allclose(ours.detach(), full.detach(), atol=0.03)
