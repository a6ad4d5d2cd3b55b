"""The examples of the pages about quantizers print what the pages say."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.mark.parametrize(("page", "least"), [("integrations", 25), ("modelopt", 5)])
def test_the_examples_print_what_the_page_says(page, least):
    failed, attempted = doctest.testfile(
        str(DOCS / f"{page}.md"),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE,
    )
    assert attempted >= least
    assert failed == 0
