"""Records as JSON text that people can read: a row of a table a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mpsolve.errors import Fault, InvalidProblemError

__all__ = ["encode_record"]

#: Objects of more keys have one a line.
MOST_ON_A_LINE = 4

ENCODER = msgspec.json.Encoder()


def encode_record(record: msgspec.Struct) -> bytes:
    """Encode a record with one key a line, and lists of rows with one row a line.

    Parameters
    ----------
    record : msgspec.Struct
        Keys that have their default value are left out.

    Returns
    -------
    bytes
    """
    items = {
        field.encode_name: value
        for field in msgspec.structs.fields(record)
        if (value := getattr(record, field.name)) != _default(field)
    }
    try:
        return _object(items, "") + b"\n"
    except UnicodeEncodeError as error:
        fault = Fault("", f"{error.object!r} is not valid Unicode")
        raise InvalidProblemError([fault]) from None


def _default(field: msgspec.structs.FieldInfo) -> Any:
    factory = field.default_factory
    return field.default if factory is msgspec.NODEFAULT else factory()


def _object(items: Mapping[str, Any], indent: str) -> bytes:
    deeper = indent + "  "
    lines = (
        f"{deeper}".encode() + ENCODER.encode(key) + b": " + _value(value, deeper)
        for key, value in items.items()
    )
    return b"{\n" + b",\n".join(lines) + f"\n{indent}".encode() + b"}"


def _value(value: Any, indent: str) -> bytes:
    if isinstance(value, dict) and (
        len(value) > MOST_ON_A_LINE or any(isinstance(v, list) for v in value.values())
    ):
        return _object(value, indent)
    has_rows = isinstance(value, list) and value and not isinstance(value[0], str)
    if not has_rows:
        return ENCODER.encode(value)
    between = f",\n{indent}  ".encode()
    rows = ENCODER.encode_lines(value).rstrip(b"\n").replace(b"\n", between)
    return f"[\n{indent}  ".encode() + rows + f"\n{indent}]".encode()
