"""The published JSON Schemas of the files, made from the records that decode them."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from mpsolve.errors import InvalidParameterError
from mpsolve.io.records import GroupsRecord, LayoutRecord, TableRecord

__all__ = ["json_schema", "write_schemas"]

KINDS: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "problem": (GroupsRecord, TableRecord),
    "layout": (LayoutRecord,),
}

DESCRIPTIONS = {
    "problem": "A problem of mpsolve: which precision each layer of a network gets.",
    "layout": "A layout of mpsolve: the precision of each layer of a problem.",
}


def json_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind of file, made from the code that reads it.

    The same is in the package as ``mpsolve/io/problem.schema.json`` and
    ``mpsolve/io/layout.schema.json``.

    Parameters
    ----------
    kind : {"problem", "layout"}

    Returns
    -------
    dict

    Examples
    --------
    >>> json_schema("layout")["title"]
    'mpsolve layout, version 1'
    """
    if kind not in KINDS:
        msg = f"kind must be one of {', '.join(KINDS)}. Got {kind!r}"
        raise InvalidParameterError(msg)
    forms, definitions = msgspec.json.schema_components(
        KINDS[kind], ref_template="#/$defs/{name}"
    )
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:mpsolve:{kind}:1",
        "title": f"mpsolve {kind}, version 1",
        "description": DESCRIPTIONS[kind],
        **(forms[0] if len(forms) == 1 else {"oneOf": list(forms)}),
        "$defs": definitions,
    }
    _sort_alternatives(schema)
    return schema


def _sort_alternatives(schema: Any) -> None:
    """Put alternatives in an order that does not depend on msgspec's version."""
    if isinstance(schema, dict) and "anyOf" in schema:
        schema["anyOf"].sort(key=json.dumps)
    children = schema.values() if isinstance(schema, dict) else schema
    for child in children:
        if isinstance(child, dict | list):
            _sort_alternatives(child)


def published_schema(kind: str) -> str:
    """Return the text of the schema file in the package."""
    return (files("mpsolve.io") / f"{kind}.schema.json").read_text("utf-8")


def schema_text(kind: str) -> str:
    """Return the text that the schema file should have."""
    return json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: str | Path) -> None:
    """Write the schema files, after the records have changed.

    Parameters
    ----------
    folder : str or Path
        ``mpsolve/io`` of a checkout.
    """
    for kind in KINDS:
        path = Path(folder) / f"{kind}.schema.json"
        path.write_text(schema_text(kind), encoding="utf-8")
