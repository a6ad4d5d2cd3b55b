"""Problems as CSV tables: what they hold, and what they refuse."""

import pytest

import mpsolve
from mpsolve import Group, Option, Problem
from mpsolve.io import load_problem, save_problem
from mpsolve.io.problem_csv import decode_csv, encode_csv

TABLE = """\
layer,precision,loss,memory,latency [ms]
conv1,int4,0.3,1024,0.1
conv1,int8,0.1,2048,0.25
"fc, last",fp16,-1e-9,4096,1
"""


def faults(text):
    with pytest.raises(mpsolve.InvalidProblemError) as caught:
        decode_csv(text.encode() if isinstance(text, str) else text, "p.csv")
    return {fault.path: fault.message for fault in caught.value.faults}


def test_read():
    problem = decode_csv(TABLE.encode())
    assert list(problem.layers) == ["conv1", "fc, last"]
    assert problem.precisions_of(1) == ("fp16",)
    assert problem.resources["memory"].usage.tolist() == [1024, 2048, 4096]
    assert problem.resources["latency"].scale == 100
    assert problem.resources["latency"].unit == "ms"
    assert encode_csv(problem).decode() == TABLE.replace("e-9", "e-09").replace(
        ",1\n", ",1.0\n"
    )


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz"])
@pytest.mark.parametrize("num_groups", [1, 3])
def test_round_trip(tmp_path, name, num_groups):
    problem = Problem(
        [
            Group(f"g{i}", [Option(f"p{j}", i / 3 - j, {"m": j, "t": j / 7})])
            for i in range(num_groups)
            for j in [i]
        ]
    )
    save_problem(problem, tmp_path / name)
    assert load_problem(tmp_path / name) == problem


def test_all_faults_with_their_lines():
    text = (
        "layer,precision,loss,memory\n"
        "a,int4,x,1\n"
        "\n"
        "a,int4,1,9223372036854775808\n"
        ",int8,nan,1_000\n"
        "b,int8,1\n"
    )
    assert faults(text) == {
        "line 2, loss": "must be a finite number. Got 'x'",
        "line 4, memory": "must be within ±(2^63 - 1). Got 9223372036854775808",
        "line 4": "'a' as 'int4' is already in line 2",
        "line 5, layer": "must be a name. Got ''",
        "line 5, loss": "must be a finite number. Got 'nan'",
        "line 5, memory": "must be a finite number. Got '1_000'",
        "line 6": "must have 4 cells, as the header. Got 3",
    }


def test_headers():
    assert "Got 'layer,loss,precision'" in faults("layer,loss,precision\n")["line 1"]
    assert "two columns" in faults("layer,precision,loss,m,m [B]\n")["line 1"]
    assert "no name" in faults("layer,precision,loss,\n")["line 1"]
    assert "no options" in faults("layer,precision,loss\n")[""]
    assert "0xff" in faults(b"layer,precision,loss\n\xff")["line 2"]
    assert "is not CSV" in faults('layer,precision,loss\n"a"b,x,1\n')["line 2"]


@pytest.mark.parametrize(
    ("lost", "keys"),
    [
        ("budgets", {"budgets": {"m": 3}}),
        ("ties", {"ties": [["a", "b"]]}),
        ("fixed", {"fixed": {"a": "x"}}),
        ("inventory", {"inventory": {"x": 1}}),
        ("couplings", {"couplings": [mpsolve.Coupling("a", "b", [[0, 1], [1, 0]])]}),
        ("maximize", {"maximize": True}),
    ],
)
def test_what_a_table_cannot_hold_is_refused(tmp_path, lost, keys):
    problem = Problem.from_arrays(
        [[1, 0], [1, 0]],
        {"m": [[1, 2], [1, 2]]},
        layers=["a", "b"],
        precisions=["x", "y"],
        **keys,
    )
    with pytest.raises(mpsolve.InvalidProblemError, match=f"no place for {lost}"):
        problem.save(tmp_path / "p.csv")
    assert not list(tmp_path.iterdir())
