"""The grammar of precisions' names."""

import pytest

from mpsolve.errors import InvalidParameterError
from mpsolve.integrations import Format, parse_format


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("int4", "w4a16"),
        ("INT8", "w8a16"),
        ("4bit", "w4a16"),
        ("w4a8", "w4a8"),
        ("w8a32", "w8a16"),
        ("int4g64", "w4a16g64"),
        ("w4a16_g128_asym", "w4a16g128_asym"),
        ("fp8", "fp8"),
        ("nvfp4a16", "nvfp4a16"),
        ("bf16", "as it is"),
        ("w16a16", "as it is"),
    ],
)
def test_names(name, text):
    assert str(parse_format(name)) == text


def test_blocks_have_their_group_sizes():
    assert parse_format("mxfp4") == Format("mxfp4", 4, 4, 32)
    assert parse_format("nvfp4").group_size == 16


@pytest.mark.parametrize("name", ["", "q4_K", "intx", "int4g", "int", "w", "fp4"])
def test_other_names_are_refused_with_a_way_out(name):
    with pytest.raises(InvalidParameterError, match="formats="):
        parse_format(name)
