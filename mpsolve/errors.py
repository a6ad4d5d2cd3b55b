"""The exceptions of mpsolve.

::

    MPSolveError
    ├── InvalidProblemError (ValueError)     a problem or file that cannot be meant
    ├── InvalidLayoutError (ValueError)      a layout that does not fit its problem
    ├── InvalidParameterError (ValueError)   an argument outside what is allowed
    ├── NoLayoutError (ValueError)           a value of a layout that was never found
    ├── UnsupportedProblemError (ValueError) a method was asked for what it cannot solve
    ├── MethodUnavailableError (ImportError) a method's optional package is missing
    ├── ConformanceError (AssertionError)    a method broke a promise that all make
    └── VerificationError (RuntimeError)     a solver's answer did not survive the check

Infeasibility is an answer, not an exception: see :class:`mpsolve.Reason`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "ConformanceError",
    "Fault",
    "InvalidLayoutError",
    "InvalidParameterError",
    "InvalidProblemError",
    "MPSolveError",
    "MethodUnavailableError",
    "NoLayoutError",
    "UnsupportedProblemError",
    "VerificationError",
]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an input.

    Attributes
    ----------
    path : str
        Where it is, as one would write it in Python:
        ``groups[3].options[2].usage['memory']``.
    message : str
        What is wrong, the value found, and what is allowed.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class MPSolveError(Exception):
    """Base class of every exception that mpsolve raises on purpose."""


class _FaultsError(MPSolveError, ValueError):
    """An error that reports every fault of an input together."""

    def __init__(self, faults: Iterable[Fault], where: str = "") -> None:
        self.faults = tuple(faults)
        self.where = where
        head = f"{where}: " if where else ""
        if len(self.faults) == 1:
            text = f"{head}{self.faults[0]}"
        else:
            lines = "".join(f"\n  {fault}" for fault in self.faults)
            text = f"{head}{len(self.faults)} faults:{lines}"
        super().__init__(text)


class InvalidProblemError(_FaultsError):
    """A problem cannot be meant as it was written.

    Attributes
    ----------
    faults : tuple of Fault
        Everything that is wrong, each with its place.
    where : str
        The file it came from, empty for objects built in Python.
    """


class InvalidLayoutError(_FaultsError):
    """A layout does not fit the problem it was given for.

    Attributes
    ----------
    faults : tuple of Fault
        Everything that is wrong, each with its place.
    where : str
        The file it came from, empty for objects built in Python.
    """


class InvalidParameterError(MPSolveError, ValueError):
    """An argument of a call is outside what is allowed."""


class NoLayoutError(MPSolveError, ValueError):
    """A layout's loss, usage or choices were asked for, and there is no layout."""


class UnsupportedProblemError(MPSolveError, ValueError):
    """A method was asked to solve a class of problem that it cannot solve."""


class MethodUnavailableError(MPSolveError, ImportError):
    """A method needs an optional package that is not installed."""


class VerificationError(MPSolveError, RuntimeError):
    """An answer of a solver did not survive the independent evaluation."""


class ConformanceError(MPSolveError, AssertionError):
    """A method broke a promise that all methods make; see :mod:`mpsolve.testing`."""
