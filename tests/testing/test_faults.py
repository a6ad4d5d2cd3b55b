"""Faults that are planted in a method on purpose: each must be caught by its check."""

import dataclasses
import time

import numpy as np
import pytest

from mpsolve import errors
from mpsolve.errors import ConformanceError
from mpsolve.methods.brute_force import BruteForce
from mpsolve.result import Limit, Reason
from mpsolve.testing import CHECKS, Subject, assert_conforms, failures


class Honest(BruteForce):
    """Tries every layout, and says what it found; faults are planted in subclasses."""

    name = "honest"


class OverBudget(Honest):
    """Takes one unit more than each budget has."""

    def solve(self, merged, parameters):
        wider = {
            name: (low, None if high is None else high + 1)
            for name, (low, high) in merged.limits.items()
        }
        found = super().solve(dataclasses.replace(merged, limits=wider), parameters)
        # To the caller it is a layout like any other.
        return (
            dataclasses.replace(
                found, bound=-np.inf, reason=Reason.FEASIBLE, limit=Limit.OTHER
            )
            if found.choices is not None
            else found
        )


class WrongLoss(Honest):
    """Says that its loss is smaller than it is."""

    def solve(self, merged, parameters):
        found = super().solve(merged, parameters)
        if found.choices is None:
            return found
        return dataclasses.replace(
            found, loss=found.bound - 1e-6 * abs(found.bound) - 1e-300
        )


class InvalidBound(Honest):
    """Stops at a poor layout, with a bound above the best one."""

    def solve(self, merged, parameters):
        found = super().solve(merged, parameters)
        worse = _worse(self, merged, parameters, found)
        if worse is None:
            return found
        return dataclasses.replace(
            worse, reason=Reason.FEASIBLE, limit=Limit.OTHER, bound=worse.bound
        )


class OptimalEarly(Honest):
    """Calls the first layout optimal that it comes across."""

    def solve(self, merged, parameters):
        found = super().solve(merged, parameters)
        return _worse(self, merged, parameters, found) or found


class IgnoresTime(Honest):
    """Takes as long as it likes."""

    def solve(self, merged, parameters):
        if parameters.time_limit is not None:
            time.sleep(1.6)
        return super().solve(merged, parameters)


class Mutates(Honest):
    """Drops the budgets of the problem that it was given, once it is done."""

    def solve(self, merged, parameters):
        found = super().solve(merged, parameters)
        merged.limits.clear()
        return found


class Scribbles(Honest):
    """Shifts the losses of the problem to zero, in place."""

    def solve(self, merged, parameters):
        merged.loss[:] = merged.loss - merged.loss.min() if len(merged.loss) else 0.0
        return super().solve(merged, parameters)


class Prints(Honest):
    def solve(self, merged, parameters):
        import os

        os.write(1, b"solving\n")
        return super().solve(merged, parameters)


class Forgetful(Honest):
    """Finds another optimal layout each time, where there are several."""

    calls = 0

    def solve(self, merged, parameters):
        found = super().solve(merged, parameters)
        self.calls += 1
        if found.choices is None or self.calls % 2 or merged.num_groups == 0:
            return found
        last = np.zeros(merged.num_groups, dtype=int)
        return (
            dataclasses.replace(
                found, choices=last, reason=Reason.FEASIBLE, limit=Limit.OTHER
            )
            if _is_feasible(merged, last)
            else found
        )


class NeverInfeasible(Honest):
    """Gives up where there is no layout, instead of saying so."""

    def solve(self, merged, parameters):
        found = super().solve(merged, parameters)
        if found.reason is not Reason.INFEASIBLE:
            return found
        return dataclasses.replace(
            found, reason=Reason.NO_SOLUTION_FOUND, limit=Limit.OTHER
        )


def _is_feasible(merged, choices):
    from mpsolve.methods import brute_force

    return bool(brute_force._is_feasible(merged, choices[None, :])[0])


def _worse(method, merged, parameters, best):
    """Return a feasible layout that is worse than the best, as if it were the best."""
    from mpsolve.methods import brute_force

    if best.choices is None:
        return None
    for group in range(merged.num_groups):
        for option in range(int(np.diff(merged.offsets)[group])):
            choices = np.array(best.choices)
            choices[group] = option
            loss = float(brute_force._losses(merged, choices[None, :])[0][0])
            is_worse = best.bound + 1e-6 * abs(best.bound) < loss < np.inf
            if is_worse and _is_feasible(merged, choices):
                return dataclasses.replace(best, choices=choices, bound=loss)
    return None


FAULTS = {
    OverBudget: "feasible_and_as_claimed",
    WrongLoss: "feasible_and_as_claimed",
    InvalidBound: "valid_bound",
    OptimalEarly: "optimum",
    IgnoresTime: "time_limit",
    Mutates: "nothing_mutated",
    Scribbles: "nothing_mutated",
    Prints: "silence",
    Forgetful: "deterministic",
    NeverInfeasible: "infeasible",
}

SAYS = {
    OverBudget: "not feasible: r",
    WrongLoss: "claims the loss",
    InvalidBound: "claims the bound",
    OptimalEarly: "is OPTIMAL, but",
    IgnoresTime: "with a time limit of 1.0 s",
    Mutates: "changed the merged problem's limits",
    Scribbles: "writes into|changed the",
    Prints: "printed b'solving",
    Forgetful: "and then",
    NeverInfeasible: "says NO_SOLUTION_FOUND; the truth is INFEASIBLE",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught(fault):
    check = CHECKS[FAULTS[fault]]
    with pytest.raises(ConformanceError, match=SAYS[fault]):
        check(Subject(fault(), seed=1, count=40))


@pytest.mark.parametrize("check", sorted(set(FAULTS.values())))
def test_without_the_fault_its_check_passes(check):
    CHECKS[check](Subject(Honest(), seed=1, count=40))


def test_all_faults_are_reported_together():
    class Both(Prints):
        def solve(self, merged, parameters):
            found = super().solve(merged, parameters)
            merged.limits.clear()
            return found

    broken = failures(Both(), count=16)
    assert {"silence", "nothing_mutated"} <= set(broken)
    with pytest.raises(
        ConformanceError, match=r"(?s)of 12 checks failed:\n.*silence: "
    ) as e:
        assert_conforms(Both(), count=16)
    assert "honest on Problem(" in str(e.value)


def test_a_record_that_allows_nothing_is_refused():
    class Nothing(Honest):
        capabilities = dataclasses.replace(BruteForce.capabilities, most_layouts=0)

    with pytest.raises(ConformanceError, match="no problem of the suite"):
        CHECKS["optimum"](Subject(Nothing()))


def test_an_unknown_parameter_is_refused():
    class Odd(Honest):
        capabilities = dataclasses.replace(
            BruteForce.capabilities, parameters=frozenset({"colour"})
        )

    with pytest.raises(ConformanceError, match="no such parameter: colour"):
        CHECKS["parameters_accepted"](Subject(Odd()))


def test_a_method_that_is_not_installed_is_said_so():
    class Missing(Honest):
        requires = ("no_such_package",)
        extra = "none"

    with pytest.raises(errors.MethodUnavailableError, match="no_such_package"):
        failures(Missing())
