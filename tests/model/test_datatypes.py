"""The lossless relation, against every code point of the 8- and 16-bit types."""

from fractions import Fraction

import numpy as np
import pytest

import mpsolve
from mpsolve.model.datatypes import (
    FLOATS,
    FloatType,
    IntegerType,
    is_lossless,
    lossless_matrix,
    parse_type,
    rounding_errors,
)


def e4m3_values():
    codes = np.arange(128)
    exponent, mantissa = codes >> 3, codes & 7
    values = np.where(
        exponent > 0,
        (1 + mantissa / 8) * 2.0 ** (exponent - 7),
        mantissa / 8 * 2.0**-6,
    )
    return values[codes != 0x7F]


def code_points(name):
    """Nonnegative finite values of a type, decoded bit by bit."""
    if name == "fp16":
        values = np.arange(2**15, dtype=np.uint16).view(np.float16)
    elif name == "bf16":
        values = (np.arange(2**15, dtype=np.uint32) << 16).view(np.float32)
    elif name == "e5m2":
        values = (np.arange(2**7, dtype=np.uint16) << 8).view(np.float16)
    else:
        values = e4m3_values()
    return values[np.isfinite(values)].astype(np.float64)


def holds(name, values):
    """Which float64 values a type represents, by converting or by enumeration."""
    if name == "fp64":
        return np.ones(len(values), bool)
    with np.errstate(over="ignore"):
        singles = values.astype(np.float32)
    in_fp32 = singles.astype(np.float64) == values
    if name == "fp32":
        return in_fp32
    if name == "tf32":
        return in_fp32 & (singles.view(np.uint32) & 0x1FFF == 0)
    return np.isin(values, code_points(name))


@pytest.mark.parametrize("narrow", ["fp16", "bf16", "e5m2", "e4m3"])
@pytest.mark.parametrize("wide", list(FLOATS))
def test_lossless_is_what_every_code_point_says(narrow, wide):
    values = code_points(narrow)
    expected = bool(holds(wide, values).all())
    assert is_lossless(FLOATS[narrow], FLOATS[wide]) == expected


@pytest.mark.parametrize("name", ["fp16", "bf16", "e5m2", "e4m3"])
def test_represents_is_what_every_code_point_says(name):
    for other in ["fp16", "bf16", "e5m2", "e4m3"]:
        values = code_points(other)
        if len(values) > 1000:
            values = values[:: 37 if name != other else 11]
        expected = holds(name, values).tolist()
        kind = FLOATS[name]
        assert [kind.represents(Fraction(v)) for v in values.tolist()] == expected


def test_wide_types():
    names = ["tf32", "fp32", "fp64"]
    assert lossless_matrix(names).tolist() == np.triu(np.ones((3, 3), bool)).tolist()
    wide = lossless_matrix(["fp16", "bf16", "tf32"])
    assert wide[:2, 2].all()
    assert not wide[2, :2].any()


def test_types_agree_with_numpy():
    for name, dtype in [("fp16", np.float16), ("fp32", np.float32), ("fp64", float)]:
        info, kind = np.finfo(dtype), FLOATS[name]
        assert Fraction(float(info.max)) == kind.largest
        assert Fraction(float(info.smallest_subnormal)) == kind.quantum
    assert FLOATS["e4m3"].largest == 448
    assert FLOATS["e5m2"].largest == 57344


def integer_values(kind):
    return {kind.scale * code for code in kind.codes}


def test_scaled_integers_are_what_every_code_says():
    scales = [
        Fraction(1),
        Fraction(1, 2),
        Fraction(1, 4),
        Fraction(3, 8),
        Fraction(1, 10),
    ]
    scales += [Fraction(2), Fraction(16), Fraction(0.1)]
    kinds = [
        IntegerType(f"int{bits}", bits, scale)
        for bits in (2, 4, 5, 8)
        for scale in scales
    ]
    for narrow in kinds:
        values = integer_values(narrow)
        for wide in kinds:
            assert is_lossless(narrow, wide) == (values <= integer_values(wide))
        for name in ("e4m3", "e5m2"):
            points = {Fraction(v) for v in code_points(name).tolist()}
            points |= {-p for p in points}
            assert is_lossless(narrow, FLOATS[name]) == (values <= points)


def test_floats_in_integers():
    wide = IntegerType("int8", 8, Fraction(1, 2**9))
    tiny = FloatType("tiny", 2, 1)
    assert not is_lossless(FLOATS["e4m3"], wide)
    assert is_lossless(tiny, IntegerType("int8", 8, tiny.quantum))
    assert not is_lossless(tiny, IntegerType("int2", 2, tiny.quantum))
    assert not is_lossless(tiny, IntegerType("int8", 8, tiny.quantum * 2))


def test_integers_without_a_scale_are_exact_only_in_themselves():
    names = ["int4", "int8", "fp16"]
    assert lossless_matrix(names).tolist() == np.eye(3, dtype=bool).tolist()
    known = lossless_matrix(names, {"int4": 1, "int8": 1})
    assert known.tolist() == [
        [True, True, True],
        [False, True, True],
        [False, False, True],
    ]


def test_rounding_errors():
    errors = rounding_errors(["fp64", "fp32", "e4m3", "int8"])
    assert errors.tolist() == [2.0**-53, 2.0**-24, 2.0**-4, 1 / 254]


def test_faults():
    assert parse_type("int9") is None
    with pytest.raises(
        mpsolve.InvalidProblemError, match="names\\[1\\]: must be one of"
    ):
        lossless_matrix(["fp16", "fp12"])
    with pytest.raises(mpsolve.InvalidProblemError, match="scales\\['int4'\\]"):
        lossless_matrix(["int4"], {"int4": 0.0})
