"""An answer for people: why it stopped, what it costs, and the layout."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mpsolve.model.budget import Budget, Number
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem
from mpsolve.report.console import make_grid, make_table, stacked
from mpsolve.report.problem import out_of_reach, written_budget
from mpsolve.result import Limit, Reason, Result
from mpsolve.units import CONVERTIBLE, DECIMAL, format_quantity

__all__ = ["layout_table", "multiplier_sentences", "result_report", "usage_table"]

#: Rows of a layout that are shown where not all are asked for.
MOST_ROWS = 40

STYLES = {
    Reason.OPTIMAL: "bold green",
    Reason.FEASIBLE: "bold yellow",
    Reason.INFEASIBLE: "bold red",
    Reason.NO_SOLUTION_FOUND: "bold red",
}

WORDS = {
    Limit.TIME: "the time limit",
    Limit.MEMORY: "the memory limit",
    Limit.NODE: "the node limit",
    Limit.INTERRUPTED: "an interrupt",
    Limit.OTHER: "the method, which proves no more",
}


def result_report(
    result: Result, problem: Problem, *, show_all: bool = False
) -> RenderableType:
    """Return an answer, drawn: summary, usage of each resource, and the layout.

    Parameters
    ----------
    result : Result
    problem : Problem
        That it answers.
    show_all : bool
        Whether to show every layer of a large layout.

    Returns
    -------
    rich renderable
    """
    parts: list[RenderableType] = [_summary(result, problem)]
    if result.layout is not None:
        if problem.resources:
            parts.append(usage_table(problem, result.usage))
        if sentences := multiplier_sentences(problem, result.multipliers):
            parts.append(Text("\n".join(sentences)))
        parts.append(layout_table(result.layout, show_all=show_all))
    return stacked(parts)


def _summary(result: Result, problem: Problem) -> Table:
    grid = make_grid()
    style = STYLES[result.reason]
    grid.add_row("answer", Text.assemble((str(result.reason), style), _meaning(result)))
    grid.add_row("method", f"{result.method}, {result.time * 1e3:.3g} ms")
    if result.layout is not None:
        word = "gain" if problem.maximize else "loss"
        if problem.objective == "max":
            grid.add_row(f"worst {word}", f"[bold]{result.loss:.12g}[/]")
            grid.add_row(f"total {word}", f"{result.total:.12g}")
        else:
            grid.add_row(word, f"[bold]{result.loss:.12g}[/]")
        counts = result.layout.counts().items()
        text = ", ".join(f"{count:,} × {name}" for name, count in counts)
        grid.add_row("layers", Text(text))
    if math.isfinite(result.bound):
        gap = f", gap {result.gap:.2g}" if math.isfinite(result.gap) else ""
        grid.add_row("bound", f"{result.bound:.12g}{gap}")
    is_infeasible = result.reason is Reason.INFEASIBLE
    if why := out_of_reach(problem) if is_infeasible else []:
        grid.add_row("budget", Text("\n".join(why), style="red"))
    elif result.detail:
        grid.add_row("detail", Text(result.detail))
    return grid


def _meaning(result: Result) -> str:
    match result.reason:
        case Reason.OPTIMAL:
            return ": proven, no layout within the budgets is better"
        case Reason.FEASIBLE:
            return f": the best found; stopped by {WORDS[result.limit or Limit.OTHER]}"
        case Reason.INFEASIBLE:
            return ": proven, no layout keeps all budgets"
        case _:
            return f": stopped by {WORDS[result.limit or Limit.OTHER]}"


def usage_table(problem: Problem, usage: Mapping[str, Number]) -> Table:
    """Return the usage of each resource against its budget, drawn.

    Parameters
    ----------
    problem : Problem
    usage : mapping of str to int or float
        Total of each resource, in its unit.

    Returns
    -------
    rich.table.Table
    """
    table = make_table("resource", "usage", "budget", "used", right=("used",))
    for name, total in usage.items():
        unit = problem.resources[name].unit
        budget = problem.budgets.get(name, Budget())
        table.add_row(
            Text(name, style="bold"),
            format_quantity(total, unit),
            written_budget(budget, unit),
            _share_used(total, budget),
        )
    return table


def _share_used(total: Number, budget: Budget) -> str:
    if budget.upper is None or budget.upper <= 0 or total < 0:
        return ""
    share = 100 * total / budget.upper
    # What is not used up must not look as if it were.
    digits = f"{math.floor(share * 100) / 100:.2f}" if share < 100 else f"{share:.4g}"
    return f"{digits} %"


def multiplier_sentences(
    problem: Problem, multipliers: Mapping[str, float]
) -> list[str]:
    """Say what one more unit of each budget is worth.

    Parameters
    ----------
    problem : Problem
    multipliers : mapping of str to float
        As in :attr:`mpsolve.Result.multipliers`.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[1, 0]], {"memory": [[10_000, 20_000]]}, {"memory": 20_000})
    >>> multiplier_sentences(problem, {"memory": 2e-6})
    ['memory: 1 kB more would save about 0.002 of loss (linear relaxation)']
    """
    sentences = []
    effect = "add" if problem.maximize else "save"
    word = "gain" if problem.maximize else "loss"
    for name, value in multipliers.items():
        budget = problem.budgets.get(name, Budget())
        side = budget.upper if value > 0 else budget.lower
        if not value or side is None:
            continue
        step, unit = _step(side, problem.resources[name].unit)
        change = "more" if value > 0 else "less asked for"
        sentences.append(
            f"{name}: 1{f' {unit}' if unit else ''} {change} would {effect} about "
            f"{abs(value) * step:.3g} of {word} (linear relaxation)"
        )
    return sentences


def _step(side: Number, unit: str) -> tuple[float, str]:
    """Return a round step that is small beside a budget, in its units, and its name."""
    for table, _ in CONVERTIBLE:
        if unit in table:
            steps = {
                name: float(size / table[unit])
                for name, size in table.items()
                if name in ("B", "kB", "MB", "GB", "ns", "us", "ms", "s")
            }
            break
    else:
        steps = {f"{prefix}{unit}": float(size) for prefix, size in DECIMAL.items()}
    fitting = {name: size for name, size in steps.items() if 10 * size <= abs(side)}
    if not fitting:
        return 1.0, unit
    name = max(fitting, key=lambda key: fitting[key])
    return fitting[name], name


def layout_table(layout: Layout, *, show_all: bool = False) -> Table:
    """Return a layout as a table of layers, precisions, losses and usages.

    Parameters
    ----------
    layout : Layout
    show_all : bool
        Whether to show every layer of a large layout.

    Returns
    -------
    rich.table.Table
    """
    problem = layout.problem
    resources = problem.resources.values()
    names = [f"{r.name} [{r.unit}]" if r.unit else r.name for r in resources]
    word = "gain" if problem.maximize else "loss"
    headers = ["layer", "precision", word, *names]
    table = make_table(*map(escape, headers), right=tuple(map(escape, headers[2:])))
    num_layers = len(layout)
    is_cut = num_layers > MOST_ROWS and not show_all
    head = MOST_ROWS - 10 if is_cut else num_layers
    shown = [*range(head), *(range(num_layers - 10, num_layers) if is_cut else ())]
    chosen = layout.flat
    for i in shown:
        if is_cut and i == num_layers - 10:
            hidden = num_layers - MOST_ROWS
            table.add_row(f"… {hidden:,} more (--all)", *("…" for _ in headers[1:]))
        j = int(chosen[i])
        table.add_row(
            Text(problem.layers[i]),
            Text(problem.precisions_of(i)[int(layout.choices[i])]),
            f"{problem.loss[j]:.6g}",
            *(
                _written(resource.value(int(resource.usage[j])))
                for resource in resources
            ),
        )
    return table


def _written(value: Number) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.8g}"
