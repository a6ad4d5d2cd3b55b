"""Exact solves around the best layouts so far, whose neighbours are measured.

A trust region method: around a layout every single change is measured, pairs of them
come along (see `expansion`), and the problem of least divergence within the budget and
within a number of changes is solved exactly. What comes out is measured on the
calibration samples; the best layout of a budget is its incumbent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

import mpsolve
from benchmarks.paper.budgets.expansion import expand, expansion_problem
from benchmarks.paper.rounded import Choices, RoundedNetwork

__all__ = ["Incumbents", "turns"]

#: Most changes from the layout that was measured around.
RADII = (1, 2, 4, 8)

#: How many budgets below and above profit from an expansion.
REACH = 3

Table = npt.NDArray[np.generic]


@dataclass
class Incumbents:
    """The best layouts known, by their divergence on the calibration samples.

    Attributes
    ----------
    network : RoundedNetwork
    budgets : list of mapping of str to number
        Of resources, rising.
    usage : dict of str to ndarray, shape (decisions, precisions)
        Resources besides ``memory``.
    ties : sequence of tuples of str
        Decisions that get the same precision.
    known : dict of Choices to float
        Divergences that were measured.
    passes, seconds : float
        What measuring took so far: forward passes over the samples, processor time.
    """

    network: RoundedNetwork
    budgets: Sequence[Mapping[str, float]]
    usage: dict[str, Table] = field(default_factory=dict)
    ties: Sequence[tuple[str, ...]] = ()
    passes: float = 0.0
    seconds: float = 0.0
    known: dict[Choices, float] = field(default_factory=dict)
    _expanded: set[Choices] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._tables = {"memory": self.network.bytes, **self.usage}

    def measure(self, choices: Choices) -> float:
        """Return a layout's mean divergence, measured once."""
        if choices not in self.known:
            started = time.process_time()
            found = self.network.divergence(choices)
            self.known[choices] = float(found.mean())
            self.passes += 1
            self.seconds += time.process_time() - started
        return self.known[choices]

    def fits(self, choices: Choices, budget: Mapping[str, float]) -> bool:
        """Whether a layout is within a budget, to the unit."""
        rows, columns = np.arange(len(choices)), list(choices)
        return all(
            self._tables[name][rows, columns].sum() <= limit
            for name, limit in budget.items()
        )

    def best(self, position: int) -> Choices:
        """Return the incumbent of a budget."""
        fitting = [c for c in self.known if self.fits(c, self.budgets[position])]
        return min(fitting, key=lambda c: (self.known[c], c))

    def _values(self) -> npt.NDArray[np.float64]:
        return np.array([self.known[self.best(i)] for i in range(len(self.budgets))])

    def improve(self, position: int) -> bool:
        """Expand around a budget's incumbent; return whether any budget gained."""
        base = self.best(position)
        if base in self._expanded:
            return False
        self._expanded.add(base)
        before = self._values()
        found = expand(self.network, base)
        self.passes += found.passes
        self.seconds += found.seconds
        problem = expansion_problem(
            self.network,
            found.divergence.mean(-1),
            found.pairs,
            base=base,
            usage=self.usage,
            ties=self.ties,
        )
        for j in range(position - REACH, position + REACH + 1):
            if not 0 <= j < len(self.budgets):
                continue
            for radius in RADII:
                bounds = {**self.budgets[j], "changes": radius}
                result = mpsolve.solve(problem.with_budgets(bounds), time_limit=10)
                if result.layout is not None:
                    self.measure(tuple(result.layout.choices.tolist()))
        return bool((self._values() < before).any())


def turns(count: int) -> list[int]:
    """Return positions of budgets, spread out at first, all of them in the end."""
    step, found = count, []
    while step:
        found += [i for i in range(step // 2, count, step) if i not in found]
        step //= 2
    return found
