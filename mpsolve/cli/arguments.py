"""How arguments are read: names, counts, sizes and times with units."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from mpsolve.errors import InvalidParameterError

__all__ = [
    "assignment",
    "count",
    "counts",
    "json_option",
    "layer_precision",
    "meaning",
    "names",
    "with_units",
]


def names(text: str) -> list[str]:
    """Read ``a,b,c``."""
    given = [name.strip() for name in text.split(",")]
    if not all(given):
        msg = f"must be names separated by commas. Got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return given


def assignment(text: str) -> tuple[str, str]:
    """Read ``RESOURCE=BUDGET``."""
    resource, equals, budget = text.partition("=")
    if not (resource and equals and budget):
        msg = f"must be RESOURCE=BUDGET, such as memory=12MB. Got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return resource, budget


def layer_precision(text: str) -> tuple[str, str]:
    """Read ``NAME=PRECISION``; the name may hold an equals sign."""
    layer, equals, precision = text.rpartition("=")
    if not (layer and equals and precision):
        msg = f"must be NAME=PRECISION, such as conv1=fp16. Got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return layer, precision


def counts(text: str) -> dict[str, int]:
    """Read ``fp64=1,fp32=2``; ``none`` is empty."""
    if text == "none":
        return {}
    counts: dict[str, int] = {}
    for part in text.split(","):
        name, equals, count = part.strip().rpartition("=")
        if not (name and equals and count.isdecimal()) or name in counts:
            msg = f"must be PRECISION=COUNT,…, such as fp64=1,fp32=2. Got {text!r}"
            raise argparse.ArgumentTypeError(msg)
        counts[name] = int(count)
    return counts


def meaning(text: str) -> tuple[str, Any]:
    """Read ``PRECISION=FORMAT``, where a format may be a JSON object."""
    precision, equals, value = text.partition("=")
    if not (precision and equals and value):
        msg = f"must be PRECISION=FORMAT, such as int4=int4g64. Got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return precision, _json(value) if value.startswith("{") else value


def json_option(text: str) -> tuple[str, Any]:
    """Read ``NAME=JSON``."""
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals):
        msg = f"must be NAME=JSON. Got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return name, _json(value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"{text!r} is not JSON: {error}"
        raise argparse.ArgumentTypeError(msg) from None


def count(text: str) -> int:
    """Read an integer of at least 1."""
    if not text.isdecimal() or not int(text):
        msg = f"must be an integer >= 1. Got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def with_units(unit: str) -> Callable[[str], float]:
    """Return a reader of numbers with units, for argparse."""

    def read(text: str) -> float:
        from mpsolve.units import parse_duration, parse_quantity

        try:
            if unit == "s":
                return parse_duration(text)
            quantity = parse_quantity(text, unit)
        except InvalidParameterError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return int(quantity)

    return read
