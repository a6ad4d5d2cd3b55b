"""What every method is asked, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mpsolve.errors import InvalidParameterError
from mpsolve.model.merge import Merged
from mpsolve.model.problem import Problem
from mpsolve.result import Limit, Reason

__all__ = [
    "Answer",
    "Capabilities",
    "Method",
    "Parameters",
    "Progress",
    "Reluctant",
    "SpecialCase",
    "better_left",
    "cannot_solve",
]

#: Called as (best loss or None, dual bound, nodes or labels so far).
Progress = Callable[[float | None, float, int], None]


@dataclass(frozen=True)
class Parameters:
    """What a caller may ask of any method.

    A method that cannot honour a parameter refuses it; see
    :attr:`Capabilities.parameters`.

    Attributes
    ----------
    time_limit : float or None
        Seconds.
    rel_gap, abs_gap : float
        The search may stop once ``loss - bound`` is at most
        ``max(abs_gap, rel_gap * |loss|)``.
    memory_limit : int or None
        Bytes that the search may hold besides the problem.
    node_limit : int or None
        Largest number of nodes or labels.
    threads : int or None
        Number of threads.
    seed : int or None
        Seed of whatever is random.
    hint : ndarray of int, shape (merged groups,), or None
        Options of a layout that may be good.
    progress : callable or None
        See `Progress`.
    """

    time_limit: float | None = None
    rel_gap: float = 1e-9
    abs_gap: float = 0.0
    memory_limit: int | None = None
    node_limit: int | None = None
    threads: int | None = None
    seed: int | None = None
    hint: npt.NDArray[np.int64] | None = None
    progress: Progress | None = None

    def __post_init__(self) -> None:
        checks: tuple[tuple[str, float | None, bool], ...] = (
            ("time_limit", self.time_limit, False),
            ("rel_gap", self.rel_gap, False),
            ("abs_gap", self.abs_gap, False),
            ("memory_limit", self.memory_limit, True),
            ("node_limit", self.node_limit, True),
            ("threads", self.threads, True),
            ("seed", self.seed, True),
        )
        for name, value, is_count in checks:
            if value is None:
                continue
            kind = "an int" if is_count else "a number"
            is_right = isinstance(value, int if is_count else int | float)
            if not is_right or isinstance(value, bool) or not value >= 0:
                msg = f"{name} must be {kind} >= 0 or None. Got {value!r}"
                raise InvalidParameterError(msg)
        if math.isinf(self.rel_gap) or math.isinf(self.abs_gap):
            msg = "rel_gap and abs_gap must be finite"
            raise InvalidParameterError(msg)

    def given(self) -> set[str]:
        """Return the names of the parameters that ask a method for something."""
        asked = {"time_limit", "memory_limit", "node_limit", "threads", "seed", "hint"}
        given = {name for name in asked if getattr(self, name) is not None}
        return given | ({"progress"} if self.progress is not None else set())


@dataclass(frozen=True)
class Capabilities:
    """What a method can do: the record that `auto` and the conformance suite read.

    Attributes
    ----------
    proves : bool
        Whether it proves optimality, given time.
    most_budgets : int or None
        Largest number of budgets; None for any number.
    lower_sides : bool
        Whether budgets may have a lower side.
    inventory, couplings, max_distinct : bool
        Whether a problem may have them.
    bottleneck : bool
        Whether the largest loss may be what is to be small.
    most_layouts : int or None
        Largest number of layouts it will enumerate; None where it does not.
    interrupts : bool
        Whether Ctrl-C ends its search soon, with what it has found. Without, a method
        may finish first, or lose what it has.
    parameters : frozenset of str
        Parameters it honours, besides the gaps.
    """

    proves: bool
    most_budgets: int | None = None
    lower_sides: bool = True
    inventory: bool = False
    couplings: bool = False
    max_distinct: bool = False
    bottleneck: bool = False
    most_layouts: int | None = None
    interrupts: bool = False
    parameters: frozenset[str] = frozenset()

    def cannot(self, problem: Problem) -> list[str]:
        """Return what of a problem a method with these capabilities cannot solve.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        list of str
            Empty where it can solve all of it.
        """
        missing = []
        limits = problem.merged.limits
        if self.most_budgets is not None and len(limits) > self.most_budgets:
            missing.append(
                f"{len(limits)} budgets ({', '.join(limits)}); it takes at most "
                f"{self.most_budgets}"
            )
        if not self.lower_sides:
            lower = [name for name, (low, _) in limits.items() if low is not None]
            missing += [f"a lower side of the budget {name!r}" for name in lower]
        if problem.inventory is not None and not self.inventory:
            missing.append(f"an inventory ({problem.inventory})")
        if problem.couplings and not self.couplings:
            missing.append(f"couplings ({len(problem.couplings)} of them)")
        if problem.max_distinct is not None and not self.max_distinct:
            missing.append(f"a limit of {problem.max_distinct} different precisions")
        if problem.objective == "max" and not self.bottleneck:
            missing.append("the objective 'max'")
        if self.most_layouts is not None:
            num_layouts = math.prod(np.diff(problem.merged.offsets).tolist())
            if num_layouts > self.most_layouts:
                missing.append(
                    f"more than {self.most_layouts:,} layouts; it enumerates them all"
                )
        return missing


@dataclass(frozen=True)
class Answer:
    """What a method found, before anybody has checked it.

    Losses are those of the merged problem, which is minimised.

    Attributes
    ----------
    reason : Reason
    choices : ndarray of int or None, shape (merged groups,)
        Option of each merged group.
    loss : float or None
        What the method believes the loss to be; None where it does not say.
    bound : float
        Dual bound; -inf where it proves nothing.
    limit : Limit or None
    multipliers : mapping of str to float
        By resource, in loss per scaled unit.
    detail : str
    counters : mapping of str to float
    """

    reason: Reason
    choices: npt.NDArray[np.integer] | None = None
    loss: float | None = None
    bound: float = -math.inf
    limit: Limit | None = None
    multipliers: Mapping[str, float] = field(default_factory=dict)
    detail: str = ""
    counters: Mapping[str, float] = field(default_factory=dict)


class Method(Protocol):
    """A way to solve problems.

    Attributes
    ----------
    name : str
        What callers ask for: ``solve(problem, method=name)``.
    summary : str
        One line for the table of methods.
    capabilities : Capabilities
    requires : tuple of str
        Modules it needs beyond the base installation.
    extra : str
        The extra that installs them, empty where none is needed.
    """

    name: str
    summary: str
    capabilities: Capabilities
    requires: tuple[str, ...]
    extra: str

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem that the capabilities allow.

        Parameters
        ----------
        merged : Merged
            Never changed.
        parameters : Parameters
            Only those that the capabilities name are set.

        Returns
        -------
        Answer
        """
        ...


class SpecialCase(Method, Protocol):
    """A method for problems of a certain structure, which it checks."""

    def why_not(self, merged: Merged) -> str:
        """Say why a problem is not of the structure that the method needs.

        Asked only where the capabilities allow the problem, and much faster than
        solving it.

        Parameters
        ----------
        merged : Merged
            Never changed.

        Returns
        -------
        str
            What the problem has, or lacks, to follow "cannot solve"; empty where the
            method can solve it.
        """
        ...


class Reluctant(Method, Protocol):
    """A method that leaves some problems that it could solve to another one."""

    def better_left(self, merged: Merged) -> str:
        """Say why ``auto`` should rather take another method.

        Parameters
        ----------
        merged : Merged
            Never changed.

        Returns
        -------
        str
            What the problem has that makes the method slow; empty where nothing does.
        """
        ...


def cannot_solve(method: Method, problem: Problem) -> list[str]:
    """Return what of a problem a method cannot solve.

    Parameters
    ----------
    method : Method
    problem : Problem

    Returns
    -------
    list of str
        Empty where it can solve all of it.
    """
    cannot = method.capabilities.cannot(problem)
    # isinstance would compare every member with the protocol's, at each solve.
    why_not: Callable[[Merged], str] | None = getattr(method, "why_not", None)
    if not cannot and why_not is not None:
        reason = why_not(problem.merged)
        cannot = [reason] if reason else []
    return cannot


def better_left(method: Method, problem: Problem) -> str:
    """Return why ``auto`` should leave a problem to another method; empty: it need not.

    Parameters
    ----------
    method : Method
    problem : Problem

    Returns
    -------
    str
    """
    ask = getattr(method, "better_left", None)
    return str(ask(problem.merged)) if ask is not None else ""
