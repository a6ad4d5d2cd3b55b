"""The methods as a table, and which of them can solve a problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from mpsolve.installed import DISTRIBUTIONS, packages_of
from mpsolve.methods import (
    Capabilities,
    Method,
    all_methods,
    cannot_solve,
    is_available,
)
from mpsolve.model.problem import Problem
from mpsolve.report.console import make_table

__all__ = ["Ability", "abilities", "method_records", "method_table"]


@dataclass(frozen=True)
class Ability:
    """Whether a method can solve a problem.

    Attributes
    ----------
    name : str
    proves : bool
        Whether it proves optimality.
    cannot : tuple of str
        What of the problem it cannot solve; empty where it can solve all of it.
    install : str
        What installs it, empty where it is installed.
    parameters : frozenset of str
        Parameters that it honours.
    """

    name: str
    proves: bool
    cannot: tuple[str, ...]
    install: str
    parameters: frozenset[str]

    @property
    def is_ready(self) -> bool:
        """Whether it can solve the problem here and now."""
        return not self.cannot and not self.install


def abilities(problem: Problem) -> list[Ability]:
    """Return what each method can do with a problem, in the order of ``auto``.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    list of Ability

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays([[1, 0]], {"memory": [[1, 2]]})
    >>> next(ability.name for ability in abilities(problem) if ability.is_ready)
    'exact'
    """
    return [
        Ability(
            name=method.name,
            proves=method.capabilities.proves,
            cannot=tuple(cannot_solve(method, problem)),
            install=_install(method),
            parameters=method.capabilities.parameters,
        )
        for method in all_methods()
    ]


def method_records() -> list[dict[str, Any]]:
    """Return the methods as plain objects that JSON can hold."""
    return [
        {
            "name": method.name,
            "proves": can.proves,
            "most_budgets": can.most_budgets,
            "lower_sides": can.lower_sides,
            "inventory": can.inventory,
            "couplings": can.couplings,
            "max_distinct": can.max_distinct,
            "bottleneck": can.bottleneck,
            "parameters": sorted(can.parameters),
            "interrupts": can.interrupts,
            "installed": not _install(method),
            "install": _install(method),
            "summary": method.summary,
        }
        for method in all_methods()
        for can in [method.capabilities]
    ]


def method_table() -> Table:
    """Return the table of methods.

    Examples
    --------
    >>> method_table().columns[0].header
    'method'
    """
    table = make_table("method", "proves", "takes", "installed", "what it is")
    for method in all_methods():
        parameters = ", ".join(sorted(method.capabilities.parameters)) or "none"
        table.add_row(
            f"[bold]{escape(method.name)}[/]",
            "yes" if method.capabilities.proves else "no",
            _takes(method.capabilities),
            escape(_install(method)) or "yes",
            f"{escape(method.summary)}\n[dim]parameters: {parameters}[/]",
        )
    return table


def _takes(can: Capabilities) -> str:
    most = "any number of" if can.most_budgets is None else f"up to {can.most_budgets}"
    plural = "" if can.most_budgets == 1 else "s"
    parts = [
        f"{most} budget{plural}" + ("" if can.lower_sides else ", upper sides only")
    ]
    parts += ["inventory"] if can.inventory else []
    parts += ["couplings"] if can.couplings else []
    parts += ["a limit on precisions"] if can.max_distinct else []
    parts += ["the worst loss"] if can.bottleneck else []
    if can.most_layouts is not None:
        parts.append(f"up to {can.most_layouts:,} layouts")
    return ", ".join(parts)


def _install(method: Method) -> str:
    if is_available(method):
        return ""
    if not method.extra and not DISTRIBUTIONS.keys() >= set(method.requires):
        return "no"
    return f"pip install {packages_of(method.requires, method.extra)}"
