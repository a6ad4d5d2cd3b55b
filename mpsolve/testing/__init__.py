"""A conformance suite for methods: the promises that all of them keep.

A package that adds a method tests it in one line, or check by check under pytest::

    from mpsolve.testing import CHECKS, Subject, assert_conforms

    def test_my_method_keeps_what_mpsolve_promises():
        assert_conforms(MyMethod())

Every check takes the problems that the method's capability record allows: fixed ones,
and generated ones of each class. It compares with every layout there is, and raises
:class:`mpsolve.errors.ConformanceError`, which names the method, the problem, and what
went wrong.
"""

from __future__ import annotations

from mpsolve.errors import ConformanceError
from mpsolve.methods import get_method, require
from mpsolve.methods.protocol import Method
from mpsolve.testing.checks import ANSWERS, Subject
from mpsolve.testing.conduct import CONDUCT
from mpsolve.testing.problems import CLASSES, Features, problems_for, random_problem

__all__ = [
    "CHECKS",
    "CLASSES",
    "Features",
    "Subject",
    "assert_conforms",
    "failures",
    "problems_for",
    "random_problem",
]

#: Every check by name.
CHECKS = {check.__name__: check for check in (*ANSWERS, *CONDUCT)}


def failures(
    method: str | Method, *, seed: int = 0, count: int = 40
) -> dict[str, ConformanceError]:
    """Run every check on a method.

    Parameters
    ----------
    method : str or Method
        A method that is installed, or an object.
    seed : int
        Of the generated problems.
    count : int
        How many problems each check of answers takes.

    Returns
    -------
    dict of str to ConformanceError
        By the name of the check that failed; empty where all passed.

    Raises
    ------
    MethodUnavailableError
        If the method needs a package that is not installed.

    Examples
    --------
    >>> failures("exact", count=12)
    {}
    """
    found = get_method(method) if isinstance(method, str) else method
    require(found)
    subject = Subject(found, seed, count)
    broken = {}
    for name, check in CHECKS.items():
        try:
            check(subject)
        except ConformanceError as error:
            broken[name] = error
    return broken


def assert_conforms(method: str | Method, *, seed: int = 0, count: int = 40) -> None:
    """Raise where a method breaks a promise; see `failures`.

    Parameters
    ----------
    method : str or Method
    seed, count : int

    Raises
    ------
    ConformanceError
        Listing every check that failed.
    """
    if broken := failures(method, seed=seed, count=count):
        lines = "".join(f"\n  {name}: {error}" for name, error in broken.items())
        msg = f"{len(broken)} of {len(CHECKS)} checks failed:{lines}"
        raise ConformanceError(msg)
