"""The race's page, from records of which some are missing."""

import pytest

from benchmarks.race import ours
from benchmarks.race.records import Record, append_record
from benchmarks.race.report import write_report
from benchmarks.race.scaling import SORT


def record(method, num_groups):
    return Record(
        family="scaling",
        kind="uncorrelated",
        seed=0,
        num_groups=num_groups,
        num_options=4,
        method=method,
        version="1",
        total_s=0.5,
        solve_s=0.4,
        verify_s=0.1,
        build_s=0.1,
    )


@pytest.mark.parametrize("method", [SORT, ours.NAME])
def test_growth_of_which_one_side_is_missing_is_left_out(tmp_path, method):
    path = tmp_path / "race.jsonl"
    append_record(path, record(method, 1000))
    text = write_report(path).read_text()
    assert "Growth with 1,000 groups: measured in part, and not shown." in text
    assert "| 1,000 |" not in text
    for both in (SORT, ours.NAME):
        append_record(path, record(both, 2000))
    text = write_report(path).read_text()
    assert "| 2,000 | 500 ms (0/1) |" in text
    assert "| 1,000 |" not in text
    assert path.with_name("race_scaling.png").exists()
