"""Merged couplings give every layout the loss that the problem gives it."""

import math
from itertools import product

import numpy as np
import pytest

import mpsolve
from mpsolve.model.pairs import merge_pairs


@pytest.mark.parametrize("seed", range(60))
def test_every_layout_has_the_same_loss(seed):
    rng = np.random.default_rng(seed)
    names = ["x", "y", "z"]
    groups = []
    for i in range(4):
        own = rng.permutation(names)[: rng.integers(2, 4)].tolist()
        options = [mpsolve.Option(n, float(rng.integers(-5, 5))) for n in own]
        groups.append(mpsolve.Group(f"g{i}", options))
    couplings = []
    for _ in range(5):
        u, v = rng.permutation(4)[:2]
        table = rng.integers(0, 9, (len(groups[u].options), len(groups[v].options)))
        table = np.where(rng.random(table.shape) < 0.1, math.inf, table)
        couplings.append(mpsolve.Coupling(f"g{u}", f"g{v}", table))
    try:
        problem = mpsolve.Problem(
            groups,
            ties=[["g0", "g2"]] if seed % 2 else [],
            fixed={"g1": groups[1].options[1].precision} if seed % 3 else {},
            couplings=couplings,
            maximize=bool(seed % 5 == 0),
        )
    except mpsolve.InvalidProblemError:
        return  # tied groups without a common precision
    merged = problem.merged
    pairs = merge_pairs(merged)
    sign = -1 if problem.maximize else 1
    for choices in product(*(range(n) for n in np.diff(merged.offsets))):
        flat = merged.offsets[:-1] + choices
        total = pairs.loss[flat].sum()
        for (u, v), table in pairs.tables.items():
            assert u < v
            total += table[choices[u], choices[v]]
        layout = mpsolve.Layout(problem, merged.expand(np.array(choices)))
        assert total == sign * mpsolve.verify(problem, layout).loss
