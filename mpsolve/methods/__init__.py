"""The methods, by name; each in its own file, all with one protocol."""

from importlib import import_module
from importlib.util import find_spec

from mpsolve.errors import InvalidParameterError, MethodUnavailableError
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

__all__ = [
    "METHODS",
    "SPECIAL_CASES",
    "Answer",
    "Capabilities",
    "Method",
    "Parameters",
    "Progress",
    "Reluctant",
    "SpecialCase",
    "better_left",
    "cannot_solve",
    "get_method",
    "is_available",
]

#: Methods for problems with an inventory or couplings of a structure that needs no
#: search; ``auto`` passes them over where a problem has neither.
SPECIAL_CASES = frozenset({"rearrange", "monotone", "transport", "count_dp", "min_cut"})

#: Where each method lives, in the order in which ``auto`` prefers them: the short ones,
#: the engines, those that ask other methods again and again, and what is slower than
#: the engines but takes wider couplings.
METHODS = {
    "rearrange": "mpsolve.methods.rearrange:Rearrange",
    "monotone": "mpsolve.methods.monotone:Monotone",
    "transport": "mpsolve.methods.transport:Transport",
    "exact": "mpsolve.methods.exact:Exact",
    "paths": "mpsolve.methods.paths:Paths",
    "few_precisions": "mpsolve.methods.few_precisions:FewPrecisions",
    "bottleneck": "mpsolve.methods.bottleneck:Bottleneck",
    "count_dp": "mpsolve.methods.count_dp:CountDp",
    "min_cut": "mpsolve.methods.min_cut:MinCut",
    "dense": "mpsolve.methods.dense:Dense",
    "highs": "mpsolve.methods.math_opt:Highs",
    "brute_force": "mpsolve.methods.brute_force:BruteForce",
    "greedy": "mpsolve.methods.greedy:Greedy",
}


def get_method(name: str) -> Method:
    """Return a method by name.

    Parameters
    ----------
    name : str

    Returns
    -------
    Method

    Raises
    ------
    InvalidParameterError
        If there is no such method.
    """
    if name not in METHODS:
        known = ", ".join(["auto", *METHODS])
        msg = f"method must be one of {known}. Got {name!r}"
        raise InvalidParameterError(msg)
    module, _, attribute = METHODS[name].partition(":")
    method: Method = getattr(import_module(module), attribute)()
    return method


def is_available(method: Method) -> bool:
    """Whether the modules that a method needs are installed; imports none of them."""
    return all(find_spec(module) is not None for module in method.requires)


def require(method: Method) -> None:
    """Raise where the modules that a method needs are not installed.

    Raises
    ------
    MethodUnavailableError
        Naming the extra that installs them.
    """
    if not is_available(method):
        msg = (
            f"the method {method.name!r} needs {', '.join(method.requires)}: "
            f"pip install 'mpsolve[{method.extra}]'"
        )
        raise MethodUnavailableError(msg)
