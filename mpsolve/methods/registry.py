"""Where methods are found: those of mpsolve by name, others through entry points.

A package adds a method by an entry point of the group ``mpsolve.methods``::

    [project.entry-points."mpsolve.methods"]
    my_method = "my_package.my_module:MyMethod"

``docs/methods.md`` has a worked example.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mpsolve.errors import InvalidParameterError, MethodUnavailableError
from mpsolve.installed import are_installed, require_packages
from mpsolve.methods.protocol import Answer, Capabilities, Method, Parameters
from mpsolve.model.merge import Merged

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "ENTRY_POINTS",
    "METHODS",
    "SPECIAL_CASES",
    "Unloadable",
    "all_methods",
    "foreign_methods",
    "get_method",
    "is_available",
    "load_method",
    "method_names",
    "require",
]

#: The group of entry points through which other packages add methods.
ENTRY_POINTS = "mpsolve.methods"

#: Methods for problems with an inventory or couplings of a structure that needs no
#: search; ``auto`` passes them over where a problem has neither.
SPECIAL_CASES = frozenset({"rearrange", "monotone", "transport", "count_dp", "min_cut"})

#: Where each of mpsolve's methods lives, in the order in which ``auto`` prefers them:
#: the short ones, the engines, those that ask other methods again and again, what is
#: slower than the engines but takes wider couplings, other solvers, and those that
#: quantizers bring along. Methods of other packages come after them.
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
    "cp_sat": "mpsolve.methods.cp_sat:CpSat",
    "scip": "mpsolve.methods.math_opt:Scip",
    "pulp": "mpsolve.methods.pulp_ilp:Pulp",
    "toulbar2": "mpsolve.methods.toulbar2:Toulbar2",
    "brute_force": "mpsolve.methods.brute_force:BruteForce",
    "greedy": "mpsolve.methods.greedy:Greedy",
    "auto_round_dp": "mpsolve.integrations.methods:AutoRoundDp",
    "modelopt_cbc": "mpsolve.integrations.methods:ModelOptCbc",
}


def foreign_methods() -> dict[str, EntryPoint]:
    """Return the methods of other packages; imports none of them.

    Returns
    -------
    dict of str to EntryPoint
        By name, in alphabetical order. A name of mpsolve's own stays mpsolve's.
    """
    # Imported here, because it takes longer than the rest of mpsolve.
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    return {name: found[name] for name in sorted(found) if name not in METHODS}


def method_names() -> Iterator[str]:
    """Yield the names of all methods, in the order of ``auto``.

    Other packages are looked for only when mpsolve's own names are used up.

    Yields
    ------
    str
    """
    yield from METHODS
    yield from foreign_methods()


class Unloadable:
    """Stands for a method of another package that cannot be imported.

    Parameters
    ----------
    point : EntryPoint
    why : str
    """

    extra = ""
    capabilities = Capabilities(proves=False)

    def __init__(self, point: EntryPoint, why: str) -> None:
        self.name, self.summary = point.name, why
        self.requires: tuple[str, ...] = (point.value,)

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Raise, because there is nothing to call."""
        raise MethodUnavailableError(self.summary)


def all_methods() -> Iterator[Method]:
    """Yield all methods, in the order of ``auto``; see `load_method`.

    Yields
    ------
    Method
    """
    return map(load_method, method_names())


def load_method(name: str) -> Method:
    """Return a method of the list by name, whether it can be imported or not.

    Parameters
    ----------
    name : str

    Returns
    -------
    Method
        `Unloadable` for one of another package that cannot be imported.
    """
    try:
        return get_method(name)
    except MethodUnavailableError as error:
        return Unloadable(foreign_methods()[name], str(error))


def get_method(name: str) -> Method:
    """Return a method by name.

    Parameters
    ----------
    name : str
        ``"name"``, or ``"name:variant"`` for a method that has variants, such as
        ``"pulp:GLPK_CMD"``.

    Returns
    -------
    Method

    Raises
    ------
    InvalidParameterError
        If there is no such method, or it has no variants.
    MethodUnavailableError
        If a method of another package cannot be imported.
    """
    base, _, variant = name.partition(":")
    if base in METHODS:
        module, _, attribute = METHODS[base].partition(":")
        make: Any = getattr(import_module(module), attribute)
    elif base in (foreign := foreign_methods()):
        make = _load(foreign[base])
    else:
        known = ", ".join(["auto", *method_names()])
        msg = f"method must be one of {known}. Got {name!r}"
        raise InvalidParameterError(msg)
    if variant and not getattr(make, "has_variants", False):
        msg = f"the method {base!r} has no variants. Got {name!r}"
        raise InvalidParameterError(msg)
    method: Method = make(variant) if variant else make()
    return method


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        msg = f"the method {point.name!r} of {point.value} cannot be imported: {error}"
        raise MethodUnavailableError(msg) from error


def is_available(method: Method) -> bool:
    """Whether the modules that a method needs are installed; imports none of them."""
    return are_installed(method.requires)


def require(method: Method) -> None:
    """Raise where the modules that a method needs are not installed.

    Raises
    ------
    MethodUnavailableError
        Naming the extra that installs them.
    """
    require_packages(method.requires, f"the method {method.name!r}", method.extra)
