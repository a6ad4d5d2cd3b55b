"""Problems that take longer than anybody waits, for limits and interruption."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mpsolve.methods.protocol import Method, cannot_solve
from mpsolve.model.coupling import Coupling
from mpsolve.model.problem import Problem

__all__ = ["hard_problem"]


def hard_problem(method: Method) -> Problem | None:
    """Return the first long problem that a method can solve.

    Parameters
    ----------
    method : Method

    Returns
    -------
    Problem or None
        None where it solves none of these classes.
    """
    return next((p for p in _problems() if not cannot_solve(method, p)), None)


def _problems() -> Iterator[Problem]:
    yield _correlated(60, 8, 4)
    yield _correlated(2_000, 10, 1)
    yield _dense(30, 4)
    # What methods that enumerate take: 3^14 layouts.
    yield _correlated(14, 3, 1)
    yield Problem.from_arrays(
        np.random.default_rng(4).random((40, 4)),
        inventory={"option0": 10, "option1": 10},
    )


def _correlated(num_groups: int, num_options: int, num_budgets: int) -> Problem:
    """Draw losses that fall by what usages add up to, and a little at random."""
    rng = np.random.default_rng(5)
    shape = num_groups, num_options
    usage = {
        f"r{b}": np.cumsum(rng.integers(1, 10**6, shape), axis=1)
        for b in range(num_budgets)
    }
    total = sum(values.astype(float) for values in usage.values())
    loss = -(total + 10.0 * np.arange(num_options) + 1e-3 * rng.random(shape))
    budgets = {
        name: int(values.min(axis=1).sum() + values.max(axis=1).sum()) // 2
        for name, values in usage.items()
    }
    return Problem.from_arrays(loss, usage, budgets)


def _dense(num_groups: int, num_options: int) -> Problem:
    """Draw a coupling of every pair, of both signs."""
    rng = np.random.default_rng(6)
    names = [f"g{i}" for i in range(num_groups)]
    size = num_options, num_options
    return Problem.from_arrays(
        rng.random((num_groups, num_options)),
        layers=names,
        couplings=[
            Coupling(u, v, rng.uniform(-1.0, 1.0, size))
            for i, u in enumerate(names)
            for v in names[:i]
        ],
    )
