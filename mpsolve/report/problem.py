"""A problem for people: sizes, resources, budgets and where they lie."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mpsolve.model.budget import Budget, Number
from mpsolve.model.problem import Problem
from mpsolve.model.resource import Resource
from mpsolve.report.console import make_grid, make_table, stacked
from mpsolve.report.method import Ability, abilities
from mpsolve.units import format_quantity

__all__ = ["out_of_reach", "problem_record", "problem_report", "written_budget"]


def problem_report(problem: Problem, name: str = "") -> RenderableType:
    """Return what a problem is, drawn.

    Parameters
    ----------
    problem : Problem
    name : str
        What to call it where it has no name.

    Returns
    -------
    rich renderable
    """
    parts: list[RenderableType] = [_head(problem, name)]
    if problem.resources:
        parts.append(_resource_table(problem))
    if lines := out_of_reach(problem):
        parts.append(Text("\n".join(lines), style="bold red"))
    parts.append(_methods(abilities(problem)))
    return stacked(parts)


def _head(problem: Problem, name: str) -> Table:
    grid = make_grid()
    grid.add_row("problem", f"[bold]{problem.name or name}[/]")
    for label, text in (("source", problem.source), ("licence", problem.licence)):
        if text:
            grid.add_row(label, Text(text))
    sense = "the largest gain" if problem.maximize else "the least loss"
    if problem.objective == "max":
        sense = "the largest worst gain" if problem.maximize else "the least worst loss"
        sense += " of any layer, and the best sum among those"
    grid.add_row("asks for", sense)
    per_group = (
        f"{problem.width} each"
        if problem.width is not None
        else "different numbers each"
    )
    grid.add_row("layers", f"{problem.num_groups:,}")
    grid.add_row("options", f"{problem.num_options:,} ({per_group})")
    grid.add_row("precisions", Text(_shortened(problem.precisions)))
    if problem.ties:
        ties = (" = ".join(problem.layers[i] for i in tie) for tie in problem.ties)
        grid.add_row("ties", Text("\n".join(_first_lines(list(ties)))))
    if problem.fixed:
        fixed = [
            f"{problem.layers[i]} as {problem.precisions_of(i)[option]}"
            for i, option in problem.fixed.items()
        ]
        grid.add_row("fixed", Text("\n".join(_first_lines(fixed))))
    if problem.inventory is not None:
        how = "exactly" if problem.inventory.exact else "at most"
        counts = problem.inventory.counts.items()
        text = ", ".join(f"{count} × {precision}" for precision, count in counts)
        grid.add_row("inventory", Text(f"{how} {text}"))
    if problem.couplings:
        grid.add_row("couplings", f"{len(problem.couplings):,}")
    if problem.max_distinct is not None:
        grid.add_row("different", f"at most {problem.max_distinct} precisions")
    return grid


def _resource_table(problem: Problem) -> Table:
    """Return a table of reachable totals, and of the budgets between them."""
    table = make_table("resource", "integers", "", "total", "share", right=("share",))
    for name, resource in problem.resources.items():
        cells: list[RenderableType] = [Text(name, style="bold"), _integers(resource)]
        smallest, largest = problem.reachable(name)
        for word, total in [
            ("smallest", smallest),
            *_sides(problem.budgets.get(name, Budget())),
            ("largest", largest),
        ]:
            share = (
                (total - smallest) / (largest - smallest) if largest > smallest else 0
            )
            table.add_row(
                *cells,
                word,
                format_quantity(total, resource.unit),
                f"{100 * share:.4g} %" if largest > smallest else "",
                style="bold" if word.startswith("budget") else "",
            )
            cells = ["", ""]
        table.add_section()
    return table


def _sides(budget: Budget) -> list[tuple[str, Number]]:
    lower, upper = budget.lower, budget.upper
    if lower is not None and lower == upper:
        return [("budget =", lower)]
    sides = (("budget ≥", lower), ("budget ≤", upper))
    return [(word, side) for word, side in sides if side is not None]


def _integers(resource: Resource) -> str:
    if resource.rounding:
        return f"rounded, totals ± {float(resource.rounding / resource.scale):.1g}"
    if resource.scale == 1:
        return "exact"
    return f"exact, × {float(resource.scale):.6g}"


def written_budget(budget: Budget, unit: str) -> str:
    """Return a budget with its unit, for people.

    Examples
    --------
    >>> written_budget(Budget(None, 12_000_000), "B")
    '≤ 12,000,000 B (12 MB)'
    """
    lower, upper = budget.lower, budget.upper
    if lower is not None and lower == upper:
        return f"= {format_quantity(lower, unit)}"
    sides = []
    if lower is not None:
        sides.append(f"≥ {format_quantity(lower, unit)}")
    if upper is not None:
        sides.append(f"≤ {format_quantity(upper, unit)}")
    return " and ".join(sides) or "none"


def out_of_reach(problem: Problem) -> list[str]:
    """Return a sentence for each budget that no layout can keep by itself.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    list of str

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[1, 0]], {"memory": [[10, 20]]}, {"memory": 5})
    >>> out_of_reach(problem)
    ['memory ≤ 5 B: no layout can keep it, the smallest reachable total is 10 B']
    """
    sentences = []
    for name, (lower, upper) in problem.merged.limits.items():
        resource = problem.resources[name]
        smallest, largest = problem.merged.reachable(name)
        text = f"{name} {written_budget(problem.budgets[name], resource.unit)}"
        for is_out, word, total in (
            (upper is not None and smallest > upper, "smallest", smallest),
            (lower is not None and largest < lower, "largest", largest),
        ):
            if is_out:
                reachable = format_quantity(resource.value(total), resource.unit)
                sentences.append(
                    f"{text}: no layout can keep it, the {word} reachable total is "
                    f"{reachable}"
                )
    return sentences


def _methods(able: list[Ability]) -> Table:
    grid = make_grid()
    for label, is_wanted in (("solved by", True), ("not by", False)):
        lines = []
        for ability in able:
            if ability.is_ready != is_wanted:
                continue
            why = [*ability.cannot, *([ability.install] if ability.install else [])]
            note = "" if ability.proves else ", without proof"
            lines.append(f"{ability.name}{note}{': ' if why else ''}{'; '.join(why)}")
        if lines:
            grid.add_row(label, Text("\n".join(lines)))
    return grid


def _shortened(names: tuple[str, ...], most: int = 40) -> str:
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text}, … ({len(names):,} in all)"


def _first_lines(lines: list[str], most: int = 8) -> list[str]:
    if len(lines) <= most:
        return lines
    return [*lines[:most], f"… {len(lines) - most:,} more"]


def problem_record(problem: Problem) -> dict[str, Any]:
    """Return what `problem_report` draws, as plain objects that JSON can hold."""
    inventory = problem.inventory
    return {
        "name": problem.name,
        "source": problem.source,
        "licence": problem.licence,
        "maximize": problem.maximize,
        "num_layers": problem.num_groups,
        "num_options": problem.num_options,
        "precisions": list(problem.precisions),
        "resources": {
            name: {
                "unit": resource.unit,
                "smallest": problem.reachable(name)[0],
                "largest": problem.reachable(name)[1],
                "scale": float(resource.scale),
                "exact": not resource.rounding,
            }
            for name, resource in problem.resources.items()
        },
        "budgets": {
            name: {"lower": budget.lower, "upper": budget.upper}
            for name, budget in problem.budgets.items()
        },
        "out_of_reach": out_of_reach(problem),
        "ties": [[problem.layers[i] for i in tie] for tie in problem.ties],
        "fixed": {
            problem.layers[i]: problem.precisions_of(i)[option]
            for i, option in problem.fixed.items()
        },
        "inventory": None
        if inventory is None
        else {"counts": dict(inventory.counts), "exact": inventory.exact},
        "num_couplings": len(problem.couplings),
        "objective": problem.objective,
        "max_distinct": problem.max_distinct,
        "methods": {
            ability.name: {
                "can_solve": not ability.cannot,
                "installed": not ability.install,
                "proves": ability.proves,
                "cannot": list(ability.cannot),
            }
            for ability in abilities(problem)
        },
    }
