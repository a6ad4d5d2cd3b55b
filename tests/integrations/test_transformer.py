"""Experts, fused layers and the key-value cache under one budget; at full size."""

import time

import numpy as np
import pytest

import mpsolve
from mpsolve import InvalidProblemError
from mpsolve.integrations import fusion_ties
from mpsolve.integrations.transformer import Blocks, KVCache, expert_problem

BITS = np.array([4, 8, 16])
PRECISIONS = ["int4", "fp8", "bf16"]
LAYERS, EXPERTS, HIDDEN, WIDTH = 61, 256, 7168, 2048


def deepseek_sized(seed=0, **budgets):
    """61 layers of 256 experts in 3 precisions, attention with fused parts, a cache.

    Losses fall about fourfold with each bit, as squared errors do; sensitivities are
    log-normal, and experts weigh as much as they are routed to.
    """
    rng = np.random.default_rng(seed)
    falls = np.array([1.0, 1 / 200, 0.0])
    routed = rng.dirichlet(np.ones(EXPERTS), LAYERS).ravel() * EXPERTS
    sensitivity = 1e-7 * rng.lognormal(0, 1, LAYERS * EXPERTS) * routed
    weights = 3 * HIDDEN * WIDTH
    experts = Blocks(
        [
            f"model.layers.{i}.mlp.experts.{e}"
            for i in range(LAYERS)
            for e in range(EXPERTS)
        ],
        PRECISIONS,
        sensitivity[:, None] * falls,
        {
            "memory": np.tile(weights * BITS // 8, (LAYERS * EXPERTS, 1)),
            # A step reads the experts that it is routed to: 8 of 256, on the average.
            "time": np.rint(routed[:, None] * weights * BITS / 8 * 8 / EXPERTS / 3350),
        },
    )
    parts = {"q_a_proj": 1536, "kv_a_proj_with_mqa": 576, "o_proj": 16_384}
    names = [f"model.layers.{i}.self_attn.{p}" for i in range(LAYERS) for p in parts]
    sizes = np.tile([HIDDEN * width for width in parts.values()], LAYERS)
    attention = Blocks(
        names,
        PRECISIONS,
        1e-5 * rng.lognormal(0, 1, len(names))[:, None] * falls,
        {
            "memory": sizes[:, None] * BITS // 8,
            "time": np.rint(sizes[:, None] * BITS / 8 / 3350),
        },
        fusion_ties(names, "vllm"),
    )
    cache = KVCache(
        [f"model.layers.{i}.kv_cache" for i in range(LAYERS)],
        ["fp8", "bf16"],
        1e-6 * rng.lognormal(0, 1, LAYERS)[:, None] * [1.0, 0.0],
        np.tile([576, 1152], (LAYERS, 1)),
        tokens=1_000_000,
    )
    return expert_problem(experts, attention, cache, budgets=budgets)


@pytest.fixture(scope="module")
def problem():
    return deepseek_sized()


@pytest.mark.parametrize("binding", ["memory", "time"])
def test_a_deepseek_sized_problem_is_proven_within_a_second(problem, binding):
    """Both budgets stand; the one that is not named is reached by its own optimum."""
    shares = {"memory": (0.30, 1.0), "time": (0.30, 0.25)}[binding]
    budgets = {}
    for resource, share in zip(("memory", "time"), shares, strict=True):
        low, high = problem.reachable(resource)
        budgets[resource] = int(low + (high - low) * share)
    problem = problem.with_budgets(budgets)
    assert problem.num_groups == LAYERS * (EXPERTS + 4)
    assert len(problem.ties) == LAYERS
    seconds = []
    for _ in range(3):
        start = time.process_time()
        result = mpsolve.solve(problem)
        seconds.append(time.process_time() - start)
    assert result.reason == "OPTIMAL"
    assert result.gap <= 1e-9
    assert result.multipliers[binding] > 0
    assert mpsolve.verify(problem, result.layout)
    assert min(seconds) < 1.0
    for tie in problem.ties:
        assert len({result.layout[problem.layers[i]] for i in tie}) == 1


@pytest.mark.parametrize("shares", [(0.20, 0.25), (0.25, 0.25), (0.30, 0.30)])
def test_budgets_that_both_bind_are_proven(problem, shares):
    """What fits the bytes of equal experts goes up in steps; time fills no step."""
    budgets = {}
    for resource, share in zip(("memory", "time"), shares, strict=True):
        low, high = problem.reachable(resource)
        budgets[resource] = int(low + (high - low) * share)
    problem = problem.with_budgets(budgets)
    start = time.process_time()
    result = mpsolve.solve(problem, time_limit=60.0)
    assert time.process_time() - start < 3.0
    assert result.reason == "OPTIMAL"
    assert mpsolve.verify(problem, result.layout)
    assert result.gap <= 1e-9
    assert all(value > 0 for value in result.multipliers.values())


def test_the_cache_shares_the_budget_with_the_weights():
    weights = Blocks(["w"], ["int4", "int8"], [[3, 0]], {"memory": [[100, 200]]})
    cache = KVCache(["kv"], ["fp8", "bf16"], [[1, 0]], [[1, 2]], tokens=100)
    problem = expert_problem(weights, cache, budgets={"memory": 300})
    assert dict(mpsolve.solve(problem).layout) == {"w": "int8", "kv": "fp8"}
    problem = problem.with_budgets({"kv_bytes_per_token": 1})
    assert mpsolve.solve(problem).layout["kv"] == "fp8"
    assert mpsolve.solve(problem).usage["memory"] == 300


def test_a_cache_that_keeps_no_tokens_takes_no_memory():
    cache = KVCache(["kv"], ["fp8", "bf16"], [[1, 0]], [[1, 2]])
    assert set(expert_problem(cache, budgets={}).resources) == {"kv_bytes_per_token"}


def test_one_shared_budget_is_never_worse_than_one_for_each_block():
    rng = np.random.default_rng(1)
    blocks = [
        Blocks(
            [f"b{b}.e{e}" for e in range(8)],
            ["w2", "w4"],
            rng.lognormal(0, 2, (8, 1)) * [1, 0.1],
            {"memory": np.tile([2, 4], (8, 1))},
        )
        for b in range(4)
    ]
    apart = sum(
        mpsolve.solve(expert_problem(block, budgets={"memory": 24})).loss
        for block in blocks
    )
    together = mpsolve.solve(expert_problem(*blocks, budgets={"memory": 96})).loss
    assert together < apart


def test_shapes():
    with pytest.raises(InvalidProblemError) as caught:
        expert_problem(
            Blocks(["a"], ["int4"], [[1, 2]], {"memory": [1]}), budgets={"memory": 1}
        )
    places = [fault.path for fault in caught.value.faults]
    assert places == ["parts[0].loss", "parts[0].usage['memory']"]
