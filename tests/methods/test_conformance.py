"""What every method must do, whatever it is: the suite, and what a record needs."""

from importlib.util import find_spec

import pytest

from mpsolve.methods import METHODS, get_method, is_available
from mpsolve.testing import CHECKS, Subject


@pytest.fixture(params=METHODS)
def method(request):
    method = get_method(request.param)
    if not is_available(method):
        pytest.skip(f"{', '.join(method.requires)} not installed")
    return method


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_it_keeps_what_all_promise(method, check):
    check(Subject(method, seed=3, count=32))


def test_its_record_is_complete(method):
    assert METHODS[method.name].endswith(f":{type(method).__name__}")
    assert len(method.summary) > 20
    assert "\n" not in method.summary
    assert bool(method.requires) == bool(method.extra)
    assert all(find_spec(name) for name in method.requires)
    assert type(method).__doc__
