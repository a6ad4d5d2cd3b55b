"""The methods, by name; each in its own file, all with one protocol."""

from mpsolve.methods.protocol import (
    Answer,
    Capabilities,
    Method,
    Parameters,
    Progress,
    Reluctant,
    SpecialCase,
    better_left,
    cannot_solve,
)
from mpsolve.methods.registry import (
    ENTRY_POINTS,
    METHODS,
    SPECIAL_CASES,
    all_methods,
    get_method,
    is_available,
    load_method,
    method_names,
    require,
)

__all__ = [
    "ENTRY_POINTS",
    "METHODS",
    "SPECIAL_CASES",
    "Answer",
    "Capabilities",
    "Method",
    "Parameters",
    "Progress",
    "Reluctant",
    "SpecialCase",
    "all_methods",
    "better_left",
    "cannot_solve",
    "get_method",
    "is_available",
    "load_method",
    "method_names",
    "require",
]
