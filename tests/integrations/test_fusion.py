"""Layers that serving engines fuse."""

import networkx as nx
import pytest

from mpsolve import InvalidLayoutError, InvalidParameterError
from mpsolve.integrations import check_fused, fusion_ties
from mpsolve.integrations.fusion import ENGINES, Engine

BLOCK = ["l.0.attn.q_proj", "l.0.attn.k_proj", "l.0.attn.v_proj", "l.0.attn.o_proj"]
MLP = ["l.0.mlp.gate_proj", "l.0.mlp.up_proj", "l.0.mlp.down_proj"]


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tensorrt-llm"])
def test_presets(engine):
    assert fusion_ties([*BLOCK, *MLP], engine) == [tuple(BLOCK[:3]), tuple(MLP[:2])]


def test_parts_that_are_missing_are_not_waited_for():
    assert fusion_ties(BLOCK[:2]) == [tuple(BLOCK[:2])]
    assert fusion_ties(BLOCK[:1]) == []


def test_experts_of_a_layer_agree():
    experts = [
        f"l.{i}.mlp.experts.{e}.{part}"
        for i in range(2)
        for e in range(3)
        for part in ("gate_proj", "down_proj")
    ]
    ties = fusion_ties(experts)
    assert [len(tie) for tie in ties] == [6, 6]
    assert fusion_ties(experts, "none") == []


def test_tied_embeddings():
    names = ["model.embed_tokens", "lm_head"]
    assert fusion_ties(names) == []
    assert fusion_ties(names, tied_embeddings=True) == [tuple(names)]


def test_layers_that_read_the_same_tensor_whatever_they_are_called():
    graph = nx.DiGraph()
    for name in ("b.wq", "b.wk", "b.wv"):
        graph.add_edge("norm", name)
    graph.add_edge("b.wv", "b.wo")
    names = ["b.wq", "b.wk", "b.wv", "b.wo"]
    assert fusion_ties(names, graph=graph) == [("b.wq", "b.wk", "b.wv")]
    assert fusion_ties(names) == []


def test_outputs_of_one_layer_are_told_apart():
    graph = nx.DiGraph()
    graph.add_edge("split", "b.x", tensor=0)
    graph.add_edge("split", "b.y", tensor=1)
    assert fusion_ties(["b.x", "b.y"], "none", graph=graph) == []


def test_layers_of_other_parents_are_not_fused():
    graph = nx.DiGraph([("add", "a.fc"), ("add", "b.fc")])
    assert fusion_ties(["a.fc", "b.fc"], graph=graph) == []


def test_overlapping_sets_are_joined():
    graph = nx.DiGraph([("n", "m.up_proj"), ("n", "m.router")])
    names = ["m.gate_proj", "m.up_proj", "m.router"]
    assert fusion_ties(names, graph=graph) == [tuple(names)]


def test_an_engine_of_ones_own():
    engine = Engine("mine", {"wqkv": ("wq", "wk")}, experts=False)
    assert fusion_ties(["a.wq", "a.wk"], engine) == [("a.wq", "a.wk")]
    with pytest.raises(InvalidParameterError, match="must be one of vllm"):
        fusion_ties([], "ollama")


def test_layouts_are_checked():
    layout = {**dict.fromkeys(BLOCK, "int4"), **dict.fromkeys(MLP, "int8")}
    check_fused(layout)
    layout[BLOCK[1]] = layout[MLP[0]] = "fp16"
    with pytest.raises(InvalidLayoutError) as caught:
        check_fused(layout, "vllm")
    assert len(caught.value.faults) == 2
    check_fused(layout, ENGINES["none"])
