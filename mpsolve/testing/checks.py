"""What every method promises, each as a check that raises where it is broken."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpsolve.errors import ConformanceError, MPSolveError
from mpsolve.methods import get_method
from mpsolve.methods.protocol import Method
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem
from mpsolve.result import ROUNDING, Reason, Result
from mpsolve.solving import solve
from mpsolve.testing.problems import problems_for
from mpsolve.verification import verify

__all__ = ["ANSWERS", "Subject", "complain"]


@dataclass(frozen=True)
class Subject:
    """A method under test.

    Attributes
    ----------
    method : Method
    seed : int
        Of the generated problems.
    count : int
        How many problems each check of answers takes.
    """

    method: Method
    seed: int = 0
    count: int = 40

    def problems(self, count: int | None = None) -> Iterator[Problem]:
        """Yield problems that the method can solve.

        Raises
        ------
        ConformanceError
            If there is none: a record that allows nothing cannot be checked.
        """
        found = False
        for problem in problems_for(self.method, self.seed, count or self.count):
            found = True
            yield problem
        if not found:
            msg = f"{self.method.name}: no problem of the suite is within its record"
            raise ConformanceError(msg)

    def solve(self, problem: Problem, **parameters: Any) -> Result:
        """Solve a problem by the method; whatever goes wrong is a broken promise.

        Raises
        ------
        ConformanceError
            If the method raises, or `mpsolve.solve` does not accept its answer.
        """
        try:
            return solve(problem, self.method, **parameters)
        except (
            MPSolveError,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            what = f"{type(error).__name__}: {error}"
            raise complain(self, problem, what) from error

    def honours(self, parameter: str) -> bool:
        """Whether the method's record names a parameter."""
        return parameter in self.method.capabilities.parameters


def complain(subject: Subject, problem: Problem, what: str) -> ConformanceError:
    """Return the error that says which promise a method broke on which problem.

    Parameters
    ----------
    subject : Subject
    problem : Problem
    what : str

    Returns
    -------
    ConformanceError
    """
    return ConformanceError(f"{subject.method.name} on {problem!r}: {what}")


def feasible_and_as_claimed(subject: Subject) -> None:
    """Check that layouts keep every budget to the unit, and cost what is claimed."""
    for problem in subject.problems():
        result = subject.solve(problem)
        if result.layout is None:
            continue
        verification = verify(problem, result.layout)
        if not verification:
            broken = "; ".join(verification.violations)
            raise complain(subject, problem, f"returned what is not feasible: {broken}")
        if result.loss != verification.loss:
            what = f"claims the loss {result.loss!r}; it is {verification.loss!r}"
            raise complain(subject, problem, what)
        if dict(result.usage) != dict(verification.usage):
            what = f"claims {dict(result.usage)}; it is {dict(verification.usage)}"
            raise complain(subject, problem, what)


def valid_bound(subject: Subject) -> None:
    """Check that no layout is better than the dual bound."""
    for problem, result, best in _with_oracle(subject):
        sign = -1.0 if problem.maximize else 1.0
        if best.layout is None or not math.isfinite(result.bound):
            continue
        if sign * (result.bound - best.loss) > _rounding(problem, best):
            what = f"claims the bound {result.bound!r}, but {best.loss!r} exists"
            raise complain(subject, problem, what)


def optimum(subject: Subject) -> None:
    """Check that OPTIMAL means what it says, up to the gap that was asked for."""
    for problem, result, best in _with_oracle(subject):
        if best.layout is None or result.layout is None:
            continue
        sign = -1.0 if problem.maximize else 1.0
        beyond = sign * (result.loss - best.loss)
        if beyond < -_rounding(problem, best):
            what = f"has the loss {result.loss!r}, better than all: {best.loss!r}"
            raise complain(subject, problem, what)
        allowed = max(_rounding(problem, best), result.rel_gap * abs(best.loss))
        if result.reason is Reason.OPTIMAL and beyond > allowed:
            what = f"claims {result.loss!r} is OPTIMAL, but {best.loss!r} exists"
            raise complain(subject, problem, what)


def infeasible(subject: Subject) -> None:
    """Check that INFEASIBLE is said, with a reason, where there is no layout alone."""
    for problem, result, best in _with_oracle(subject):
        is_said = result.reason is Reason.INFEASIBLE
        if is_said != (best.layout is None) and (
            is_said or subject.method.capabilities.proves
        ):
            what = f"says {result.reason}; the truth is {best.reason}"
            raise complain(subject, problem, what)
        if is_said and not result.detail:
            raise complain(subject, problem, "says INFEASIBLE without a reason")
        if best.layout is None and result.layout is not None:
            raise complain(subject, problem, "has a layout where there is none")


def deterministic(subject: Subject) -> None:
    """Check that the same problem and seed give the same layout and bound."""
    parameters = {"seed": 7} if subject.honours("seed") else {}
    for problem in subject.problems(max(8, subject.count // 4)):
        first = subject.solve(problem, **parameters)
        second = subject.solve(problem, **parameters)
        if (first.reason, first.layout) != (second.reason, second.layout):
            what = f"gave {first.layout}, and then {second.layout}"
            raise complain(subject, problem, what)
        if first.bound != second.bound:
            what = f"gave the bound {first.bound!r}, and then {second.bound!r}"
            raise complain(subject, problem, what)


def hints(subject: Subject) -> None:
    """Check that a hint changes no proof, and that no answer is worse than it."""
    if not subject.honours("hint"):
        return
    for problem in subject.problems(max(8, subject.count // 4)):
        best = subject.solve(problem)
        if best.layout is None:
            continue
        sign = -1.0 if problem.maximize else 1.0
        worst = Layout(problem, np.diff(problem.offsets) - 1)
        for hint in (best.layout, worst):
            result = subject.solve(problem, hint=hint)
            if result.reason is not best.reason and hint is best.layout:
                what = f"a hint turned {best.reason} into {result.reason}"
                raise complain(subject, problem, what)
            if not verify(problem, hint):
                continue
            worse = sign * (result.loss - verify(problem, hint).loss)
            if worse > result.rel_gap * abs(result.loss) + _rounding(problem, result):
                what = f"is worse than its hint by {worse!r}"
                raise complain(subject, problem, what)


def parameters_accepted(subject: Subject) -> None:
    """Check that every parameter of the record is taken, and changes no reason."""
    known: dict[str, Any] = {
        "time_limit": 600.0,
        "memory_limit": 10**10,
        "node_limit": 10**9,
        "threads": 1,
        "seed": 2**40 + 3,
        "progress": lambda *_: None,
    }
    unknown = subject.method.capabilities.parameters - {*known, "hint"}
    if unknown:
        msg = f"{subject.method.name}: no such parameter: {', '.join(sorted(unknown))}"
        raise ConformanceError(msg)
    given = {k: v for k, v in known.items() if subject.honours(k)}
    for problem in subject.problems(max(8, subject.count // 4)):
        plain, result = subject.solve(problem), subject.solve(problem, **given)
        if result.reason is not plain.reason:
            what = f"parameters turned {plain.reason} into {result.reason}"
            raise complain(subject, problem, what)


def nothing_mutated(subject: Subject) -> None:
    """Check that the problem and the hint are as they were."""
    for problem in subject.problems(max(12, subject.count // 3)):
        hint = Layout(problem, np.zeros(problem.num_groups, dtype=np.int32))
        parameters = {"hint": hint} if subject.honours("hint") else {}
        before = copy.deepcopy(_contents(problem)), hint.choices.copy()
        try:
            subject.solve(problem, **parameters)
        except ConformanceError as error:
            if "read-only" not in str(error):
                raise
            raise complain(subject, problem, "writes into the problem") from error
        changed = _difference(before[0], _contents(problem))
        if changed or not np.array_equal(before[1], hint.choices):
            raise complain(subject, problem, f"changed {changed or 'the hint'}")


def _with_oracle(subject: Subject) -> Iterator[tuple[Problem, Result, Result]]:
    """Yield problems with the method's result and that of trying every layout."""
    oracle = get_method("brute_force")
    for problem in subject.problems():
        best = solve(problem, oracle)  # first: a method may change the problem
        yield problem, subject.solve(problem), best


def _rounding(problem: Problem, result: Result) -> float:
    """Return the rounding that float64 sums of a layout's losses may have."""
    if result.layout is None:
        return 0.0
    size = float(np.abs(problem.loss[result.layout.flat]).sum())
    for c in problem.couplings:
        ends = (problem.layers.index(c.first), problem.layers.index(c.second))
        value = float(c.table[tuple(result.layout.choices[i] for i in ends)])
        size += abs(value) if math.isfinite(value) else 0.0
    return 2 * ROUNDING * size


def _contents(problem: Problem) -> dict[str, Any]:
    """Return everything a method could write into, by what it is called."""
    merged = problem.merged
    contents: dict[str, Any] = {
        "the problem's losses": problem.loss,
        "the problem's offsets": problem.offsets,
        "the merged problem's losses": merged.loss,
        "the merged problem's offsets": merged.offsets,
        "the merged problem's limits": dict(merged.limits),
    }
    for name, resource in problem.resources.items():
        contents[f"the usage of {name}"] = resource.usage
    for name, values in merged.usage.items():
        contents[f"the merged usage of {name}"] = values
    for number, coupling in enumerate(problem.couplings):
        contents[f"the table of coupling {number}"] = coupling.table
    for pair, table in merged.pairs.tables.items():
        contents[f"the table of the merged pair {pair}"] = table
    return contents


def _difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    for name in [*before, *after]:
        if name not in before or name not in after:
            return name
        old, new = before[name], after[name]
        is_same = (
            np.array_equal(old, new) if isinstance(old, np.ndarray) else old == new
        )
        if not is_same:
            return name
    return ""


#: Checks of answers to small problems.
ANSWERS: tuple[Callable[[Subject], None], ...] = (
    feasible_and_as_claimed,
    valid_bound,
    optimum,
    infeasible,
    deterministic,
    hints,
    parameters_accepted,
    nothing_mutated,
)
