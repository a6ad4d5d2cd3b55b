import math
from pathlib import Path

import pytest

from benchmarks.race.families import FAMILIES, Cell, Instance, cells
from benchmarks.race.judge import best_loss, judge, verdict_of
from benchmarks.race.race import too_slow
from benchmarks.race.records import Record, append_record, read_records
from benchmarks.race.report import seconds, write_report


def record(method: str, total_s: float, loss: float | None = 1.0, **fields) -> Record:
    given = {
        "family": "mixed",
        "kind": "distinct",
        "num_groups": 50,
        "num_options": 3,
        "seed": 0,
        "method": method,
        "reason": "OPTIMAL",
        "total_s": total_s,
        "time_limit": 60.0,
        "loss": loss,
        "usage": None if loss is None else 10,
        "budget": 10,
    }
    return Record(**{**given, **fields})


def test_verdicts():
    best = 1.0
    assert verdict_of(record("a", 1.0), best) == "proved"
    assert verdict_of(record("a", 1.0, loss=1.0 + 1e-10), best) == "proved"
    assert verdict_of(record("a", 1.0, loss=1.0 + 1e-8), best) == "wrong"
    assert verdict_of(record("a", 1.0, loss=None), best) == "wrong"
    assert verdict_of(record("a", 1.0, loss=0.5, usage=11), best) == "over budget"
    assert verdict_of(record("a", 60.0, reason="FEASIBLE"), best) == "not proved"
    assert verdict_of(record("a", 0.0, None, status="killed"), best) == "not proved"
    assert verdict_of(record("a", 0.0, None, status="skipped"), best) == "skipped"
    assert verdict_of(record("a", 0.0, None, status="failed"), best) == "failed"
    assert verdict_of(record("a", 1.0, None, reason="INFEASIBLE"), best) == "wrong"
    assert verdict_of(record("a", 1.0, None, reason="INFEASIBLE"), math.inf) == "proved"


def test_best_loss_ignores_what_is_over_budget():
    runs = [record("a", 1.0, loss=0.5, usage=11), record("b", 1.0, loss=2.0)]
    assert best_loss(runs) == 2.0
    assert best_loss(runs[:1]) == math.inf


def test_ratio_is_to_the_fastest_peer_whose_proof_stood():
    (cell,) = judge(
        [
            record("mpsolve", 0.1),
            record("quick but wrong", 0.01, loss=2.0),
            record("slow", 10.0),
            record("mpsolve", 0.1, seed=1),
            record("slow", 0.1, seed=1),
        ]
    )
    assert cell.ratio.value == pytest.approx(10.0)
    assert not cell.ratio.is_lower_bound
    assert cell.ratio.fastest == {"slow": 2}
    assert cell.methods["quick but wrong"].counts == {"wrong": 1}
    assert cell.methods["slow"].median_s == pytest.approx(5.05)


def test_ratio_where_no_peer_has_a_proof_is_a_lower_bound():
    (cell,) = judge([record("mpsolve", 0.1), record("slow", 61.0, reason="FEASIBLE")])
    assert cell.ratio.value == pytest.approx(600.0)
    assert cell.ratio.is_lower_bound


def test_no_ratio_where_no_peer_ran():
    (cell,) = judge(
        [record("mpsolve", 0.1), record("slow", 0.0, None, status="skipped")]
    )
    assert cell.ratio is None
    assert cell.methods["slow"].num_runs == 0


def test_mpsolve_without_a_proof_loses(tmp_path):
    path = tmp_path / "race.jsonl"
    append_record(path, record("mpsolve", 61.0, reason="FEASIBLE"))
    append_record(path, record("quick", 1.0))
    page = write_report(path).read_text(encoding="utf-8")
    assert "mpsolve loses" in page
    assert (tmp_path / "race.png").stat().st_size > 1000


def test_two_slow_seeds_spare_the_rest_and_larger_cells():
    cell = Cell("mixed", "distinct", 50, 3, 5, 5)
    slow = [record("a", 60.0, seed=seed, reason="FEASIBLE") for seed in range(2)]
    assert not too_slow("a", cell, slow[:1])
    assert too_slow("a", cell, slow) == cell.name
    assert too_slow("a", Cell("mixed", "distinct", 500, 3, 5, 5), slow) == cell.name
    assert not too_slow("a", Cell("mixed", "distinct", 10, 3, 5, 5), slow)
    assert not too_slow("a", Cell("mixed", "repeated", 500, 3, 5, 5), slow)
    assert not too_slow("b", cell, slow)


def test_records_survive_a_file(tmp_path):
    path = tmp_path / "race.jsonl"
    assert read_records(path) == []
    append_record(path, record("mpsolve", 0.1, bound=None))
    append_record(path, record("slow", 0.2, settings={"gap": 0.0}))
    kept = read_records(path)
    assert [run.method for run in kept] == ["mpsolve", "slow"]
    instance = Instance(Cell("mixed", "distinct", 50, 3, 5, 5), 0)
    assert kept[1].key == Record.key_of(instance, "slow")


def test_cells_grow_within_a_lane():
    made = cells(FAMILIES)
    lanes: dict[tuple, list[int]] = {}
    for cell in made:
        lanes.setdefault(cell.lane, []).append(cell.num_groups)
    assert all(sizes == sorted(sizes) for sizes in lanes.values())
    assert all(cell.num_groups == 500 for cell in cells(FAMILIES, [500]))
    assert {cell.num_seeds for cell in cells(["hard"], num_seeds=7)} == {7}


def test_times_are_written_with_their_unit():
    assert [seconds(value) for value in (0.0001234, 0.5, 61.23)] == [
        "123 µs",
        "500 ms",
        "61.2 s",
    ]


def test_results_hold_nothing_but_results():
    folder = Path(__file__).parents[2] / "benchmarks" / "results"
    suffixes = {path.suffix for path in folder.glob("*")}
    assert suffixes <= {".json", ".jsonl", ".md", ".png", ".safetensors", ""}


def test_a_run_that_failed_is_replaced_by_a_later_one(tmp_path):
    path = tmp_path / "race.jsonl"
    append_record(path, record("a", 0.0, None, status="failed", detail="died"))
    append_record(path, record("b", 0.2))
    append_record(path, record("a", 0.1))
    assert [(run.method, run.status) for run in read_records(path)] == [
        ("a", "done"),
        ("b", "done"),
    ]


def test_a_failed_run_has_no_time_in_the_report(tmp_path):
    path = tmp_path / "race.jsonl"
    append_record(path, record("mpsolve", 0.1))
    append_record(path, record("a", 0.0, None, status="failed"))
    page = write_report(path).read_text(encoding="utf-8")
    assert "– (0/1), 1 failed" in page
    assert "nan" not in page
