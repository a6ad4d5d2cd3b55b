"""What the pages of formulations and methods show is what the code does."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("page", "least"), [("formulations.md", 9), ("methods.md", 4)])
def test_page(page, least, monkeypatch):
    pytest.importorskip("ortools")
    monkeypatch.chdir(DOCS.parent)
    options = {"module_relative": False, "optionflags": doctest.NORMALIZE_WHITESPACE}
    failed, tried = doctest.testfile(str(DOCS / page), **options)
    assert tried >= least
    assert not failed
