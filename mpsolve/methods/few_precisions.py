"""At most k different precisions: branch and bound over which."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from mpsolve.methods.inner import Inner
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged
from mpsolve.result import Limit, Reason

__all__ = ["FewPrecisions"]


class FewPrecisions:
    """Branches on precisions, where the best layout without the limit uses too many.

    A node allows some precisions and requires some of those. Without the limit it is a
    problem of a class that another method solves: a bound, and a layout. Where the
    layout uses too many precisions, one of them is either excluded or required; as soon
    as as many are required as are allowed together, nothing is left to decide. Nodes
    are taken by least bound [1]_.

    References
    ----------
    .. [1] A. H. Land, A. G. Doig, "An automatic method of solving discrete programming
       problems", Econometrica 28 (1960) 497-520.
    """

    name = "few_precisions"
    summary = (
        "a limit on different precisions: branches on which, others solve the rest"
    )
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        inventory=True,
        couplings=True,
        max_distinct=True,
        parameters=frozenset({"time_limit", "memory_limit"}),
    )

    def why_not(self, merged: Merged) -> str:
        """Say why not; see :class:`mpsolve.methods.SpecialCase`."""
        has_limit = merged.problem.max_distinct is not None
        return "" if has_limit else "a problem without a limit on different precisions"

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        return _Tree(merged, parameters).answer()


@dataclass(order=True)
class _Node:
    """Precisions that are allowed, and those that a layout may count on."""

    bound: float
    number: int
    allowed: frozenset[int] = field(compare=False)
    required: frozenset[int] = field(compare=False)
    answer: Answer = field(compare=False)


class _Tree:
    """The search: open nodes by bound, and the best layout so far."""

    def __init__(self, merged: Merged, parameters: Parameters) -> None:
        self._merged = merged
        self._most = merged.problem.max_distinct or len(merged.problem.precisions)
        self._problem = merged.problem.with_constraints(max_distinct=None)
        self._parameters = parameters
        self._inner = Inner(merged, parameters)
        self._best: Answer | None = None
        self._loss = math.inf
        self._floor = math.inf  # least bound of what was solved completely
        self._open: list[_Node] = []
        self._num_nodes = 0
        self._limit: Limit | None = None

    def answer(self) -> Answer:
        every = frozenset(np.unique(self._merged.codes).tolist())
        self._add(every, frozenset(), -math.inf)
        while self._open and self._limit is None:
            if self._is_closed(self._open[0].bound):
                break
            self._branch(heapq.heappop(self._open))
        counters = {"solves": self._inner.num_solves, "nodes": self._num_nodes}
        open_bounds = [node.bound for node in self._open]
        bound = min(self._floor, self._loss, *open_bounds)
        if self._best is None:
            is_infeasible = self._limit is None
            reason = Reason.INFEASIBLE if is_infeasible else Reason.NO_SOLUTION_FOUND
            return Answer(reason, bound=bound, limit=self._limit, counters=counters)
        return Answer(
            Reason.OPTIMAL if self._limit is None else Reason.FEASIBLE,
            choices=self._best.choices,
            bound=bound,
            limit=self._limit,
            multipliers=self._best.multipliers,
            detail=f"the precisions by branching, the layouts by {self._inner.said}",
            counters=counters,
        )

    def _is_closed(self, bound: float) -> bool:
        """Whether a bound leaves nothing better than the best layout."""
        gap = self._parameters.rel_gap * abs(self._loss)
        return bound >= self._loss - max(self._parameters.abs_gap, gap)

    def _add(
        self, allowed: frozenset[int], required: frozenset[int], bound: float
    ) -> None:
        """Solve a node without the limit on precisions; keep what stays open of it."""
        self._num_nodes += 1
        kept = np.isin(self._merged.codes, list(allowed))
        answer = self._inner.solve(self._problem, kept)
        if answer.reason is Reason.INFEASIBLE:
            return
        bound = max(bound, answer.bound)
        is_within = answer.choices is not None and len(self._uses(answer)) <= self._most
        if is_within:
            loss = self._evaluate(answer)
            if loss < self._loss:
                self._best, self._loss = answer, loss
        if answer.reason is not Reason.OPTIMAL:
            self._limit = answer.limit or Limit.OTHER
        elif is_within:
            self._floor = min(self._floor, bound)
            return
        node = _Node(bound, self._num_nodes, allowed, required, answer)
        heapq.heappush(self._open, node)

    def _branch(self, node: _Node) -> None:
        """Require the most used precision that is not required yet, or exclude it."""
        uses = self._uses(node.answer)
        free = [code for code in sorted(uses) if code not in node.required]
        code = max(free, key=lambda free_code: uses[free_code])
        required = node.required | {code}
        if len(required) == self._most:
            self._add(required, required, node.bound)
        else:
            heapq.heappush(self._open, replace(node, required=required))
        self._add(node.allowed - {code}, node.required, node.bound)

    def _uses(self, answer: Answer) -> Counter[int]:
        """Return how many layers get each precision, by its code."""
        merged = self._merged
        uses: Counter[int] = Counter()
        if answer.choices is None:
            return uses
        codes = merged.codes[merged.offsets[:-1] + answer.choices]
        for code, size in zip(codes.tolist(), merged.sizes.tolist(), strict=True):
            uses[code] += size
        return uses

    def _evaluate(self, answer: Answer) -> float:
        """Return the loss of a layout, couplings included."""
        choices, pairs = answer.choices, self._merged.pairs
        if choices is None:
            return math.inf
        losses = pairs.loss[self._merged.offsets[:-1] + choices].tolist()
        between = [
            float(table[choices[u], choices[v]])
            for (u, v), table in pairs.tables.items()
        ]
        return math.fsum(losses + between)
