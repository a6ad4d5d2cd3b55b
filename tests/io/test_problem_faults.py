"""Every fault of a file is reported, with its place, its value and what is allowed."""

import json
import re

import pytest

import mpsolve
from mpsolve.io import load_problem
from mpsolve.io.problem_json import decode_problem

HEAD = '"format": "mpsolve/problem", "version": 1'
TABLE = '"precisions": ["x", "y"], "loss": [[1, 2], [3, 4]]'


def faults(text):
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(mpsolve.InvalidProblemError) as caught:
        decode_problem(data, "p.json")
    assert caught.value.where == "p.json"
    return {fault.path: fault.message for fault in caught.value.faults}


def file(**keys):
    table = {"precisions": ["x", "y"], "loss": [[1, 2], [3, 4]]}
    return json.dumps({"format": "mpsolve/problem", "version": 1, **table, **keys})


def groups(*options, **keys):
    members = [{"name": "g", "options": list(options)}]
    head = {"format": "mpsolve/problem", "version": 1}
    return json.dumps({**head, "groups": members, **keys})


def test_all_faults_together():
    text = (
        f'{{{HEAD}, "budget": {{}}, "budgets": {{"memry": {{"uper": 3}}}},'
        '"ties": [["a", "zz"]], "groups": ['
        '{"name": "a", "options": [{"precision": "x", "loss": NaN,'
        ' "usage": {"memory": 9223372036854775808}}, {"precision": "x", "loss": "1"}]},'
        '{"name": "a", "options": [{"precision": "y", "lossx": 3}]},'
        '{"name": "c", "name": "c", "options": [{"precision": "y", "loss": 1e999,'
        ' "usage": {"memory": true}}]}]}'
    )
    found = faults(text)
    assert "did you mean 'budgets'" in found["budget"]
    assert "did you mean 'upper'" in found["budgets['memry'].uper"]
    assert "finite number. Got NaN" in found["groups[0].options[0].loss"]
    assert "9223372036854775808" in found["groups[0].options[0].usage['memory']"]
    assert found["groups[0].options[1].loss"] == 'must be a number. Got "1"'
    assert "already the name" in found["groups[0].options[1].precision"]
    assert "'a' is already groups[0]" in found["groups[1]"]
    assert "did you mean 'loss'" in found["groups[1].options[0].lossx"]
    assert found["groups[1].options[0].loss"] == "is missing"
    assert "more than once" in found["groups[2].name"]
    assert "Got 1e999" in found["groups[2].options[0].loss"]
    assert "Got true" in found["groups[2].options[0].usage['memory']"]
    # Names are known in spite of all that, so references are checked too.
    assert "no group is named 'zz'" in found["ties[0][1]"]
    assert "no option uses that resource" in found["budgets['memry']"]
    assert len(found) == 14


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        (" \n ", "is empty"),
        ("nope", r"is not JSON: .*line 1, column 1"),
        (f"{{{HEAD},\n {TABLE},}}", r"is not JSON: .*line 2, column"),
        (f"{{{HEAD}, {TABLE}}} {{}}", "is not JSON: Extra data"),
        (b'{"name": "\xff"}', "must be UTF-8. The byte 0xff in line 1"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "must be an object.*Got a list"),
        ("{}", "format: must be.*It is missing"),
        ('{"format": "mpsolve/layout", "version": 1}', 'Got "mpsolve/layout"'),
        ('{"format": "mpsolve/problem"}', "version: must be 1.*It is missing"),
        ('{"format": "mpsolve/problem", "version": 2}', "must be 1.*Got 2"),
        ('{"format": "mpsolve/problem", "version": true}', "must be 1.*Got true"),
        (f"{{{HEAD}}}", "groups: is missing"),
        (f'{{{HEAD}, "groups": []}}', "groups: must not be empty"),
        (f'{{{HEAD}, "group": []}}', "did you mean 'groups'"),
        (f'{{{HEAD}, {TABLE}, "groups": [{{}}]}}', "loss: is no known key"),
        (f'{{{HEAD}, "precisions": [], "loss": []}}', "precisions: must not be empty"),
        (f'{{{HEAD}, {TABLE}, "name": "\\ud800"}}', r"name: must be valid Unicode"),
        (f'{{{HEAD}, {TABLE}, "name": 3}}', "name: must be a string. Got 3"),
        (f'{{{HEAD}, {TABLE}, "maximize": 1}}', "maximize: must be true or false"),
        (f'{{{HEAD}, {TABLE}, "loss": [[1, 2]]}}', "loss: is given more than once"),
        (f'{{{HEAD}, {TABLE}, "inventory": []}}', "must be an object or null"),
    ],
)
def test_one_fault(tmp_path, text, expected):
    path = tmp_path / "p.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(mpsolve.InvalidProblemError) as caught:
        load_problem(path)
    assert str(caught.value).startswith(str(path))
    assert re.search(expected, str(caught.value), re.DOTALL)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "-1e999", "9" * 5000])
def test_numbers_that_are_none(number):
    found = faults(f'{{{HEAD}, "precisions": ["x"], "loss": [[{number}]]}}')
    assert list(found) == ["loss[0][0]"]
    assert "finite" in found["loss[0][0]"]


def test_integers_are_exact_or_refused():
    usage = {"memory": [[1, 2**63], [-(2**63), 2**70]]}
    found = faults(file(usage=usage))
    assert found["usage['memory'][0][1]"].endswith(f"Got {2**63}")
    assert found["usage['memory'][1][0]"].endswith(f"Got {-(2**63)}")
    assert found["usage['memory'][1][1]"].endswith(f"Got {2**70}")


def test_totals_beyond_int64():
    found = faults(file(usage={"memory": [[2**61, 2**62], [1, 1]]}))
    assert "below 2^62" in found["usage['memory']"]


def test_ragged_tables():
    found = faults(
        file(
            loss=[[1, 2], [3], [4, 5, 6]],
            usage={"m": [[1, 2], [3, 4], [5]], "n": [[1, 2]]},
            layers=["a", "b"],
            couplings=[{"first": "a", "second": "b", "table": [[1], [1, 2]]}],
        )
    )
    assert found == {
        "loss[1]": "must have 2 values, one a precision. Got 1",
        "loss[2]": "must have 2 values, one a precision. Got 3",
        "usage['m'][2]": "must have 2 values, one a precision. Got 1",
        "usage['n']": "must have 3 rows, as loss has. Got 1",
        "layers": "must name the 3 rows of loss. Got 2",
        "couplings[0].table": "must have rows of the same length",
    }


def test_names_given_twice_do_not_hide_wrong_constraints():
    found = faults(
        file(
            layers=["a", "a"],
            precisions=["x", "x"],
            usage={"m": [[1, 2], [3, 4]]},
            budgets={"m": {"lower": 5, "upper": 3}},
            fixed={"a": "q"},
            inventory={"counts": {"x": -1}},
        )
    )
    assert "already layers[0]" in found["layers[1]"]
    assert "already precisions[0]" in found["precisions[1]"]
    assert "must be one of x" in found["fixed['a']"]
    assert found["inventory.counts['x']"] == "must be >= 0. Got -1"
    assert "5 is above the upper side 3" in found["budgets['m']"]


def test_a_name_that_cannot_be_read_raises_no_false_alarm():
    options = [{"precision": "x", "loss": 1}, {"precision": 3, "loss": 2}]
    found = faults(groups(*options, fixed={"g": "y"}))
    assert list(found) == ["groups[0].options[1].precision"]


def test_an_unreachable_budget_is_no_fault_of_the_file():
    text = file(usage={"m": [[1, 2], [3, 4]]}, budgets={"m": {"upper": 0}})
    assert mpsolve.solve(decode_problem(text.encode())).reason == "INFEASIBLE"


def test_many_faults_are_counted():
    rows = [["x", "x"]] * 100
    found = faults(file(loss=rows))
    assert found[""] == "and 150 more"


def test_the_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_problem(tmp_path / "none.json")


def test_objective_and_limit_on_precisions():
    found = faults(file(objective="mean", max_distinct=0))
    assert found == {
        "objective": 'must be "max" or "sum". Got "mean"',
        "max_distinct": "must be >= 1. Got 0",
    }
    assert "max_distinct" in faults(file(max_distinct="2"))
