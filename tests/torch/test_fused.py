"""Layers that servers fuse, found in traced models, whatever the layers are called."""

import pytest
import torch
from torch import nn

from benchmarks.models.llama import Llama
from mpsolve.integrations import find_fused, fusion_ties
from mpsolve.torch import trace
from tests.torch.models import Transformer, make, tokens


def ties(model, inputs, engine="vllm"):
    graph = trace(model, inputs)
    return fusion_ties([layer.name for layer in graph.layers], engine, graph=graph)


@pytest.fixture(params=["exported", "called"])
def either_way(request, monkeypatch):
    """Trace, and do without a trace."""
    if request.param == "called":
        monkeypatch.setattr(torch.export, "export", lambda *_, **__: 1 / 0)


@pytest.mark.usefixtures("either_way")
def test_a_llama_whose_layers_have_names_of_their_own():
    model = Llama(32, 48, 2, 4, 2, 64, 32)
    expected = [("tok_embeddings", "output")]
    for block in ("layers.0", "layers.1"):
        expected.append(tuple(f"{block}.attention.{w}" for w in ("wq", "wk", "wv")))
        expected.append(tuple(f"{block}.feed_forward.{w}" for w in ("w1", "w3")))
    found = ties(model, torch.zeros(1, 8, dtype=torch.long))
    assert sorted(found) == sorted(expected)
    assert ties(model, torch.zeros(1, 8, dtype=torch.long), "none") == expected[:1]


@pytest.mark.usefixtures("either_way")
def test_attention_by_hand():
    assert ties(make(Transformer), tokens()) == [
        ("embedding", "output"),
        ("q", "k", "v"),
    ]


class Views(nn.Module):
    """The same numbers in other shapes, and other numbers of the same shape."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d, self.e = (nn.Linear(4, 4) for _ in range(5))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        y = self.a(self.dropout(x).reshape(-1, 4)) + self.b(x).view(-1, 4)
        y = y + self.c(x.flip(0)).flatten(0, 1) + self.d(x + 1).flatten(0, 1)
        x.mul_(2)  # from here on, x is something else
        return y + self.e(x).flatten(0, 1)


@pytest.mark.usefixtures("either_way")
def test_shapes_do_not_matter_and_numbers_do():
    assert ties(Views(), torch.randn(2, 3, 4)) == [("a", "b")]


class Expert(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        return self.last(self.first(x).sigmoid() * self.second(x))


class Mixture(nn.Module):
    """Every expert computes, and a router weighs them."""

    def __init__(self):
        super().__init__()
        self.router, self.shared = nn.Linear(4, 3), nn.Linear(4, 1)
        self.parts = nn.ModuleList(Expert() for _ in range(3))

    def forward(self, x):
        weights = self.router(x).softmax(-1)
        y = sum(part(x) * weights[..., i, None] for i, part in enumerate(self.parts))
        return y * self.shared(x).sigmoid()


def test_parallel_experts_are_one_and_the_router_is_not_fused():
    model = nn.Sequential(Mixture(), Mixture())
    graph = trace(model, torch.randn(2, 4))
    found = find_fused([layer.name for layer in graph.layers], "vllm", graph=graph)
    assert [len(fused.layers) for fused in found] == [9, 9]
    assert all("parts" in name for fused in found for name in fused.layers)
    assert found[0].reasons[0] == "experts of a layer"
    assert str(found[0]).startswith("0.parts.0.first, 0.parts.0.second, 0.parts.0.last")
    assert "(9 layers)" in str(found[0])


def test_blocks_that_follow_each_other_are_no_experts():
    model = nn.Sequential(nn.Sequential(Expert(), Expert()))
    assert ties(model, torch.randn(2, 4)) == [
        ("0.0.first", "0.0.second"),
        ("0.1.first", "0.1.second"),
    ]
