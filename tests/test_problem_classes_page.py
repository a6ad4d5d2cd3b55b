"""The numbers on the page of problem classes are what the code computes."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "problem-classes.md"


def test_page():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried > 10
    assert not failed
