"""Sequential sub-graphs against the definition of a cut node."""

import networkx as nx
import numpy as np
import pytest

import mpsolve
from mpsolve.model.joint import joint_options, layer_precisions, undominated
from mpsolve.model.subgraphs import cut_nodes, sequential_subgraphs, without_skips

#: A decoder block: norm first, attention with its two products, gated feed-forward.
BLOCK = [
    ("x", "norm1"),
    *[("norm1", name) for name in ("q", "k", "v")],
    ("q", "qk"),
    ("k", "qk"),
    ("qk", "softmax"),
    ("softmax", "av"),
    ("v", "av"),
    ("av", "o"),
    ("o", "add1"),
    ("x", "add1"),
    ("add1", "norm2"),
    ("norm2", "gate"),
    ("norm2", "up"),
    ("gate", "mul"),
    ("up", "mul"),
    ("mul", "down"),
    ("down", "add2"),
    ("add1", "add2"),
]
MATMULS = ["q", "k", "v", "qk", "av", "o", "gate", "up", "down"]


def num_configurations(parts, num_precisions=2):
    return sum(num_precisions ** len(part) for part in parts)


def test_decoder_block_has_72_and_26_configurations():
    kept = sequential_subgraphs(BLOCK, MATMULS)
    assert [set(part) for part in kept] == [
        {"q", "k", "v", "qk", "av", "o"},
        {"gate", "up", "down"},
    ]
    assert num_configurations(kept) == 72
    dropped = sequential_subgraphs(nx.DiGraph(BLOCK), MATMULS, skips="drop")
    assert [set(part) for part in dropped] == [
        {"q", "k", "v", "qk"},
        {"av"},
        {"o"},
        {"gate", "up"},
        {"down"},
    ]
    assert num_configurations(dropped) == 26


def random_graph(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    graph = nx.DiGraph()
    names = [f"n{i}" for i in rng.permutation(n)]
    graph.add_nodes_from(rng.permutation(names).tolist())
    density = rng.random()
    graph.add_edges_from(
        (names[i], names[j])
        for i in range(n)
        for j in range(i + 1, n)
        if rng.random() < density
    )
    return graph


def paths(graph):
    entries = [v for v in graph if not graph.in_degree(v)]
    exits = [v for v in graph if not graph.out_degree(v)]
    for a in entries:
        for b in exits:
            if a == b:
                yield [a]
            else:
                yield from nx.all_simple_paths(graph, a, b)


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_cut_nodes_lie_on_every_path(first):
    for seed in range(first, first + 50):
        graph = random_graph(seed)
        on_all = set.intersection(*(set(path) for path in paths(graph)))
        for order in (
            list(nx.topological_sort(graph)),
            list(nx.lexicographical_topological_sort(graph)),
        ):
            assert set(cut_nodes(order, graph.edges)) == on_all
        parts = sequential_subgraphs(graph)
        assert sorted(v for part in parts for v in part) == sorted(graph)
        assert {v for part in parts for v in part if len(part) == 1} >= on_all


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_skips_are_the_edges_that_a_transitive_reduction_drops(first):
    for seed in range(first, first + 50):
        graph = random_graph(seed)
        kept = without_skips(list(graph), list(graph.edges))
        assert set(kept) == set(nx.transitive_reduction(graph).edges)


def test_faults():
    with pytest.raises(mpsolve.InvalidProblemError, match="layers\\[0\\]"):
        sequential_subgraphs(BLOCK, ["z"])
    with pytest.raises(mpsolve.InvalidParameterError, match="skips"):
        sequential_subgraphs(BLOCK, skips="some")


def test_undominated_is_the_definition():
    rng = np.random.default_rng(0)
    for _ in range(200):
        table = rng.integers(0, 4, (int(rng.integers(1, 12)), int(rng.integers(1, 4))))
        expected = [
            i
            for i, row in enumerate(table)
            if not any(
                (other <= row).all() and ((other < row).any() or j < i)
                for j, other in enumerate(table)
                if j != i
            )
        ]
        assert undominated(table.astype(float)) == expected


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("pareto", [False, True])
def test_joint_options_solve_the_gaudi_form(seed, pareto):
    """Gains measured by sub-graph, some negative; loss-MSE additive over layers."""
    rng = np.random.default_rng(seed)
    layers = ["a", "b", "c", "d", "e"]
    parts = [("a", "b", "c"), ("d",), ("e",)]
    gain = {part: rng.integers(-3, 9, (2,) * len(part)) / 4 for part in parts}
    mse = rng.integers(0, 8, (5, 2)) / 8
    budget = float(rng.integers(0, 30)) / 8
    groups = joint_options(
        parts, layers, ["bf16", "fp8"], gain, {"mse": mse}, maximize=True, pareto=pareto
    )
    assert [len(g.options) for g in groups] == [8, 2, 2] or pareto
    problem = mpsolve.Problem(groups, budgets={"mse": budget}, maximize=True)
    result = mpsolve.solve(problem, method="brute_force")
    best = -np.inf
    for bits in np.ndindex(*(2,) * 5):
        if mse[range(5), bits].sum() <= budget:
            total = (
                gain[parts[0]][bits[:3]] + gain[("d",)][bits[3]] + gain[("e",)][bits[4]]
            )
            best = max(best, total)
    if np.isinf(best):
        assert result.reason == "INFEASIBLE"
        return
    assert result.loss == best
    found = layer_precisions(result.layout, parts)
    assert list(found) == layers
    bits = [["bf16", "fp8"].index(found[layer]) for layer in layers]
    assert mse[range(5), bits].sum() == result.usage["mse"] <= budget


def test_joint_faults():
    with pytest.raises(mpsolve.InvalidProblemError) as caught:
        joint_options([("a", "z"), ("a",), ()], ["a"], ["x"], [[0]])
    text = str(caught.value)
    assert "no layer is named 'z'" in text
    assert "'a' is in more than one place" in text
    assert "subgraphs[2]: has no layer" in text
    with pytest.raises(mpsolve.InvalidProblemError, match="must have shape"):
        joint_options([("a",)], ["a"], ["x", "y"], {("a",): [1]}, {"m": [[1]]})
    with pytest.raises(mpsolve.InvalidProblemError, match="nothing for"):
        joint_options([("a",)], ["a"], ["x", "y"], {})
    with pytest.raises(mpsolve.InvalidProblemError, match="configurations"):
        joint_options(
            [tuple("abcdefghijklmnopqrstu")], "abcdefghijklmnopqrstu", "xy", {}
        )
