"""The graph of a model's layers, against what the models' code says."""

import networkx as nx
import pytest
import torch
from torch import nn

import mpsolve
from mpsolve.errors import InvalidParameterError, InvalidProblemError
from mpsolve.torch import trace
from tests.torch.models import (
    Repeated,
    Residual,
    Transformer,
    Untraceable,
    images,
    make,
    tokens,
)


def test_a_residual_network_has_its_layers_its_addition_and_their_tensors():
    graph = trace(make(Residual), images())
    assert graph.reason is None
    assert list(graph.nodes) == ["stem", "a", "b", "add", "head"]
    assert set(graph.edges) == {
        ("stem", "a"),
        ("a", "b"),
        ("b", "add"),
        ("stem", "add"),
        ("add", "head"),
    }
    assert graph.with_role("join") == ["add"]


def test_nodes_know_shapes_parameters_and_macs():
    graph = trace(make(Residual), images(2))
    b = graph.nodes["b"]
    assert b["input_shapes"] == ((2, 4, 6, 6),)
    assert b["output_shape"] == (2, 4, 6, 6)
    assert b["parameters"] == 4 * 2 * 9 + 4
    assert b["macs"] == 2 * 4 * 36 * 2 * 9  # outputs × inputs of a group × kernel
    assert graph.nodes["head"]["macs"] == 2 * 4 * 5
    assert graph.nodes["add"]["macs"] == 0
    assert graph.edges["stem", "a"]["shape"] == (2, 4, 6, 6)
    assert (b["layer"], b["kind"], b["fqn"], b["call"]) == ("b", "Conv2d", "b", 0)


def test_attention_by_hand_has_its_two_products():
    graph = trace(make(Transformer), tokens())
    assert graph.with_role("product") == ["matmul", "matmul_1"]
    assert set(graph.edges) == {
        ("embedding", "q"),
        ("embedding", "k"),
        ("embedding", "v"),
        ("q", "matmul"),
        ("k", "matmul"),
        ("matmul", "matmul_1"),
        ("v", "matmul_1"),
        ("matmul_1", "o"),
        ("embedding", "add"),
        ("o", "add"),
        ("add", "output"),
    }
    assert graph.nodes["matmul"]["macs"] == 2 * 5 * 5 * 8
    assert graph.nodes["matmul_1"]["macs"] == 2 * 5 * 5 * 8
    assert graph.nodes["matmul"]["parameters"] == 0


def test_fused_attention_is_a_product():
    class Fused(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k = nn.Linear(4, 8), nn.Linear(4, 8)

        def forward(self, x):
            q, k = self.q(x)[None], self.k(x)[None]
            return nn.functional.scaled_dot_product_attention(q, k, k)

    graph = trace(Fused(), torch.randn(3, 5, 4))
    (name,) = graph.with_role("product")
    assert graph.nodes[name]["macs"] == 3 * 5 * 5 * (8 + 8)
    assert set(graph.graph.predecessors(name)) == {"q", "k"}


def test_a_tied_matrix_used_without_its_module_belongs_to_its_layer():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(11, 4)

        def forward(self, x):
            return nn.functional.linear(self.embedding(x), self.embedding.weight)

    graph = trace(Tied(), tokens())
    assert graph.nodes["linear"]["layer"] == "embedding"
    assert graph.nodes["linear"]["macs"] == 10 * 4 * 11
    assert graph.ties == [("embedding", "linear")]


def test_every_call_of_a_module_is_a_node_and_calls_are_tied():
    graph = trace(make(Repeated), torch.randn(2, 4))
    assert graph.with_role("layer") == ["a", "b.0", "a@1", "a@2"]
    assert graph.calls("a") == ["a", "a@1", "a@2"]
    assert graph.nodes["a@1"]["call"] == 1
    assert ("b.0", "a@1") in graph.edges
    assert graph.ties == [("a", "a@1", "a@2")]
    assert nx.is_directed_acyclic_graph(graph.graph)


def test_tied_layers_are_tied_in_the_graph():
    assert trace(make(Transformer), tokens()).ties == [("embedding", "output")]


def test_torchs_own_attention_is_one_node():
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.before = nn.Linear(8, 8)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            x = self.before(x)
            return self.attention(x, x, x, need_weights=False)[0]

    graph = trace(Attention(), torch.randn(2, 5, 8))
    assert list(graph.edges) == [("before", "attention")]
    projections = 10 * 8 * 24 + 10 * 8 * 8
    assert graph.nodes["attention"]["macs"] == projections + 2 * 2 * 25 * (4 + 4)


def test_recurrent_layers_are_one_node():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 8, batch_first=True)
            self.head = nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.lstm(x)[0][:, -1])

    graph = trace(Recurrent(), torch.randn(3, 5, 4))
    assert list(graph.edges) == [("lstm", "head")]
    assert graph.nodes["lstm"]["macs"] == 15 * (4 * 8 * 4 + 4 * 8 * 8)
    assert graph.nodes["lstm"]["output_shape"] == (3, 5, 8)


def test_a_model_that_cannot_be_traced_has_layers_and_says_why_it_has_no_edges():
    graph = trace(make(Untraceable), torch.randn(2, 4))
    assert list(graph.nodes) == ["a", "b"]
    assert graph.nodes["a"]["macs"] == 2 * 4 * 4
    assert graph.nodes["b"]["input_shapes"] == ((2, 4),)
    assert graph.reason
    with pytest.raises(InvalidParameterError, match="no edges, as the model was not"):
        _ = graph.edges
    with pytest.raises(InvalidParameterError, match="no edges"):
        graph.layer_graph()


@pytest.mark.parametrize("kind", [Residual, Transformer, Repeated])
def test_macs_and_shapes_without_tracing_are_the_same(kind, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError(*["no export"])

    model = make(kind)
    inputs = {Residual: images(), Transformer: tokens(), Repeated: torch.randn(2, 4)}
    traced = trace(model, inputs[kind])
    monkeypatch.setattr(torch.export, "export", fail)
    called = trace(model, inputs[kind])
    assert called.reason == "RuntimeError: no export"
    layers = traced.with_role("layer")
    assert sorted(called.nodes) == sorted(layers)
    for name in layers:
        assert called.nodes[name] == traced.nodes[name]


def test_inputs_may_have_names():
    by_name = trace(make(Residual), {"x": images()})
    assert list(by_name.edges) == list(trace(make(Residual), (images(),)).edges)


def test_layers_that_are_not_called_are_not_in_the_graph():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model.forward = lambda x: model[0](x)
    graph = trace(model, torch.zeros(1, 2))
    assert graph.calls("1") == []
    assert [layer.name for layer in graph.layers] == ["0", "1"]


def test_only_chosen_layers_are_nodes():
    graph = trace(make(Residual), images(), patterns=["stem", "head"])
    assert graph.with_role("layer") == ["stem", "head"]
    # Others are products without a layer.
    assert graph.with_role("product") == ["a.conv2d", "b.conv2d"]


def test_the_model_is_left_as_it_was():
    model = make(Residual).train()
    before = {name: t.clone() for name, t in model.state_dict().items()}
    model.norm.eval()
    trace(model, images())
    assert model.training
    assert not model.norm.training
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())


def test_layers_alone_have_an_edge_for_every_tensor_that_reaches_them():
    graph = trace(make(Residual), images()).layer_graph()
    assert set(graph.nodes) == {"stem", "a", "b", "head"}
    assert set(graph.edges) == {
        ("stem", "a"),
        ("a", "b"),
        ("b", "head"),
        ("stem", "head"),
    }


def test_graphs_feed_conversion_losses_and_sub_graphs():
    graph = trace(make(Residual), images())
    parts = mpsolve.sequential_subgraphs(graph, graph.with_role("layer"))
    assert parts == [("stem",), ("a", "b"), ("head",)]
    couplings = mpsolve.conversion_loss(
        graph, dict.fromkeys(graph.nodes, 1.0), [1e-3, 1e-7], ["fp16", "fp32"]
    )
    assert [(c.first, c.second) for c in couplings] == list(graph.edges)


def test_bad_inputs_are_named():
    with pytest.raises(InvalidParameterError, match="does not run with example_inputs"):
        trace(make(Residual), torch.zeros(1, 2))
    with pytest.raises(InvalidParameterError, match=r"example_inputs must.*Got str"):
        trace(make(Residual), "images")
    with pytest.raises(InvalidProblemError, match="has no parameters"):
        trace(nn.ReLU(), images())
    graph = trace(make(Residual), images())
    with pytest.raises(InvalidParameterError, match=r"must be that of a layer.*'add'"):
        graph.layer("add")
