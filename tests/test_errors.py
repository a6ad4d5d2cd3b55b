"""The tree of exceptions."""

import inspect

import pytest

from mpsolve import InvalidProblemError, MPSolveError, errors
from mpsolve.errors import Fault

EXCEPTIONS = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, Exception)
]


def test_one_base_catches_all():
    assert all(issubclass(error, MPSolveError) for error in EXCEPTIONS)


@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda e: e.__name__)
def test_every_exception_is_in_the_drawn_tree(error):
    if not error.__name__.startswith("_"):
        assert error.__name__ in str(errors.__doc__)
        assert error.__name__ in errors.__all__


def test_faults_as_text():
    assert str(Fault("a[1]", "is wrong")) == "a[1]: is wrong"
    assert str(Fault("", "is wrong")) == "is wrong"
    error = InvalidProblemError([Fault("a", "x"), Fault("b", "y")], "problem.json")
    assert str(error) == "problem.json: 2 faults:\n  a: x\n  b: y"
    assert str(InvalidProblemError([Fault("a", "x")], "f")) == "f: a: x"
    assert error.faults == (Fault("a", "x"), Fault("b", "y"))
    assert error.where == "problem.json"
