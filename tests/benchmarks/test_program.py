"""Peers on problems with several rows, counts and couplings."""

import numpy as np
import pytest

pytest.importorskip("ortools")
pytest.importorskip("pulp")

import mpsolve
from benchmarks.race.families import Cell, Instance
from benchmarks.race.judge import best_loss, verdict_of
from benchmarks.race.measure import Runner
from benchmarks.race.peers import PEERS, load_peer
from benchmarks.race.peers.program import make_program
from mpsolve.model.generate_classes import (
    chain_parts,
    inventory_parts,
    several_budgets_parts,
)

RING = chain_parts(6, 3)
RING = RING._replace(
    edges=[*RING.edges, (0, 5), (1, 4)],
    tables=np.concatenate([RING.tables, RING.tables[:2]]),
)
PARTS = {
    "two budgets": several_budgets_parts(6, 3, 0),
    "three budgets": several_budgets_parts(6, 4, 1, num_budgets=3),
    "chain": chain_parts(6, 2),
    "ring": RING,
    "inventory": inventory_parts(7, 4),
}


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("name", PEERS)
def test_every_peer_finds_the_optimum(name, kind, capfd):
    parts = PARTS[kind]
    best = mpsolve.solve(parts.problem(), "brute_force")
    peer = load_peer(name)
    program = make_program(parts)
    claim = peer.solve(peer.build_program(program), program, 20.0)
    if best.layout is None:
        assert claim.reason == "INFEASIBLE"
        return
    assert claim.reason == "OPTIMAL"
    layout = mpsolve.Layout(parts.problem(), claim.choices)
    verification = mpsolve.verify(parts.problem(), layout)
    assert verification
    assert verification.loss == pytest.approx(best.loss, rel=1e-9)
    assert claim.bound == pytest.approx(best.loss, rel=1e-6)
    capfd.readouterr()


def test_most_of_them_have_a_layout():
    found = [mpsolve.solve(parts.problem()).layout for parts in PARTS.values()]
    assert sum(layout is not None for layout in found) >= 4


def test_all_methods_agree_on_a_network(capfd):
    instance = Instance(Cell("networks", "resnet50", 54, 4, 1, 1), seed=0)
    names = ("mpsolve", "HiGHS", "SCIP")
    records = [Runner(name).run(instance, 20.0) for name in names]
    best = best_loss(records)
    assert verdict_of(records[0], best) == "proved"
    assert records[0].detail == "paths"
    assert {verdict_of(record, best) for record in records} <= {"proved", "not proved"}
    capfd.readouterr()


def test_a_broken_constraint_counts_as_over_budget():
    parts = PARTS["inventory"]
    problem = parts.problem()
    record = Runner("mpsolve")
    assert problem.inventory is not None
    layout = mpsolve.Layout(problem, np.zeros(7, dtype=int))
    assert len(mpsolve.verify(problem, layout).violations) > 0
    assert record.about["method"] == "mpsolve"
