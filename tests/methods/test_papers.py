"""The seed papers' examples, and the counter-examples to their claims."""

import math
from itertools import pairwise

import numpy as np
import pytest

import mpsolve

TYPES = ["fp16", "fp32", "fp64"]
ERROR = [1e-3, 1e-7, 1e-16]
S = [0.5, 2, 1, 0.1, 3]
COUNTS = {"fp16": 2, "fp32": 2, "fp64": 1}


def chain_problem(s, types, error, counts, own=None, **boundary):
    layers = [f"l{i + 1}" for i in range(len(s))]
    couplings = mpsolve.conversion_loss(
        list(pairwise(layers)), s, error, types, **boundary
    )
    return mpsolve.Problem.from_arrays(
        np.zeros((len(s), len(types))) if own is None else own,
        layers=layers,
        precisions=types,
        couplings=couplings,
        inventory=counts,
    )


def loss_of(problem, names):
    layout = mpsolve.Layout.from_names(
        problem, dict(zip(problem.layers, names, strict=True))
    )
    verification = mpsolve.verify(problem, layout)
    assert verification
    return verification.loss


def test_algorithm_1_on_the_papers_inventory():
    problem = mpsolve.Problem.from_arrays(
        np.outer(S, ERROR), precisions=TYPES, inventory=COUNTS
    )
    result = mpsolve.solve(problem)
    assert result.method == "rearrange"
    assert result.reason == "OPTIMAL"
    assert "Algorithm 1" in result.detail
    assert list(result.layout.values()) == ["fp16", "fp32", "fp32", "fp16", "fp64"]
    assert result.loss == pytest.approx(6e-4 + 3e-7 + 3e-16, rel=1e-12)


def test_algorithm_2_on_the_papers_inventory():
    problem = chain_problem(S, TYPES, ERROR, COUNTS)
    example_2 = ["fp16", "fp32", "fp16", "fp64", "fp32"]
    assert loss_of(problem, example_2) == 1 * 1e-3 + 3 * 1e-7
    result = mpsolve.solve(problem)
    assert (result.method, result.loss, result.bound) == ("monotone", 0.0, 0.0)
    assert "Algorithm 2" in result.detail
    assert list(result.layout.values()) == ["fp16", "fp16", "fp32", "fp32", "fp64"]


def test_algorithm_2_fails_with_a_finer_source():
    types, counts = ["fp16", "fp32"], {"fp16": 1, "fp32": 1}
    problem = chain_problem([10, 1], types, [1e-3, 1e-7], counts, source="fp32")
    assert loss_of(problem, ["fp16", "fp32"]) == 1e-2
    result = mpsolve.solve(problem)
    assert result.method == "paths"
    assert (result.loss, list(result.layout.values())) == (1e-3, ["fp32", "fp16"])
    with pytest.raises(mpsolve.UnsupportedProblemError, match="upward free"):
        mpsolve.solve(problem, method="monotone")


def test_algorithm_1_fails_on_conversion_losses():
    """Sorting puts the coarse type on the second layer, which then pays."""
    types, counts = ["fp16", "fp32"], {"fp16": 1, "fp32": 1}
    problem = chain_problem([1, 0.1], types, [1e-3, 1e-7], counts)
    assert loss_of(problem, ["fp32", "fp16"]) == 1e-4
    assert mpsolve.solve(problem).loss == 0.0
    with pytest.raises(mpsolve.UnsupportedProblemError, match="couplings"):
        mpsolve.solve(problem, method="rearrange")


def test_signed_losses_are_not_sorted_by_size():
    loss = np.array([[-0.30, -0.01], [0.20, 0.01]])
    problem = mpsolve.Problem.from_arrays(
        loss, precisions=["coarse", "fine"], inventory={"coarse": 1, "fine": 1}
    )
    result = mpsolve.solve(problem)
    assert result.loss == pytest.approx(-0.29)
    assert loss_of(problem, ["fine", "coarse"]) == pytest.approx(0.19)


def test_sorting_fails_on_general_losses():
    """Sorting by the coarsest precision's loss: far from rare, up to 20 times worse."""
    worse, ratios = 0, []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        loss = rng.random((6, 3))
        problem = mpsolve.Problem.from_arrays(
            loss, precisions=TYPES, inventory=dict.fromkeys(TYPES, 2)
        )
        best = mpsolve.solve(problem)
        assert best.method in ("transport", "rearrange")
        order = np.argsort(loss[:, 0])
        sorted_loss = sum(loss[layer, i // 2] for i, layer in enumerate(order))
        assert best.loss <= sorted_loss + 1e-12
        worse += sorted_loss > best.loss + 1e-9
        ratios.append(sorted_loss / best.loss)
    assert worse > 200
    assert np.mean(ratios) > 1.2


def test_fp16_and_bf16_cannot_meet_for_free():
    types, counts = ["fp16", "bf16"], {"fp16": 1, "bf16": 1}
    problem = chain_problem([1, 1], types, [2.0**-11, 2.0**-8], counts)
    result = mpsolve.solve(problem)
    assert result.method == "paths"
    assert result.loss == 2.0**-11
    losses = [loss_of(problem, names) for names in (types, types[::-1])]
    assert sorted(losses) == [2.0**-11, 2.0**-8]


def test_algorithm_2_fails_with_losses_of_the_layers():
    failures = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        own = rng.random((5, 3)) * 1e-2
        problem = chain_problem(10 * rng.random(5), TYPES, ERROR, COUNTS, own)
        result = mpsolve.solve(problem)
        assert result.method == "paths"
        monotone = loss_of(problem, ["fp16", "fp16", "fp32", "fp32", "fp64"])
        assert result.loss <= monotone
        failures += result.loss < monotone
    assert failures > 30


def test_a_skip_edge_pays_too():
    """Two layers and an add: the coarse middle costs on the main path only."""
    edges = [("a", "b"), ("b", "add"), ("a", "add")]
    couplings = mpsolve.conversion_loss(
        edges, {"b": 1, ("b", "add"): 2, ("a", "add"): 4}, [1e-3, 1e-7], TYPES[:2]
    )
    problem = mpsolve.Problem.from_arrays(
        np.zeros((3, 2)), layers=["a", "b", "add"], couplings=couplings
    )
    table = {
        choices: mpsolve.verify(problem, mpsolve.Layout(problem, choices)).loss
        for choices in [(1, 0, 0), (1, 1, 0), (0, 0, 1), (1, 0, 1)]
    }
    assert table == {(1, 0, 0): 5e-3, (1, 1, 0): 6e-3, (0, 0, 1): 0, (1, 0, 1): 1e-3}


@pytest.mark.parametrize("seed", range(50))
def test_algorithm_3_shared_and_separate(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random(5), rng.random(5)
    e = np.sort(rng.random(3))[::-1]
    shared = mpsolve.gradient_storage(a, b, e, COUNTS, precisions=TYPES)["layers"]
    assert shared.method == "rearrange"
    order = np.argsort(a + b)
    paired = math.fsum((a + b)[order] * np.repeat(e, [2, 2, 1]))
    assert shared.loss == pytest.approx(paired, rel=1e-12)
    own = mpsolve.gradient_storage(
        a, b, e, COUNTS, parameter_inventory=COUNTS, precisions=TYPES
    )
    for norms, result in zip((a, b), own.values(), strict=True):
        paired = math.fsum(np.sort(norms) * np.repeat(e, [2, 2, 1]))
        assert result.method == "rearrange"
        assert result.loss == pytest.approx(paired, rel=1e-12)
    assert sum(r.loss for r in own.values()) <= shared.loss + 1e-12


def test_algorithm_3_with_an_error_of_its_own_for_parameters():
    result = mpsolve.gradient_storage(
        [1, 2, 3], [3, 1, 1], [0.5, 0.25, 0.1], {"fp16": 1, "fp32": 1, "fp64": 1},
        parameter_error=[0.1, 0.3, 0.05], precisions=TYPES,
    )["layers"]  # fmt: skip
    assert result.method == "transport"
    problem = result.layout.problem
    assert result.loss == mpsolve.solve(problem, method="brute_force").loss


def test_algorithm_3_faults():
    with pytest.raises(mpsolve.InvalidProblemError) as caught:
        mpsolve.gradient_storage([1, -1], [1], [1], {})
    assert "input_gradient[1]" in str(caught.value)
    assert "parameter_gradient: must have shape (2,)" in str(caught.value)


NEAR_MISSES = {
    "finer source": {"source": "fp64"},
    "sink": {"sink": "fp16", "sink_sensitivity": 1.0},
    "losses of the layers": {"own": np.eye(3)[[0, 1, 2, 0, 1]]},
    "negative": {"s": [1, -1, 1, 1, 1]},
    "unordered types": {"types": ["fp16", "bf16", "fp32"]},
}


@pytest.mark.parametrize("miss", NEAR_MISSES)
def test_algorithm_2_is_not_claimed_without_its_assumptions(miss):
    given = {"s": S, "types": TYPES, "error": ERROR} | NEAR_MISSES[miss]
    counts = dict(zip(given["types"], (2, 2, 1), strict=True))
    problem = chain_problem(counts=counts, **given)
    with pytest.raises(mpsolve.UnsupportedProblemError):
        mpsolve.solve(problem, method="monotone")
    result = mpsolve.solve(problem)
    assert result.method == "paths"
    expected = mpsolve.solve(problem, method="brute_force")
    assert result.loss == pytest.approx(expected.loss, rel=1e-12)


@pytest.mark.parametrize(
    "change", [{"fixed": {"l1": "fp64"}}, {"ties": [["l1", "l3"]]}]
)
def test_algorithm_2_is_not_claimed_for_fixed_or_tied_layers(change):
    free = chain_problem(S, TYPES, ERROR, COUNTS)
    problem = mpsolve.Problem.from_arrays(
        np.zeros((5, 3)),
        layers=free.layers,
        precisions=TYPES,
        couplings=free.couplings,
        inventory=COUNTS,
        **change,
    )
    with pytest.raises(mpsolve.UnsupportedProblemError, match="tied, fixed"):
        mpsolve.solve(problem, method="monotone")
    result = mpsolve.solve(problem)
    assert result.loss > 0
    assert result.loss == mpsolve.solve(problem, method="brute_force").loss


def test_a_source_that_the_coarsest_type_represents_changes_nothing():
    problem = chain_problem(S, TYPES, ERROR, COUNTS, source="e4m3", sink="fp64",
                            sink_sensitivity=1.0)  # fmt: skip
    assert mpsolve.solve(problem).method == "monotone"


@pytest.mark.parametrize("seed", range(100))
def test_one_wrong_entry_is_not_a_product(seed):
    """Sorting is claimed only where the Monge property holds, entry by entry."""
    rng = np.random.default_rng(seed)
    loss = np.outer(np.sort(rng.random(6)), [4.0, 2.0, 1.0])
    row, column = int(rng.integers(6)), int(rng.integers(3))
    loss[row, column] += 10.0 if column else -10.0
    problem = mpsolve.Problem.from_arrays(
        loss[rng.permutation(6)], precisions=TYPES, inventory=dict.fromkeys(TYPES, 2)
    )
    result = mpsolve.solve(problem)
    expected = mpsolve.solve(problem, method="brute_force")
    assert result.loss == pytest.approx(expected.loss, rel=1e-12)
    steps = np.diff(loss, axis=1)
    if result.method == "rearrange":
        order = np.argsort(steps.sum(axis=1))
        rows_agree = (np.diff(steps[order], axis=0) >= 0).all()
        assert rows_agree or loss[:, 0].argmin() == row
