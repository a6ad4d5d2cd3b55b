"""Exact solves around the best layouts so far, whose neighbours are measured.

A trust region method: around a layout every single change is measured, pairs of them
come along (see `expansion`), and the problem of least divergence within the budget and
within a number of changes is solved exactly. What comes out is measured on the
calibration samples; the best layout of a budget is its incumbent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

import mpsolve
from benchmarks.paper.budgets.expansion import expand, expansion_problem
from benchmarks.paper.rounded import Choices, RoundedNetwork

__all__ = ["Incumbents"]

#: Most changes from the layout that was measured around.
RADII = (1, 2, 4, 8)

#: How many budgets below and above profit from an expansion.
REACH = 3


@dataclass
class Incumbents:
    """The best layouts known, by their divergence on the calibration samples.

    Attributes
    ----------
    network : RoundedNetwork
    budgets : list of int
        Bytes, rising.
    passes, seconds : float
        What measuring took so far: forward passes over the samples, processor time.
    """

    network: RoundedNetwork
    budgets: list[int]
    passes: float = 0.0
    seconds: float = 0.0
    _known: dict[Choices, float] = field(default_factory=dict)
    _expanded: set[Choices] = field(default_factory=set)

    def measure(self, choices: Choices) -> float:
        """Return a layout's mean divergence, measured once."""
        if choices not in self._known:
            started = time.process_time()
            found = self.network.divergence(choices)
            self._known[choices] = float(found.mean())
            self.passes += 1
            self.seconds += time.process_time() - started
        return self._known[choices]

    def best(self, budget: int) -> Choices:
        """Return the incumbent of a budget."""
        fits = [c for c in self._known if self.network.usage(c) <= budget]
        return min(fits, key=lambda c: (self._known[c], c))

    def improve(self, position: int) -> bool:
        """Expand around a budget's incumbent; return whether any budget gained."""
        base = self.best(self.budgets[position])
        if base in self._expanded:
            return False
        self._expanded.add(base)
        before = [self._known[self.best(budget)] for budget in self.budgets]
        found = expand(self.network, base)
        self.passes += found.passes
        self.seconds += found.seconds
        problem = expansion_problem(
            self.network, found.divergence.mean(-1), found.pairs, base=base
        )
        near = range(position - REACH, position + REACH + 1)
        for j in near:
            if not 0 <= j < len(self.budgets):
                continue
            for radius in RADII:
                bounds = {"memory": self.budgets[j], "changes": radius}
                result = mpsolve.solve(problem.with_budgets(bounds), time_limit=10)
                if result.layout is not None:
                    self.measure(tuple(result.layout.choices.tolist()))
        after = [self._known[self.best(budget)] for budget in self.budgets]
        return bool(np.any(np.array(after) < np.array(before)))
