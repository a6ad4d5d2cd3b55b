"""Checking a JSON tree against a record, collecting every fault with its place."""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import Any

import msgspec
from msgspec import inspect

from mpsolve.errors import Fault
from mpsolve.io.tree import JSONObject, Literal

__all__ = ["Checker", "found", "place"]

LARGEST_INT64 = 2**63 - 1

#: Halves of characters: JSON can write them, UTF-8 cannot.
SURROGATES = re.compile("[\ud800-\udfff]")

#: Types of the records: what a file must hold there, in words.
WORDS: dict[type, str] = {
    inspect.StructType: "an object",
    inspect.DictType: "an object",
    inspect.ListType: "a list",
    inspect.StrType: "a string",
    inspect.BoolType: "true or false",
    inspect.IntType: "an integer",
    inspect.FloatType: "a number",
    inspect.NoneType: "null",
}

#: Types of the tree that may stand for each of them.
KINDS: dict[type, tuple[type, ...]] = {
    inspect.StructType: (dict,),
    inspect.DictType: (dict,),
    inspect.ListType: (list,),
    inspect.StrType: (str,),
    inspect.BoolType: (bool,),
    inspect.IntType: (int,),
    inspect.FloatType: (int, float, Literal),
    inspect.NoneType: (type(None),),
}


def place(path: str, key: str) -> str:
    """Return the path of an object's key, as one would write it in Python.

    Examples
    --------
    >>> place("groups[3]", "name"), place("", "loss"), place("usage", "peak memory")
    ('groups[3].name', 'loss', "usage['peak memory']")
    """
    if not key.isidentifier():
        return f"{path}[{key!r}]"
    return f"{path}.{key}" if path else key


def found(value: object) -> str:
    """Return a value of the tree as the file has it, shortened.

    Examples
    --------
    >>> found(None), found("abc"), found([1, 2])
    ('null', '"abc"', 'a list')
    """
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Literal):
        return repr(value)
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


class Checker:
    """Checks a tree and replaces what is wrong, so that later checks can go on.

    Parameters
    ----------
    faults : list of Fault
        Receives what is wrong.

    Attributes
    ----------
    names_are_sure : bool
        False once a name had to be made up: references to names cannot be judged then.
    """

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        self.names_are_sure = True
        self._num_made_up = 0

    def _add(self, path: str, message: str) -> None:
        self.faults.append(Fault(path, message))

    def clean(self, value: Any, kind: inspect.Type, path: str = "") -> Any:
        """Return the value, with replacements for whatever is wrong in it."""
        kind = _unwrapped(kind)
        members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        members = tuple(sorted(map(_unwrapped, members), key=_is_float))
        for member in members:
            if _is_of(value, member):
                return self._clean(value, member, path)
        words = " or ".join(_words(m) for m in members)
        words = words.replace("an integer or a number", "a number")
        self._add(path, f"must be {words}. Got {found(value)}")
        return self._made_up(members[0], path)

    def _clean(self, value: Any, kind: inspect.Type, path: str) -> Any:
        match kind:
            case inspect.StructType():
                return self._clean_struct(value, kind, path)
            case inspect.DictType():
                self._check_repeated(value, path, in_dict=True)
                return {
                    self._clean(k, kind.key_type, f"{path}[{k!r}]"): self.clean(
                        item, kind.value_type, f"{path}[{k!r}]"
                    )
                    for k, item in value.items()
                }
            case inspect.ListType():
                if len(value) < (kind.min_length or 0):
                    self._add(path, "must not be empty")
                    return self._made_up(kind, path)
                return [
                    self.clean(item, kind.item_type, f"{path}[{i}]")
                    for i, item in enumerate(value)
                ]
            case inspect.StrType():
                is_name = len(value) >= (kind.min_length or 0)
                if is_name and not SURROGATES.search(value):
                    return value
                wanted = "be valid Unicode" if is_name else "be a name"
                self._add(path, f"must {wanted}. Got {value!a}")
                return self._made_up(kind, path)
            case inspect.IntType() | inspect.FloatType():
                return self._clean_number(value, kind, path)
            case _:
                return value

    def _clean_number(self, value: Any, kind: inspect.Type, path: str) -> Any:
        if isinstance(value, Literal):
            self._add(path, f"must be a finite number. Got {value!r}")
            return 0
        if isinstance(kind, inspect.IntType):
            lower = -math.inf if kind.ge is None else kind.ge
            upper = math.inf if kind.le is None else kind.le
            if not lower <= value <= upper:
                is_count = upper == math.inf
                allowed = f">= {lower}" if is_count else "within ±(2^63 - 1)"
                self._add(path, f"must be {allowed}. Got {value}")
                return max(kind.ge or 0, 0)
            return value
        try:
            return float(value)
        except OverflowError:
            digits = len(str(abs(value)))
            message = f"must fit a float. Got an integer of {digits} digits"
            self._add(path, message)
            return 0.0

    def _clean_struct(
        self, value: JSONObject, kind: inspect.StructType, path: str
    ) -> dict[str, Any]:
        self._check_repeated(value, path, in_dict=False)
        fields = {field.encode_name: field for field in kind.fields}
        for key in value:
            if key not in fields:
                near = difflib.get_close_matches(key, fields, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                known = ", ".join(fields)
                message = f"is no known key; {hint}Known are: {known}"
                self._add(place(path, key), message)
        cleaned = {}
        for key, field in fields.items():
            if key in value:
                cleaned[key] = self.clean(value[key], field.type, place(path, key))
            elif field.required:
                self._add(place(path, key), "is missing")
                cleaned[key] = self._made_up(field.type, place(path, key))
        return cleaned

    def _check_repeated(self, value: JSONObject, path: str, *, in_dict: bool) -> None:
        for key in value.repeated:
            where = f"{path}[{key!r}]" if in_dict else place(path, key)
            self._add(where, "is given more than once")

    def _made_up(self, kind: inspect.Type, path: str) -> Any:
        """Return something of the right type in place of what is wrong."""
        kind = _unwrapped(kind)
        match kind:
            case inspect.UnionType():
                return self._made_up(kind.types[0], path)
            case inspect.LiteralType():
                return kind.values[0]
            case inspect.StrType():
                self.names_are_sure = False
                self._num_made_up += 1
                return f"(unreadable, {self._num_made_up})"
            case inspect.StructType():
                self.names_are_sure = False
                return {
                    field.encode_name: self._made_up(field.type, path)
                    for field in kind.fields
                    if field.required
                }
            case inspect.DictType():
                self.names_are_sure = False
                return {}
            case inspect.ListType():
                self.names_are_sure = False
                return [self._made_up(kind.item_type, path)] if kind.min_length else []
            case inspect.NoneType():
                return None
            case inspect.BoolType():
                return False
            case inspect.IntType():
                return max(kind.ge or 0, 0)
            case _:
                return 0


def record_type(record: type[msgspec.Struct]) -> inspect.Type:
    """Return the description of a record that a `Checker` reads."""
    return inspect.type_info(record)


def _unwrapped(kind: inspect.Type) -> inspect.Type:
    """Return a type without the metadata around it."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def _is_float(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.FloatType)


def _words(kind: inspect.Type) -> str:
    kind = _unwrapped(kind)
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(json.dumps(value) for value in kind.values)
    return WORDS[type(kind)]


def _is_of(value: object, kind: inspect.Type) -> bool:
    """Whether a value of the tree may stand where a type is asked for."""
    if isinstance(kind, inspect.LiteralType):
        return value in kind.values
    if isinstance(value, bool):
        return isinstance(kind, inspect.BoolType)
    return isinstance(value, KINDS[type(kind)])
