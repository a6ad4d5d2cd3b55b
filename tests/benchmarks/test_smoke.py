import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.race.judge import judge
from benchmarks.race.peers import PEERS
from benchmarks.race.records import read_records

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.race", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_race_runs_and_can_be_taken_up_again(tmp_path):
    pytest.importorskip("ortools")
    pytest.importorskip("pulp")
    first = run("--smoke", "--output", str(tmp_path))
    assert first.returncode == 0, first.stderr
    path = tmp_path / "race.jsonl"
    assert first.stdout.strip() == str(path.with_suffix(".md"))
    records = read_records(path)
    assert {record.method for record in records} == {"mpsolve", "numpy.sort", *PEERS}
    raced = [record for record in records if record.family != "scaling"]
    for cell in judge(raced):
        assert all(method.counts == {"proved": 1} for method in cell.methods.values())
    for name in ("race.md", "race.png", "race_scaling.png"):
        assert (tmp_path / name).stat().st_size > 500

    assert run("--smoke", "--output", str(tmp_path)).returncode == 2
    again = run("--smoke", "--resume", "--output", str(tmp_path))
    assert again.returncode == 0, again.stderr
    assert len(read_records(path)) == len(records)
