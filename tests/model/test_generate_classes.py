"""Generated problems of every class: what they promise."""

import hashlib

import numpy as np
import pytest

import mpsolve
from mpsolve.model.generate_classes import (
    TYPES,
    chain_parts,
    inventory_parts,
    network_layers,
    network_parts,
    several_budgets_parts,
)


def digest(parts):
    arrays = [parts.loss, *parts.usage.values(), parts.tables]
    data = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("num_budgets", [2, 3])
def test_nearly_all_budgets_bind(num_budgets):
    binding = 0
    for seed in range(5):
        parts = several_budgets_parts(50, 3, seed, num_budgets=num_budgets)
        problem = parts.problem()
        result = mpsolve.solve(problem)
        assert result.reason == "OPTIMAL"
        for name in parts.budgets:
            others = {k: v for k, v in parts.budgets.items() if k != name}
            binding += mpsolve.solve(problem.with_budgets(others)).loss < result.loss
    assert binding >= 0.8 * 5 * num_budgets


def test_the_same_seed_is_the_same_problem():
    for make in (
        lambda seed: several_budgets_parts(30, 3, seed),
        lambda seed: chain_parts(30, seed),
        lambda seed: inventory_parts(30, seed),
        lambda seed: network_parts("transformer", seed),
    ):
        assert digest(make(1)) == digest(make(1))
        assert digest(make(1)) != digest(make(2))


def test_conversions_pay_only_where_values_are_lost():
    parts = chain_parts(50, 0)
    lossless = mpsolve.lossless_matrix(list(TYPES))
    assert (parts.tables[:, lossless] == 0).all()
    assert (parts.tables[:, ~lossless] > 0).all()
    assert sum(parts.inventory.values()) == 50


def test_networks_are_those_of_the_papers():
    sizes, edges = network_layers("resnet50")
    assert len(sizes) == 54
    assert sum(sizes) == 25_502_912  # 25.6 million with biases and normalisation
    assert all(0 <= u < len(sizes) and 0 <= v < len(sizes) for u, v in edges)
    sizes, edges = network_layers("transformer")
    assert len(sizes) == 224
    assert sum(sizes) == 32 * (4 * 4096**2 + 3 * 4096 * 11_008)
    assert all(u < v for u, v in edges)
    with pytest.raises(ValueError, match="resnet50, transformer"):
        network_layers("vgg")


@pytest.mark.parametrize("network", ["resnet50", "transformer"])
def test_networks_are_solved(network):
    problem = network_parts(network, 0).problem()
    result = mpsolve.solve(problem, rel_gap=0.0)
    assert result.reason == "OPTIMAL"
    assert result.method == "paths"
    assert result.usage["memory"] <= problem.budgets["memory"].upper
