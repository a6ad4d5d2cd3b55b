"""Numbers with units are read exactly, and wrong ones say what is allowed."""

from fractions import Fraction

import numpy as np
import pytest

from mpsolve import Budget, InvalidParameterError, Problem
from mpsolve.units import format_quantity, parse_budget, parse_duration, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("12MB", "B", 12_000_000),
        ("12 MiB", "B", 12 * 2**20),
        ("0.1kB", "B", 100),
        ("1e3", "B", 1000),
        ("1_000", "B", 1000),
        ("3bit", "B", Fraction(3, 8)),
        ("1Mbit", "kB", 125),
        ("5", "MB", 5),
        ("5MB", "MB", 5),
        ("512KB", "B", 512_000),
        ("0.1", "", Fraction(1, 10)),
        ("9us", "ns", 9000),
        ("9µs", "ns", 9000),
        ("1.5s", "ms", 1500),
        ("2min", "s", 120),
        ("40G", "BOPs", 40 * 10**9),
        ("40GOPs", "BOPs", 40 * 10**9),
        ("40 GBOPs", "BOPs", 40 * 10**9),
        ("40BOPs", "BOPs", 40),
        ("2k", "", 2000),
        ("-3", "", -3),
        (".5T", "", 5 * 10**11),
    ],
)
def test_quantities(text, unit, expected):
    assert parse_quantity(text, unit) == expected


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("12MX", "B", "kB, MB.*Got '12MX'"),
        ("12ms", "B", "kB, MB.*Got '12ms'"),
        ("12M", "B", "kB, MB.*Got '12M'"),
        ("3GB", "ms", "ns, us, ms.*Got '3GB'"),
        ("3x", "BOPs", "k, M, G, T, P, before BOPs or alone.*Got '3x'"),
        ("lots", "B", "such as 12MB. Got 'lots'"),
        ("1,5MB", "B", "Got '1,5MB'"),
        ("nan", "", "Got 'nan'"),
        ("", "s", "such as 10ms. Got ''"),
    ],
)
def test_wrong_quantities(text, unit, message):
    with pytest.raises(InvalidParameterError, match=message):
        parse_quantity(text, unit)


def test_durations():
    assert parse_duration("10") == 10.0
    assert parse_duration("500ms") == 0.5
    with pytest.raises(InvalidParameterError, match=r">= 0\. Got '-1s'"):
        parse_duration("-1s")


@pytest.fixture
def problem():
    return Problem.from_arrays(
        [[0, 0], [0, 0]],
        {
            "memory": [[1000, 2000], [1001, 3000]],
            "latency": [[0.1, 0.2], [0.3, 0.7]],
            "power": np.array([[1 / 3, 2 / 3], [1 / 7, 1e-9]]),
        },
        units={"latency": "ms"},
    )


@pytest.mark.parametrize(
    ("text", "resource", "expected"),
    [
        ("3kB", "memory", Budget(None, 3000)),
        (":3kB", "memory", Budget(None, 3000)),
        ("2.5kB:", "memory", Budget(2500, None)),
        ("2.5kB:3kB", "memory", Budget(2500, 3000)),
        ("=3kB", "memory", Budget(3000, 3000)),
        ("2500.9", "memory", Budget(None, 2500)),
        ("2500.1:", "memory", Budget(2501, None)),
        ("0%", "memory", Budget(None, 2001)),
        ("50%", "memory", Budget(None, 3500)),
        ("50%:100%", "memory", Budget(3501, 5000)),
        ("500us", "latency", Budget(None, 0.5)),
        ("0.3:0.9", "latency", Budget(0.3, 0.9)),
        ("40%", "latency", Budget(None, 0.6)),
    ],
)
def test_budgets(problem, text, resource, expected):
    assert parse_budget(text, problem, resource) == expected


@pytest.mark.parametrize("resource", ["memory", "latency", "power"])
@pytest.mark.parametrize("share", ["0%", "33.3%", "100%"])
def test_shares_can_be_reached(problem, resource, share):
    scaled = problem.resources[resource]
    smallest, largest = problem.merged.reachable(resource)
    exact = smallest + Fraction(share[:-1]) / 100 * (largest - smallest)
    upper = scaled.limits(parse_budget(share, problem, resource))[1]
    lower = scaled.limits(parse_budget(f"{share}:", problem, resource))[0]
    # Floats of the size of a total may lie a few scaled units apart.
    room = 0 if scaled.scale == 1 else 2**12
    assert 0 <= upper - (exact.numerator // exact.denominator) <= room
    assert 0 <= -(-exact.numerator // exact.denominator) - lower <= room


def test_sides_without_a_float_are_rounded_inward(problem):
    upper = parse_budget("1e-20", problem, "power").upper
    assert Fraction(upper) <= Fraction("1e-20")
    third = parse_budget("0.1us", problem, "latency")
    assert third.upper == 0.0001


@pytest.mark.parametrize(
    ("text", "resource", "message"),
    [
        ("3kB", "memry", "'memry'. Known are: memory, latency, power"),
        (":", "memory", "at least one side"),
        ("9kB:3kB", "memory", "9000 is above 3000"),
        ("140%", "memory", "between 0% and 100%"),
        ("1:2:3", "memory", "Got '1:2'"),
        ("3m", "memory", "budget of 'memory'"),
    ],
)
def test_wrong_budgets(problem, text, resource, message):
    with pytest.raises(InvalidParameterError, match=message):
        parse_budget(text, problem, resource)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (12_345_678, "B", "12,345,678 B (12.3 MB)"),
        (999, "B", "999 B"),
        (0, "B", "0 B"),
        (0.25, "ms", "0.25 ms (250 µs)"),
        (4.5, "ms", "4.5 ms"),
        (-5_000_000, "ns", "-5,000,000 ns (-5 ms)"),
        (47_475_326_976, "BOPs", "47,475,326,976 BOPs (47.5 GBOPs)"),
        (10**19, "", "10,000,000,000,000,000,000 (10,000 P)"),
        (7, "", "7"),
    ],
)
def test_format(value, unit, expected):
    assert format_quantity(value, unit) == expected
    assert "(" not in format_quantity(value, unit, exact=False)
