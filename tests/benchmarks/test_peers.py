import itertools
import math

import numpy as np
import pytest

pytest.importorskip("ortools")
pytest.importorskip("pulp")

from benchmarks.race.families import Cell, Instance
from benchmarks.race.judge import best_loss, verdict_of
from benchmarks.race.measure import Runner, evaluate
from benchmarks.race.peers import PEERS, load_peer
from benchmarks.race.peers.columns import make_columns
from mpsolve.model.generate import Arrays, hard_arrays, mixed_precision_arrays

TINY = [
    mixed_precision_arrays(5, 3, 0),
    mixed_precision_arrays(5, 4, 1, sizes="repeated"),
    mixed_precision_arrays(5, 3, 2, budget=0.0),
    hard_arrays("strongly", 5, 4, 3),
    hard_arrays("uncorrelated", 5, 4, 4),
    hard_arrays("sinha_zoltners", 5, 4, 5),
]


def optimum(arrays: Arrays) -> float:
    num_groups, num_options = arrays.loss.shape
    layouts = itertools.product(range(num_options), repeat=num_groups)
    values = (evaluate(arrays, np.array(layout)) for layout in layouts)
    return min(loss for loss, usage in values if usage <= arrays.budget)


@pytest.mark.parametrize("drop_dominated", [False, True])
@pytest.mark.parametrize("name", PEERS)
def test_every_peer_finds_the_optimum(name, drop_dominated, capfd):
    peer = load_peer(name)
    for arrays in TINY:
        columns = make_columns(arrays, drop_dominated=drop_dominated)
        claim = peer.solve(peer.build(columns), columns, 20.0)
        assert claim.reason == "OPTIMAL"
        loss, usage = evaluate(arrays, claim.choices)
        assert usage <= arrays.budget
        assert loss == pytest.approx(optimum(arrays), rel=1e-12)
        assert claim.bound == pytest.approx(loss, rel=1e-6)
    capfd.readouterr()


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_says_that_nothing_fits(name, capfd):
    arrays = TINY[0]._replace(budget=int(TINY[0].usage.min(axis=1).sum()) - 1)
    columns = make_columns(arrays, drop_dominated=True)
    peer = load_peer(name)
    claim = peer.solve(peer.build(columns), columns, 20.0)
    assert claim.choices is None
    assert claim.reason == "INFEASIBLE"
    capfd.readouterr()


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_admits_that_time_ran_out(name, capfd):
    arrays = hard_arrays("strongly", 300, 10, 0, largest=10_000)
    columns = make_columns(arrays, drop_dominated=True)
    peer = load_peer(name)
    claim = peer.solve(peer.build(columns), columns, 0.3)
    assert claim.reason in {"FEASIBLE", "NO_SOLUTION_FOUND"}
    if claim.choices is not None:
        loss, _ = evaluate(arrays, claim.choices)
        assert claim.bound <= loss + 1e-6 * abs(loss)
    capfd.readouterr()


def test_all_methods_agree(capfd):
    instance = Instance(Cell("mixed", "distinct", 60, 4, 1, 1), seed=3)
    records = [Runner(name).run(instance, 20.0) for name in ("mpsolve", *PEERS)]
    best = best_loss(records)
    assert math.isfinite(best)
    assert {verdict_of(record, best) for record in records} == {"proved"}
    for record in records:
        parts = record.build_s + record.solve_s + record.verify_s
        assert record.total_s == pytest.approx(parts)
    capfd.readouterr()
