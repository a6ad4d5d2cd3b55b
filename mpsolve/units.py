"""Numbers with units, as people write them: ``12MB``, ``40%``, ``3ms:9ms``."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from mpsolve.errors import InvalidParameterError
from mpsolve.model.budget import Budget, Number
from mpsolve.model.problem import Problem

__all__ = [
    "format_quantity",
    "parse_budget",
    "parse_duration",
    "parse_quantity",
    "quantity_scale",
]

NUMBER = re.compile(
    r"(?P<number>[+-]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"\s*(?P<unit>.*)"
)

DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}

#: Bytes in each unit of memory.
BYTES = {
    **{f"{prefix}B": Fraction(size) for prefix, size in DECIMAL.items()},
    "KB": Fraction(1000),
    **{f"{prefix}B": Fraction(size) for prefix, size in BINARY.items()},
    **{f"{prefix}bit": Fraction(size, 8) for prefix, size in DECIMAL.items()},
}

#: Seconds in each unit of time.
SECONDS = {
    "ps": Fraction(1, 10**12),
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "μs": Fraction(1, 10**6),
    "ms": Fraction(1, 10**3),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
}

#: Units that convert into each other, and those that error messages offer.
CONVERTIBLE = (
    (BYTES, "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, bit"),
    (SECONDS, "ps, ns, us, ms, s, min, h"),
)


def parse_quantity(text: str, unit: str = "") -> Fraction:
    """Read a number with a unit, exactly.

    Parameters
    ----------
    text : str
        A number, and a unit where it is not `unit`. Bytes take ``kB MB GB TB``,
        ``KiB MiB GiB TiB`` and ``bit``; times take ``ns us ms s min h``; everything
        else takes ``k M G T`` before its own unit or ``OPs``.
    unit : str
        Unit of the answer.

    Returns
    -------
    Fraction
        In `unit`.

    Raises
    ------
    InvalidParameterError
        Naming the value and the units that are allowed.

    Examples
    --------
    >>> parse_quantity("1.5MiB", unit="B"), parse_quantity("250us", unit="ms")
    (Fraction(1572864, 1), Fraction(1, 4))
    >>> parse_quantity("40 GOPs", unit="BOPs"), parse_quantity("1e3")
    (Fraction(40000000000, 1), Fraction(1000, 1))
    """
    match = NUMBER.fullmatch(text.strip())
    if match is None:
        msg = f"must be a number with a unit, such as {_example(unit)}. Got {text!r}"
        raise InvalidParameterError(msg)
    number = Fraction(match["number"].replace("_", ""))
    given = match["unit"].strip()
    if given in ("", unit):
        return number
    for table, offered in CONVERTIBLE:
        if unit in table and given in table:
            return number * table[given] / table[unit]
        if unit in table:
            msg = f"the unit must be one of {offered}. Got {text!r}"
            raise InvalidParameterError(msg)
    for suffix in dict.fromkeys((unit, "OPs", "")):
        prefix = given.removesuffix(suffix)
        if given.endswith(suffix) and prefix in DECIMAL:
            return number * DECIMAL[prefix]
    own = f", before {unit} or alone" if unit else ""
    msg = f"the unit must be one of k, M, G, T, P{own}. Got {text!r}"
    raise InvalidParameterError(msg)


def parse_duration(text: str) -> float:
    """Read a time limit in seconds.

    Parameters
    ----------
    text : str
        A number of seconds, or with a unit: ``500ms``, ``10s``, ``2min``, ``1h``.

    Returns
    -------
    float

    Examples
    --------
    >>> parse_duration("10"), parse_duration("500ms"), parse_duration("2min")
    (10.0, 0.5, 120.0)
    """
    seconds = parse_quantity(text, "s")
    if seconds < 0:
        msg = f"must be a time >= 0. Got {text!r}"
        raise InvalidParameterError(msg)
    return float(seconds)


def parse_budget(text: str, problem: Problem, resource: str) -> Budget:
    """Read a budget for one of a problem's resources.

    Parameters
    ----------
    text : str
        ``12MB`` (or ``:12MB``) is an upper side, ``3MB:`` a lower one, ``3MB:9MB``
        both, ``=9MB`` an equality. A side such as ``40%`` lies that share of the way
        from the smallest reachable total to the largest.
    problem : Problem
    resource : str
        Name of the resource, whose unit is meant where none is given.

    Returns
    -------
    Budget
        In the resource's unit. Sides that have no exact float are rounded inward.

    Raises
    ------
    InvalidParameterError
        Naming the value and what is allowed.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays([[1, 0]], {"memory": [[1000, 5000]]})
    >>> parse_budget("2kB", problem, "memory"), parse_budget("50%:", problem, "memory")
    (Budget(lower=None, upper=2000), Budget(lower=3000, upper=None))
    """
    if resource not in problem.resources:
        known = ", ".join(problem.resources) or "none"
        msg = f"no option uses the resource {resource!r}. Known are: {known}"
        raise InvalidParameterError(msg)
    low, _, high = text.rpartition(":")
    try:
        if text.startswith("="):
            lower = upper = _side(text[1:], problem, resource, is_upper=True)
        else:
            lower = _side(low, problem, resource, is_upper=False)
            upper = _side(high, problem, resource, is_upper=True)
    except InvalidParameterError as error:
        msg = f"budget of {resource!r}: {error}"
        raise InvalidParameterError(msg) from None
    if lower is None and upper is None:
        msg = f"budget of {resource!r}: needs at least one side. Got {text!r}"
        raise InvalidParameterError(msg)
    if lower is not None and upper is not None and lower > upper:
        msg = f"budget of {resource!r}: {lower} is above {upper} in {text!r}"
        raise InvalidParameterError(msg)
    return Budget(lower, upper)


def _side(
    text: str, problem: Problem, resource: str, *, is_upper: bool
) -> Number | None:
    """Return one side of a budget, None where nothing is written."""
    text = text.strip()
    if not text:
        return None
    if text.endswith("%"):
        return _share(text, problem, resource, is_upper=is_upper)
    value = parse_quantity(text, problem.resources[resource].unit)
    if value.denominator == 1:
        return int(value)
    if problem.resources[resource].scale == 1:
        return math.floor(value) if is_upper else math.ceil(value)
    nearest = float(value)
    # The float that the decimal denotes is read back as the decimal.
    if Fraction(repr(nearest)) == value:
        return nearest
    towards = -math.inf if is_upper else math.inf
    while (Fraction(nearest) > value) if is_upper else (Fraction(nearest) < value):
        nearest = math.nextafter(nearest, towards)
    return nearest


def _share(text: str, problem: Problem, resource: str, *, is_upper: bool) -> Number:
    """Return the side that bounds the total at a share of what is reachable."""
    share = parse_quantity(text[:-1]) / 100
    if not 0 <= share <= 1:
        msg = f"a share must be between 0% and 100%. Got {text!r}"
        raise InvalidParameterError(msg)
    scaled = problem.resources[resource]
    smallest, largest = problem.merged.reachable(resource)
    exact = smallest + share * (largest - smallest)
    total = math.floor(exact) if is_upper else math.ceil(exact)
    if scaled.scale == 1 and not scaled.rounding:
        return total
    # Budgets are tightened by the rounding of the usages; this share is of the rounded
    # ones, so it is loosened by as much, and by what the float lacks.
    slack = scaled.rounding if is_upper else -scaled.rounding
    side = float((total + slack) / scaled.scale)
    if is_upper:
        while (scaled.limits(Budget(None, side))[1] or 0) < total:
            side = math.nextafter(side, math.inf)
    else:
        while (scaled.limits(Budget(side, None))[0] or 0) > total:
            side = math.nextafter(side, -math.inf)
    return side


def format_quantity(value: Number, unit: str = "", *, exact: bool = True) -> str:
    """Return a number with its unit, for people.

    Parameters
    ----------
    value : int or float
    unit : str
    exact : bool
        Whether the exact number comes first.

    Returns
    -------
    str

    Examples
    --------
    >>> format_quantity(12_345_678, "B"), format_quantity(512, "B")
    ('12,345,678 B (12.3 MB)', '512 B')
    >>> format_quantity(12_345_678, "B", exact=False)
    '12.3 MB'
    """
    digits = f"{value:,}" if isinstance(value, int) else f"{value:.12g}"
    plain = f"{digits} {unit}".rstrip()
    short = _short(value, unit)
    if short is None:
        return plain if exact else f"{value:.4g} {unit}".rstrip()
    return f"{plain} ({short})" if exact else short


def _short(value: Number, unit: str) -> str | None:
    """Return a number with a prefix before its unit, None where it needs none."""
    size, name = quantity_scale(value, unit)
    if name == unit:
        return None
    rounded = float(value) / size
    digits = f"{rounded:.3g}" if abs(rounded) < 999.5 else f"{rounded:,.0f}"
    return f"{digits} {name}"


def quantity_scale(value: Number, unit: str) -> tuple[float, str]:
    """Return the unit that suits a number, and how many of its own are one of it.

    Parameters
    ----------
    value : int or float
    unit : str
        Unit of the number.

    Returns
    -------
    size : float
    name : str

    Examples
    --------
    >>> quantity_scale(12_345_678, "B"), quantity_scale(12, "B")
    ((1000000.0, 'MB'), (1.0, 'B'))
    """
    seconds = SECONDS.get(unit)
    if seconds is not None:
        scaled = abs(float(value)) * float(seconds)
        names = {"h": 3600.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
        name = next((n for n, size in names.items() if scaled >= size), unit)
        return (1.0, unit) if name == unit else (names[name] / float(seconds), name)
    prefixes = reversed(DECIMAL.items())
    prefix = next((p for p, size in prefixes if p and abs(value) >= size), "")
    return float(DECIMAL[prefix]), f"{prefix}{unit}"


def _example(unit: str) -> str:
    if unit in BYTES:
        return "12MB"
    return "10ms" if unit in SECONDS else "40G"
