"""The published schemas are those of the code, and saved files keep them."""

import json

import pytest

import mpsolve
from mpsolve import instances
from mpsolve.io import json_schema, save_layout, save_problem
from mpsolve.io.schema import KINDS, published_schema, schema_text, write_schemas

jsonschema = pytest.importorskip("jsonschema")


def validator(kind):
    return jsonschema.Draft202012Validator(json.loads(published_schema(kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_in_step_with_the_code(kind, tmp_path):
    assert published_schema(kind) == schema_text(kind)
    write_schemas(tmp_path)
    assert (tmp_path / f"{kind}.schema.json").read_text() == published_schema(kind)
    jsonschema.Draft202012Validator.check_schema(json_schema(kind))


def test_unknown_kind():
    with pytest.raises(mpsolve.InvalidParameterError, match="problem, layout"):
        json_schema("result")


def test_saved_files_are_valid(tmp_path):
    table = instances.load("resnet18-latency-50")
    groups = mpsolve.Problem(
        [
            mpsolve.Group("a", [mpsolve.Option("x", 1.5, {"m": 1})]),
            mpsolve.Group("b", [mpsolve.Option("x", 1), mpsolve.Option("y", 2)]),
        ],
        budgets={"m": (0, None)},
        couplings=[mpsolve.Coupling("a", "b", [[0, float("inf")]])],
        inventory={"x": 1},
    )
    for problem in (table, groups):
        save_problem(problem, tmp_path / "p.json")
        validator("problem").validate(json.loads((tmp_path / "p.json").read_text()))
    result = mpsolve.solve(table)
    save_layout(result.layout, tmp_path / "l.json", result)
    validator("layout").validate(json.loads((tmp_path / "l.json").read_text()))


def test_wrong_files_are_not():
    head = {"format": "mpsolve/problem", "version": 1}
    for wrong in (head, {**head, "groups": []}, {**head, "loss": [[1]], "budget": {}}):
        assert not validator("problem").is_valid(wrong)
