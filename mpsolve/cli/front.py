"""``mpsolve front``: the least loss for every amount of a resource."""

from __future__ import annotations

import argparse
import io

from mpsolve.cli.exit_codes import INFEASIBLE, INTERRUPTED, NO_SOLUTION, NOT_PROVEN, OK
from mpsolve.cli.inputs import json_text, read_problem
from mpsolve.errors import InvalidParameterError
from mpsolve.io.files import write_bytes
from mpsolve.model.problem import Problem
from mpsolve.pareto import Front
from mpsolve.pareto import front as find_front
from mpsolve.report import make_console
from mpsolve.report.front import front_csv, front_record, front_report
from mpsolve.result import Limit
from mpsolve.units import parse_budget

__all__ = ["front"]


def front(arguments: argparse.Namespace) -> int:
    """Run ``mpsolve front``.

    Parameters
    ----------
    arguments : Namespace

    Returns
    -------
    int
        The exit code.
    """
    problem = read_problem(arguments)
    resource = arguments.resource or _only_resource(problem)
    within = None
    if arguments.within is not None:
        budget = parse_budget(arguments.within, problem, resource)
        within = (budget.lower, budget.upper)
    if arguments.plot:
        from mpsolve.report.front_plot import require_plot

        require_plot(arguments.plot)
    found = find_front(
        problem,
        resource,
        within,
        epsilon=arguments.epsilon,
        time_limit=arguments.time_limit,
    )
    name = problem.name or arguments.problem
    if arguments.output:
        write_bytes(arguments.output, _text(found, name, arguments).encode("utf-8"))
    elif arguments.format == "table":
        make_console().print(front_report(found, name, show_all=arguments.all))
    else:
        make_console().out(_text(found, name, arguments), end="")
    if arguments.plot:
        from mpsolve.report.front_plot import plot_front

        plot_front(found, arguments.plot, name)
    return _exit_code(found)


def _only_resource(problem: Problem) -> str:
    if len(problem.resources) == 1:
        return next(iter(problem.resources))
    known = ", ".join(problem.resources) or "none"
    msg = f"--resource must name one of the problem's resources: {known}"
    raise InvalidParameterError(msg)


def _text(found: Front, name: str, arguments: argparse.Namespace) -> str:
    if arguments.format == "json":
        return json_text({"problem": name, **front_record(found)}) + "\n"
    if arguments.format == "csv":
        return front_csv(found)
    text = io.StringIO()
    make_console(file=text).print(front_report(found, name, show_all=arguments.all))
    return text.getvalue()


def _exit_code(found: Front) -> int:
    if found.limit is Limit.INTERRUPTED and not len(found):
        return INTERRUPTED
    if found.is_complete:
        return OK if len(found) else INFEASIBLE
    return NOT_PROVEN if len(found) else NO_SOLUTION
