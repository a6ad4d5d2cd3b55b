"""JSON as a tree that keeps what decoders hide: repeated keys, NaN, huge numbers."""

from __future__ import annotations

import json
import math
from typing import Any

from mpsolve.errors import Fault, InvalidProblemError

__all__ = ["JSONObject", "Literal", "parse_tree"]


class JSONObject(dict[str, Any]):
    """A JSON object that remembers the keys that it was given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        seen: set[str] = set()
        self.repeated = [k for k, _ in pairs if k in seen or seen.add(k)]  # type: ignore[func-returns-value]


class Literal:
    """A number that cannot be one: NaN, Infinity, 1e999, or 5000 digits."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        text = self.text
        return text if len(text) <= 40 else f"{text[:20]}… ({len(text)} characters)"


def parse_tree(data: bytes, where: str = "") -> Any:
    """Parse JSON into a tree.

    Parameters
    ----------
    data : bytes
    where : str
        The file it came from.

    Returns
    -------
    JSONObject, list, str, int, float, bool, None or Literal

    Raises
    ------
    InvalidProblemError
        If the bytes are no UTF-8 or no JSON, with line and column.

    Examples
    --------
    >>> parse_tree(b'{"loss": NaN, "loss": 1e999}').repeated
    ['loss']
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        message = f"must be UTF-8. The byte 0x{byte:02x} in line {line} is not"
        raise InvalidProblemError([Fault("", message)], where) from None
    try:
        return json.loads(
            text,
            object_pairs_hook=JSONObject,
            parse_constant=Literal,
            parse_float=_parse_float,
            parse_int=_parse_int,
        )
    except json.JSONDecodeError as error:
        message = (
            f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        )
    except RecursionError:
        message = "is nested too deeply to be a file of mpsolve"
    raise InvalidProblemError([Fault("", message)], where)


def _parse_float(text: str) -> float | Literal:
    value = float(text)
    return value if math.isfinite(value) else Literal(text)


def _parse_int(text: str) -> int | Literal:
    try:
        return int(text)
    except ValueError:  # Python refuses thousands of digits
        return Literal(text)
