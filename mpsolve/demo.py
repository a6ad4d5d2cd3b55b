"""The demo: 18 published problems, solved and proven, and the published layouts."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import RenderableType
from rich.text import Text

import mpsolve
from mpsolve import instances
from mpsolve.instances import hawq
from mpsolve.methods import Parameters, get_method, is_available
from mpsolve.model.problem import Problem
from mpsolve.report.console import make_table, stacked

__all__ = ["Outcome", "demo_record", "demo_report", "run_demo"]

NETWORKS = {"resnet18": "ResNet-18", "resnet50": "ResNet-50"}

#: Losses this close are the same: the sums of float64 losses are exact before rounding.
SAME = 1e-12


@dataclass(frozen=True)
class Outcome:
    """One of the problems, solved.

    Attributes
    ----------
    name, network, resource : str
    share : int
        Where the budget lies between all int4 and all int8, in percent.
    upper : int or float
        The budget.
    unit : str
        Its unit.
    reason : str
        OPTIMAL where it was proven.
    loss, gap : float
        Loss of the layout found, and its relative gap to the bound.
    published_loss : float
        Loss of the layout that was published.
    differs : tuple of (layer, published precision, optimal precision)
        Where the published layout and the optimal one are not the same.
    seconds : float
        Median time of the engine.
    highs_seconds : float or None
        Median time of HiGHS; None where it is not installed.
    """

    name: str
    network: str
    resource: str
    share: int
    upper: int | float
    unit: str
    reason: str
    loss: float
    gap: float
    published_loss: float
    differs: tuple[tuple[str, str, str], ...]
    seconds: float
    highs_seconds: float | None

    @property
    def is_published_optimal(self) -> bool:
        """Whether no layout is better than the published one."""
        return self.published_loss - self.loss <= SAME * abs(self.loss)

    @property
    def saved(self) -> float:
        """By what share of the published loss the optimum is lower."""
        return 1 - self.loss / self.published_loss


def run_demo(num_runs: int = 5) -> list[Outcome]:
    """Solve the instances that come with mpsolve, each to a gap of zero.

    Parameters
    ----------
    num_runs : int
        Runs of which the median time is taken.

    Returns
    -------
    list of Outcome
    """
    has_highs = is_available(get_method("highs"))
    return [_run(name, num_runs, has_highs=has_highs) for name in hawq.names()]


def _run(name: str, num_runs: int, *, has_highs: bool) -> Outcome:
    setting = hawq.describe(name)
    problem = instances.load(name)
    published = instances.published(name)
    result = mpsolve.solve(problem, "exact", rel_gap=0.0)
    layout = result.layout or published
    return Outcome(
        name=name,
        network=setting.network,
        resource=setting.resource,
        share=setting.share,
        upper=setting.upper,
        unit=problem.resources[setting.resource].unit,
        reason=str(result.reason),
        loss=result.loss,
        gap=result.gap,
        published_loss=mpsolve.verify(problem, published).loss,
        differs=tuple(
            (layer, published[layer], layout[layer])
            for layer in layout
            if layout[layer] != published[layer]
        ),
        seconds=_median_time("exact", problem, num_runs),
        # A few runs of HiGHS are enough: they take a thousand times as long.
        highs_seconds=_median_time("highs", problem, min(num_runs, 3))
        if has_highs
        else None,
    )


def _median_time(method: str, problem: Problem, num_runs: int) -> float:
    """Return the median time of a method alone, without reading or checking."""
    solver, merged, parameters = (
        get_method(method),
        problem.merged,
        Parameters(rel_gap=0),
    )
    times = []
    for _ in range(num_runs):
        start = time.perf_counter()
        solver.solve(merged, parameters)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def demo_report(outcomes: list[Outcome]) -> RenderableType:
    """Return what the demo found, drawn.

    Parameters
    ----------
    outcomes : list of Outcome

    Returns
    -------
    rich renderable
    """
    has_highs = any(outcome.highs_seconds is not None for outcome in outcomes)
    headers = ["network", "budget", "optimum", "gap", "time", "published", "verdict"]
    headers += ["HiGHS"] if has_highs else []
    table = make_table(*headers, right=(*headers[2:6], "HiGHS"))
    last = ""
    for outcome in outcomes:
        is_new = outcome.network != last
        if is_new and last:
            table.add_section()
        last = outcome.network
        table.add_row(
            Text(NETWORKS[outcome.network] if is_new else "", style="bold"),
            f"{outcome.resource} {outcome.share} %",
            f"{outcome.loss:.6f}",
            f"{outcome.gap:.0g}",
            _time(outcome.seconds),
            f"{outcome.published_loss:.6f}",
            Text("optimal", style="green")
            if outcome.is_published_optimal
            else Text("beaten", style="bold yellow"),
            *([_time(outcome.highs_seconds or 0.0)] if has_highs else []),
        )
    title = "HAWQ-V3's layouts of int4 and int8, as published and as proven optimal"
    closing = Text("\n\n".join(_closing(outcomes)))
    return stacked([Text(title, style="bold"), table, closing])


def _closing(outcomes: list[Outcome]) -> list[str]:
    num_optimal = sum(outcome.is_published_optimal for outcome in outcomes)
    num_proven = sum(outcome.reason == "OPTIMAL" for outcome in outcomes)
    total = sum(outcome.seconds for outcome in outcomes)
    lines = [
        f"{num_proven} of {len(outcomes)} solved and proven in {_time(total)}; what is "
        "left of the gaps is the rounding of float64 sums. "
        f"{num_optimal} of the published layouts are optimal."
    ]
    for outcome in outcomes:
        if outcome.is_published_optimal:
            continue
        changes = "; ".join(
            f"{layer} is {optimal}, published as {given}"
            for layer, given, optimal in outcome.differs
        )
        lines.append(
            f"{NETWORKS[outcome.network]} at {outcome.resource} {outcome.share} % "
            f"(≤ {outcome.upper:,} {outcome.unit}) has a better one: loss "
            f"{outcome.loss:.6f}, where "
            f"{outcome.published_loss:.6f} was published. That is "
            f"{100 * outcome.saved:.1f} % lower within the same budget: {changes}."
        )
    highs = [o.highs_seconds for o in outcomes if o.highs_seconds is not None]
    if highs and total:
        lines.append(
            f"HiGHS, through OR-tools MathOpt, needed {_time(sum(highs))}, "
            f"{sum(highs) / total:,.0f} times as long."
        )
    else:
        lines.append("To race HiGHS on the same problems: pip install 'mpsolve[ilp]'")
    return lines


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def demo_record(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return what the demo found, as plain objects that JSON can hold."""
    return {
        "instances": [
            {
                **asdict(outcome),
                "published_is_optimal": outcome.is_published_optimal,
            }
            for outcome in outcomes
        ]
    }
