"""toulbar2: cost function networks, for couplings without budgets and inventories."""

from __future__ import annotations

import math
import signal
import threading
from importlib import import_module
from typing import Any

import numpy as np

from mpsolve.formulate.objective import Objective, make_integer_objective
from mpsolve.formulate.program import Program, make_program
from mpsolve.methods.proof import answer
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.methods.stray_output import without_stray_output
from mpsolve.model.merge import Merged
from mpsolve.result import Limit, Reason

__all__ = ["Toulbar2"]

#: Totals stay below two to this: toulbar2 reports them as float64.
COST_BITS = 50

#: A cost above all totals: what is forbidden.
FORBIDDEN = 2 ** (COST_BITS + 2)


class Toulbar2:
    """toulbar2 [1]_: branch and bound over soft arc consistency.

    Only for couplings without budgets and inventories: its Python package calls layouts
    optimal that are not where linear rows are added, in about one of 300 small random
    problems with one to ten rows. Couplings alone it proves rightly, in integers.

    It honours no time limit: its own counts whole seconds of processor time. Ctrl-C
    ends its search with what it has found.

    References
    ----------
    .. [1] B. Hurley, B. O'Sullivan, D. Allouche, G. Katsirelos, T. Schiex, M. Zytnicki,
       S. de Givry, "Multi-language evaluation of exact solvers in graphical model
       discrete optimization", Constraints 21 (2016) 413-434.
       doi:10.1007/s10601-016-9245-y
    """

    name = "toulbar2"
    summary = "toulbar2: couplings alone, as a cost function network"
    requires: tuple[str, ...] = ("pytoulbar2",)
    extra = "toulbar2"
    capabilities = Capabilities(
        proves=True,
        most_budgets=0,
        couplings=True,
        parameters=frozenset({"seed"}),
    )

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        program = make_program(merged)
        if program.is_infeasible:
            return Answer(Reason.INFEASIBLE)
        if not merged.num_groups:
            return Answer(Reason.OPTIMAL, np.zeros(0, dtype=np.int64), bound=0.0)
        objective = make_integer_objective(program, bits=COST_BITS)
        with without_stray_output():
            network = _network(program, objective, parameters.seed)
            try:
                found = network.Solve()
            finally:
                _give_back_ctrl_c()
        dual = float(network.GetDDualBound())
        counters = {"nodes": float(network.GetNbNodes())}
        if found is None:
            is_proven = dual >= FORBIDDEN / 2
            return Answer(
                Reason.INFEASIBLE if is_proven else Reason.NO_SOLUTION_FOUND,
                bound=math.inf if is_proven else objective.bound(dual),
                limit=None if is_proven else Limit.INTERRUPTED,
                detail="couplings leave no layout: proven by toulbar2",
                counters=counters,
            )
        return answer(
            merged,
            merged.pairs,
            np.asarray(found[0], dtype=np.int64),
            objective.bound(dual),
            parameters,
            detail="proven by toulbar2, in integers",
            counters=counters,
        )


def _network(program: Program, objective: Objective, seed: int | None) -> Any:
    """Fill a cost function network; there is only one at a time in a process."""
    package: Any = import_module("pytoulbar2")
    network = package.CFN(
        ubinit=FORBIDDEN, resolution=0, seed=1 if seed is None else seed % 2**31
    )
    costs = np.where(objective.is_open, objective.values, FORBIDDEN)
    sizes = np.diff(program.offsets).tolist()
    for group, size in enumerate(sizes):
        network.AddVariable(f"g{group}", range(size))
        start = program.offsets[group]
        network.AddFunction([group], costs[start : start + size].tolist())
    for pair in program.pairs:
        table = np.full((sizes[pair.first], sizes[pair.second]), FORBIDDEN)
        table[pair.rows, pair.columns] = costs[pair.start :][: len(pair.rows)]
        network.AddFunction([pair.first, pair.second], table.ravel().tolist())
    return network


def _give_back_ctrl_c() -> None:
    """Undo toulbar2's own handler of Ctrl-C, which it leaves behind."""
    if threading.current_thread() is threading.main_thread():
        handler = signal.getsignal(signal.SIGINT)
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
