"""What commands read: a problem, under the constraints of the command line."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mpsolve.errors import InvalidParameterError
from mpsolve.model.budget import Budget
from mpsolve.model.inventory import Inventory
from mpsolve.model.problem import Problem
from mpsolve.units import parse_budget

__all__ = ["json_text", "read_problem"]


def read_problem(arguments: argparse.Namespace) -> Problem:
    """Return the problem of the command line, under its constraints.

    Parameters
    ----------
    arguments : Namespace
        With ``problem``, and what `_add_problem` of the parser adds.

    Returns
    -------
    Problem
    """
    problem = _load(arguments.problem)
    budgets: dict[str, Budget] = dict(problem.budgets)
    for resource, text in arguments.budget:
        if text == "none":
            budgets.pop(resource, None)
        else:
            budgets[resource] = parse_budget(text, problem, resource)
    if arguments.budget:
        problem = problem.with_budgets(budgets)
    if arguments.objective is not None:
        problem = problem.with_constraints(objective=arguments.objective)
    if arguments.max_distinct is not None:
        problem = problem.with_constraints(max_distinct=arguments.max_distinct)
    for counts, is_exact in ((arguments.inventory, True), (arguments.at_most, False)):
        if counts is not None:
            inventory = Inventory(counts, exact=is_exact) if counts else None
            problem = problem.with_constraints(inventory=inventory)
    return problem


def _load(name: str) -> Problem:
    from mpsolve import instances
    from mpsolve.io import load_problem

    is_instance = name in instances.names() and not Path(name).exists()
    if is_instance or ("." not in name and not Path(name).exists()):
        if not is_instance:
            known = ", ".join(instances.names())
            msg = f"there is no file {name!r}, nor an instance of that name: {known}"
            raise InvalidParameterError(msg)
        return instances.load(name)
    return load_problem(name)


def json_text(record: dict[str, Any]) -> str:
    """Return a record as JSON for other programs; never NaN or Infinity."""
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
