"""Options that no good layout has."""

import itertools

import numpy as np
import pytest

from mpsolve import Problem, solve
from mpsolve.methods.relevant import relevant_options
from tests.strategies import random_problem, random_shape


def feasible_layouts(merged, usage, limits):
    """Return the loss of every feasible layout, by its options' positions."""
    lower, upper = limits
    found = {}
    for layout in itertools.product(*map(range, np.diff(merged.offsets).tolist())):
        flat = merged.offsets[:-1] + np.array(layout)
        total = int(usage[flat].sum())
        if (lower is None or total >= lower) and (upper is None or total <= upper):
            found[tuple(flat.tolist())] = float(merged.loss[flat].sum())
    return found


@pytest.mark.parametrize("seed", range(6))
def test_every_layout_as_good_as_a_known_one_is_kept(seed):
    rng = np.random.default_rng([51, seed])
    kept, dropped = 0, 0
    for _ in range(40):
        shape = random_shape(rng, usage=str(rng.choice(["small", "signed", "bytes"])))
        problem = random_problem(rng, shape, num_groups=int(rng.integers(1, 5)))
        merged = problem.merged
        usage = merged.usage["resource0"]
        limits = merged.limits.get("resource0", (None, None))
        feasible = feasible_layouts(merged, usage, limits)
        if not feasible:
            continue
        losses = sorted(feasible.values())
        known = losses[int(rng.integers(0, 3)) % len(losses)]
        relevant = relevant_options(merged.loss, usage, merged.offsets, limits, known)
        for flat, loss in feasible.items():
            if loss <= known:
                assert relevant[list(flat)].all()
                kept += 1
        dropped += int((~relevant).sum())
    assert kept > 20
    assert dropped > 20


def test_large_losses_out_of_reach_do_not_blur_small_ones():
    """Gains of 1e12 that no budget allows, beside losses of 1e-6 that matter."""
    rng = np.random.default_rng(52)
    for _ in range(20):
        loss = np.column_stack([rng.random((6, 2)) * 1e-6, np.full(6, -1e12)])
        usage = np.column_stack([rng.integers(0, 9, (6, 2)), np.full(6, 1000)])
        upper = int(usage[:, :2].min(axis=1).sum()) + 5
        problem = Problem.from_arrays(loss, {"r": usage}, {"r": upper})
        result = solve(problem, "exact", rel_gap=0)
        best = solve(problem, "brute_force")
        assert result.reason == "OPTIMAL"
        assert result.loss == pytest.approx(best.loss, rel=1e-12, abs=0.0)
        assert result.gap <= 1e-12
