"""An explanation for people: conflicts, nearest budgets, worth and cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mpsolve.explanation import Explanation, ForcedOption
from mpsolve.report.console import make_grid, make_table, stacked
from mpsolve.report.problem import written_budget
from mpsolve.report.result import STYLES, multiplier_sentences
from mpsolve.result import Reason
from mpsolve.units import format_quantity

__all__ = ["explanation_report"]

#: Names of groups that are shown.
MOST_NAMES = 12


def explanation_report(
    report: Explanation, forced: Sequence[ForcedOption] = ()
) -> RenderableType:
    """Return an explanation, drawn.

    Parameters
    ----------
    report : Explanation
    forced : sequence of ForcedOption
        What precisions asked for would cost.

    Returns
    -------
    rich renderable
    """
    parts: list[RenderableType] = [_head(report)]
    if report.conflict is not None:
        parts.append(_conflict(report))
    if report.nearest:
        parts.append(_nearest(report))
    if report.budgets:
        parts.append(_worth(report))
        multipliers = report.result.multipliers
        if sentences := multiplier_sentences(report.problem, multipliers):
            parts.append(Text("\n".join(sentences)))
    if report.result.layout is not None:
        parts.append(_limits(report))
    if forced:
        parts.append(_forced(report, forced))
    return stacked(parts)


def _head(report: Explanation) -> Table:
    result = report.result
    grid = make_grid()
    grid.add_row("answer", Text(str(result.reason), style=STYLES[result.reason]))
    grid.add_row("method", result.method)
    if result.primal is not None:
        word = "gain" if report.problem.maximize else "loss"
        grid.add_row(word, f"[bold]{result.primal:.12g}[/]")
    elif result.reason is not Reason.INFEASIBLE:
        grid.add_row("stopped by", str(result.limit))
    return grid


def _conflict(report: Explanation) -> RenderableType:
    conflict = report.conflict
    if conflict is None:
        return Text()
    if conflict.is_smallest:
        claim = "a smallest set"
    elif conflict.is_irreducible:
        claim = "each of them is needed for the conflict"
    else:
        claim = "perhaps not all of them are needed: time ran out"
    head = f"no layout keeps all of these ({claim}):"
    return Text("\n".join([head, *(f"  {c}" for c in conflict.constraints)]))


def _nearest(report: Explanation) -> Table:
    table = make_table("resource", "budget", "nearest that has a layout")
    for name, (below, above) in report.nearest.items():
        unit = report.problem.resources[name].unit
        values = [format_quantity(v, unit) for v in (below, above) if v is not None]
        table.add_row(
            Text(name, style="bold"),
            written_budget(report.problem.budgets[name], unit),
            " or ".join(values) or "none: no value of this budget alone helps",
        )
    return table


def _worth(report: Explanation) -> Table:
    word = "gain" if report.problem.maximize else "loss"
    table = make_table("resource", "budget", "left", f"next better {word}", "from")
    for name, worth in report.budgets.items():
        unit = report.problem.resources[name].unit
        left = "" if worth.slack is None else format_quantity(worth.slack, unit)
        if worth.next_value is None or worth.next_loss is None:
            said = (
                "none, whatever the budget" if worth.is_exact else "not found in time"
            )
            value = ""
        else:
            said = f"{worth.next_loss:.9g}" + ("" if worth.is_exact else " (at most)")
            value = format_quantity(worth.next_value, unit)
        budget = written_budget(report.problem.budgets[name], unit)
        table.add_row(Text(name, style="bold"), budget, left, said, value)
    return table


def _limits(report: Explanation) -> Table:
    grid = make_grid()
    word = "gain" if report.problem.maximize else "loss"
    grid.add_row(f"at their best {word}", _names(report.at_least_loss))
    for name, groups in report.at_least_usage.items():
        grid.add_row(f"at their least {name}", _names(groups))
    return grid


def _names(names: tuple[str, ...]) -> Text:
    shown = ", ".join(names[:MOST_NAMES])
    more = f", … ({len(names):,} in all)" if len(names) > MOST_NAMES else ""
    return Text(f"{shown}{more}" if names else "none")


def _forced(report: Explanation, forced: Sequence[ForcedOption]) -> Table:
    word = "gain" if report.problem.maximize else "loss"
    table = make_table("layer", "as", "cost", word, right=("cost",))
    for option in forced:
        if option.cost == math.inf:
            cost, value = "impossible", "no layout"
        elif option.result.primal is None:
            cost, value = "unknown", f"stopped by {option.result.limit}"
        else:
            proven = "" if option.result.reason is Reason.OPTIMAL else ", not proven"
            cost, value = f"{option.cost:.6g}", f"{option.result.primal:.9g}{proven}"
        table.add_row(Text(option.layer), Text(option.precision), cost, value)
    return table
