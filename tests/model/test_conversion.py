"""Conversion losses against the definition, edge by edge."""

import math
from itertools import pairwise, product

import networkx as nx
import numpy as np
import pytest

import mpsolve
from mpsolve.model.conversion import boundary_loss, conversion_loss, monotone

NAMES = ["fp16", "fp32", "fp64"]
ERROR = [1e-3, 1e-7, 1e-16]


def total(couplings, layout):
    return math.fsum(c.table[layout[c.first], layout[c.second]] for c in couplings)


def random_dag(rng, num_nodes, density=0.4):
    order = [f"n{i}" for i in rng.permutation(num_nodes)]
    graph = nx.DiGraph()
    graph.add_nodes_from(order)
    graph.add_edges_from(
        (order[i], order[j])
        for i in range(num_nodes)
        for j in range(i + 1, num_nodes)
        if j == i + 1 or rng.random() < density
    )
    return graph


def test_paper_example_pays_at_layers_3_and_5():
    chain = list(pairwise("abcde"))
    couplings = conversion_loss(chain, [0.5, 2, 1, 0.1, 3], ERROR, NAMES)
    layout = dict(zip("abcde", [0, 1, 0, 2, 1], strict=True))
    assert total(couplings, layout) == 1 * 1e-3 + 3 * 1e-7
    assert total(couplings, dict(zip("abcde", [0, 0, 1, 1, 2], strict=True))) == 0


@pytest.mark.parametrize("seed", range(100))
def test_sum_is_the_definition_on_random_graphs(seed):
    rng = np.random.default_rng(seed)
    graph = random_dag(rng, int(rng.integers(2, 6)))
    nodes = list(graph)
    P = int(rng.integers(1, 4))  # noqa: N806  the papers' sign
    lossless = rng.random((P, P)) < 0.5
    per_layer = {node: rng.random() for node in nodes}
    own = {edge: rng.random() for edge in graph.edges if rng.random() < 0.3}
    error = rng.random((len(nodes), P)) if seed % 2 else rng.random(P)
    rows = np.broadcast_to(error, (len(nodes), P))
    source = (rng.random(P) < 0.5) if seed % 3 else None
    sink = int(rng.integers(P)) if seed % 4 else None
    arguments = (graph, {**per_layer, **own}, error, lossless)
    boundary = {"source": source, "sink": sink, "sink_sensitivity": 2.0}
    couplings = conversion_loss(*arguments, **boundary)
    assert [(c.first, c.second) for c in couplings] == list(graph.edges)
    terms = boundary_loss(*arguments, **boundary)
    plain = conversion_loss(*arguments)
    for choice in product(range(P), repeat=len(nodes)):
        layout = dict(zip(nodes, choice, strict=True))
        expected = []
        for u, v in graph.edges:
            a, b = layout[u], layout[v]
            s = own.get((u, v), per_layer[v])
            paid = 0.0 if a == b or lossless[a, b] else s * rows[nodes.index(v), b]
            expected.append(paid)
        assert total(plain, layout) == math.fsum(expected)
        for node in nodes:
            a = layout[node]
            if source is not None and not graph.in_degree(node) and not source[a]:
                expected.append(per_layer[node] * rows[nodes.index(node), a])
            if sink is not None and not graph.out_degree(node):
                is_exact = a == sink or lossless[a, sink]
                expected.append(0.0 if is_exact else 2 * rows[nodes.index(node), sink])
        assert total(couplings, layout) == pytest.approx(math.fsum(expected), rel=1e-14)
        with_terms = total(plain, layout) + sum(
            loss[layout[node]] for node, loss in terms.items()
        )
        assert with_terms == pytest.approx(math.fsum(expected), rel=1e-14)


def test_source_by_name_position_or_flags():
    chain, s = [("a", "b")], {"a": 10, "b": 1}
    fp32 = [{"a": [0.01, 0.0]}] * 3
    found = [
        boundary_loss(chain, s, [1e-3, 1e-7], NAMES[:2], source=source)
        for source in ("fp32", 1, [False, True])
    ]
    assert [{k: v.tolist() for k, v in terms.items()} for terms in found] == fp32
    terms = boundary_loss(chain, s, [1e-3, 1e-7], NAMES[:2], source="fp64")
    assert terms["a"].tolist() == [0.01, 10 * 1e-7]
    assert boundary_loss(chain, s, [1e-3, 1e-7], NAMES[:2], source="e4m3") == {}


def test_sink_outside_the_precisions_needs_its_error():
    arguments = ([("a", "b")], {"a": 1, "b": 1}, [1e-3, 1e-7], NAMES[:2])
    with pytest.raises(mpsolve.InvalidProblemError, match="sink_error"):
        boundary_loss(*arguments, sink="bf16", sink_sensitivity=1.0)
    terms = boundary_loss(
        *arguments, sink="bf16", sink_sensitivity=2.0, sink_error=4e-3
    )
    assert terms["b"].tolist() == [8e-3, 8e-3]
    with pytest.raises(mpsolve.InvalidProblemError, match="sink_sensitivity"):
        boundary_loss(*arguments, sink=0)


def test_a_layer_without_edges_cannot_carry_its_source_loss():
    graph = nx.DiGraph()
    graph.add_nodes_from(["a"])
    with pytest.raises(mpsolve.InvalidProblemError, match="'a' has no edge"):
        conversion_loss(graph, {"a": 1}, ERROR, NAMES, source="fp64")


def test_parallel_tensors_both_pay():
    once = conversion_loss([("a", "b")], {"b": 1}, ERROR, NAMES)
    twice = conversion_loss([("a", "b"), ("a", "b")], {"b": 1}, ERROR, NAMES)
    assert total(twice, {"a": 1, "b": 0}) == 2 * total(once, {"a": 1, "b": 0}) > 0
    graph = nx.MultiDiGraph([("a", "b"), ("a", "b")])
    assert conversion_loss(graph, {"b": 1}, ERROR, NAMES) == twice


def test_fp16_and_bf16_have_no_lossless_pair():
    couplings = conversion_loss([("a", "b")], {"b": 1}, [5e-4, 4e-3], ["fp16", "bf16"])
    assert couplings[0].table.tolist() == [[0, 4e-3], [5e-4, 0]]
    table = monotone([("a", "b")], ["fp16", "bf16"])[0].table
    assert table.tolist() == [[0, math.inf], [math.inf, 0]]


def faults_of(**changed):
    arguments = {
        "graph": [("a", "b")],
        "sensitivity": {"a": 1, "b": 1},
        "error": ERROR,
        "lossless": NAMES,
    } | changed
    with pytest.raises(mpsolve.InvalidProblemError) as caught:
        conversion_loss(**arguments)
    return str(caught.value)


def test_faults_say_what_and_where():
    assert "must have no cycle" in faults_of(graph=[("a", "b"), ("b", "a")])
    assert "graph[1]" in faults_of(graph=[("a", "b"), "ab"])
    assert "directed" in faults_of(graph=nx.Graph([("a", "b")]))
    assert "sensitivity[('a', 'b')]: is missing" in faults_of(sensitivity={"a": 1})
    assert "sensitivity['c']" in faults_of(sensitivity={"a": 1, "b": 1, "c": 1})
    assert "sensitivity['b']" in faults_of(sensitivity={"a": 1, "b": math.nan})
    assert "shape (2,)" in faults_of(sensitivity=[1, 2, 3])
    assert "shape (3,) or (2, 3)" in faults_of(error=[1, 2])
    assert "error[1]: must be finite" in faults_of(error=[1, math.inf, 2])
    assert "square matrix" in faults_of(lossless=[[1, 0], [0, 1]])
    assert "source" in faults_of(source="fp12")
    assert "from 0 to 2" in faults_of(source=3)
    assert "3 bools" in faults_of(source=[True])
