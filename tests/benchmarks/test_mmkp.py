"""The literature's knapsacks: three formats, one problem."""

import pytest

import mpsolve
from benchmarks.race.mmkp import read_mmkp
from benchmarks.race.peers import load_peer
from benchmarks.race.peers.program import make_program

ITEMS = [[[7.5, 1, 3], [17, 1, 4]], [[9, 0, 0], [10, 4, 1]]]


def write(folder, where, head, group_heads, tail=""):
    lines = [head]
    for group, rows in zip(group_heads, ITEMS, strict=True):
        lines += [group, *(" ".join(map(str, row)) for row in rows)]
    path = folder / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, tail]), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "khan_I/I01", "2 2 2\n4 5", ["1", "2"], "Solutions by HEU: 1 2")
    write(tmp_path, "inst/mmkp_b_01.txt", "2 2\n4 5", ["2", "2"])
    where = "hiremath_hill/TestSet.30GP10IT10KP.txt"
    write(tmp_path, where, "1\t2\t2\t2\n\t4\t5", ["1", "2"])
    return tmp_path


@pytest.mark.parametrize("name", ["I01", "INST01", "30GP10IT10KP"])
def test_every_format_reads_the_same(folder, name):
    parts = read_mmkp(name, folder)
    assert parts.loss.tolist() == [[-7.5, -17], [-9, -10]]
    assert parts.budgets == {"row0": 4, "row1": 5}
    # Both dear items would take 5 of 4 units of the first row.
    assert mpsolve.solve(parts.problem()).loss == -26


def test_groups_of_different_sizes_are_refused(folder):
    write(folder, "inst/mmkp_b_02.txt", "2 2\n4 5", ["2", "3"])
    with pytest.raises(ValueError, match="3 items, others 2"):
        read_mmkp("INST02", folder)


def test_scip_keeps_its_heuristics_where_many_rows_bind(folder):
    peer = load_peer("SCIP")
    parts = read_mmkp("I01", folder)
    many = {f"row{i}": parts.usage["row1"] * [[3, 5], [2, 9]] for i in range(5)}
    wide = parts._replace(usage=many, budgets=dict.fromkeys(many, 50))
    few, all_default = (peer.settings_for(make_program(p)) for p in (parts, wide))
    assert few["heuristics/rins/freq"] == -1
    assert set(all_default) == {
        *("limits/gap", "limits/absgap"),
        *("numerics/feastol", "numerics/dualfeastol"),
    }
