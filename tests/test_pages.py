"""The numbers on the pages of docs/ are what the code computes."""

import doctest
from pathlib import Path

import pytest

import mpsolve

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("page", ["problem-classes.md", "devices.md"])
def test_page(page):
    failed, tried = doctest.testfile(str(DOCS / page), module_relative=False)
    assert tried > 10
    assert not failed


def test_the_devices_have_no_better_layout():
    text = (DOCS / "devices.md").read_text("utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, "devices", None, 0)
    scope = {}
    for example in test.examples:
        exec(compile(example.source, "devices.md", "exec"), scope)
        if "problem" in scope:
            break
    every = mpsolve.solve(scope["problem"], "brute_force")
    assert scope["problem"].num_groups == 6
    assert mpsolve.solve(scope["problem"]).loss == every.loss
