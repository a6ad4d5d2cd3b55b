"""Problem and layout files: JSON with a published schema, and CSV tables."""

from mpsolve.io.layout_json import load_layout, read_layout, save_layout
from mpsolve.io.problem import SUFFIXES, load_problem, save_problem
from mpsolve.io.schema import json_schema

__all__ = [
    "SUFFIXES",
    "json_schema",
    "load_layout",
    "load_problem",
    "read_layout",
    "save_layout",
    "save_problem",
]
