"""Many budgets, one preparation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import overload

import numpy as np
import numpy.typing as npt

from mpsolve._engine import MckpOutcome
from mpsolve._engine import solve_many as run_engine
from mpsolve.errors import VerificationError
from mpsolve.methods import Parameters, get_method
from mpsolve.methods.engine_options import engine_options, within_int64
from mpsolve.methods.exact import outcome_answer, outcome_counters
from mpsolve.model.budget import Budget, parse_budget
from mpsolve.model.faults import Faults
from mpsolve.model.layout import Layout
from mpsolve.model.problem import BudgetLike, Problem
from mpsolve.model.resource import Limits
from mpsolve.result import ROUNDING, Limit, Reason, Result
from mpsolve.solving import checked, choose_method, solve
from mpsolve.verify_rows import RowTotals, verify_rows

__all__ = ["Results", "solve_many"]

Budgets = Mapping[str, Budget]

#: What stands for a budget that nobody got to, after Ctrl-C.
UNSOLVED = Result(
    Reason.NO_SOLUTION_FOUND, method="", bound=-np.inf, limit=Limit.INTERRUPTED
)


class Results(Sequence[Result]):
    """The answers to one problem under many budgets, in the order of the budgets.

    Every answer is already verified; the :class:`mpsolve.Result` and the layout of one
    are made when it is asked for. Made by :func:`mpsolve.solve_many`.

    Attributes
    ----------
    problem : Problem
    budgets : tuple of mapping of str to Budget
        All budgets that each answer is for.
    loss : ndarray of float64, shape (num_budgets,)
        Loss (or gain) of each layout, nan where there is none.
    bound : ndarray of float64, shape (num_budgets,)
        Dual bounds, as in :attr:`mpsolve.Result.bound`.
    time : float
        Wall time of all together in seconds, verification included.
    """

    def __init__(
        self,
        problem: Problem,
        budgets: tuple[Budgets, ...],
        makers: Sequence[Result | Callable[[], Result]],
        loss: npt.NDArray[np.float64],
        bound: npt.NDArray[np.float64],
        seconds: float,
    ) -> None:
        self.problem = problem
        self.budgets = budgets
        self.loss = loss
        self.bound = bound
        self.time = seconds
        self._makers = list(makers)

    def __len__(self) -> int:
        return len(self._makers)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> list[Result]: ...
    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        if isinstance(index, slice):
            return [self._result(i) for i in range(*index.indices(len(self)))]
        return self._result(range(len(self))[index])

    def _result(self, i: int) -> Result:
        made = self._makers[i]
        if not isinstance(made, Result):
            made = self._makers[i] = made()
        return made

    def __repr__(self) -> str:
        num_layouts = int((~np.isnan(self.loss)).sum())
        return f"Results({len(self)} budgets, {num_layouts} layouts)"


def solve_many(
    problem: Problem,
    budgets: Iterable[Mapping[str, BudgetLike]],
    method: str = "auto",
    *,
    time_limit: float | None = None,
    rel_gap: float = 1e-9,
    abs_gap: float = 0.0,
    memory_limit: int | None = None,
) -> Results:
    """Solve a problem under many budgets, preparing it once.

    Ties are merged once, whatever the problem. Where one budget is all that joins the
    groups, the lower hull of all layouts' (usage, loss) is computed once as well: its
    sorted slopes are the Lagrangian dual function of every budget [1]_, so that each
    search starts from its own break layout, and from the layout of the budget below.
    Other problems are solved one after the other, each from the layouts before.

    Parameters
    ----------
    problem : Problem
        Never changed.
    budgets : iterable of mapping of str to number, (lower, upper) or Budget
        Each replaces the problem's budgets for the resources that it names; the others
        stay. In the resources' units; None leaves a resource open.
    method : str
        As for :func:`mpsolve.solve`.
    time_limit : float, optional
        Seconds for all of them together.
    rel_gap, abs_gap, memory_limit
        As for :func:`mpsolve.solve`.

    Returns
    -------
    Results
        A sequence of :class:`mpsolve.Result`, one for each budget.

    Raises
    ------
    InvalidProblemError
        With every fault of the budgets.
    InvalidParameterError, UnsupportedProblemError, MethodUnavailableError, \
VerificationError
        As for :func:`mpsolve.solve`.

    References
    ----------
    .. [1] H. Everett, "Generalized Lagrange multiplier method for solving problems of
       optimum allocation of resources", Operations Research 11 (1963) 399-417.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.30, 0.10], [0.20, 0.05]], {"memory": [[2048, 4096], [512, 1024]]})
    >>> results = mpsolve.solve_many(problem, [{"memory": b} for b in (3000, 5000, 9)])
    >>> [(str(result.reason), result.primal) for result in results]
    [('OPTIMAL', 0.5), ('OPTIMAL', 0.30000000000000004), ('INFEASIBLE', None)]
    """
    start = time.perf_counter()
    parameters = Parameters(
        time_limit=time_limit,
        rel_gap=rel_gap,
        abs_gap=abs_gap,
        memory_limit=memory_limit,
    )
    known = _read_budgets(problem, budgets)
    resource = _only_resource(problem, known, method)
    answers = (
        _one_by_one(problem, known, method, parameters, start)
        if resource is None
        else _together(problem, known, resource, parameters, start)
    )
    return Results(problem, known, *answers, time.perf_counter() - start)


_Answers = tuple[
    Sequence[Result | Callable[[], Result]],
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
]


def _read_budgets(
    problem: Problem, given: Iterable[Mapping[str, BudgetLike]]
) -> tuple[Budgets, ...]:
    """Return all budgets of each solve, with every fault reported together."""
    faults = Faults()
    known = []
    for i, mapping in enumerate(given):
        if not isinstance(mapping, Mapping):
            faults.add(f"budgets[{i}]", f"must be a mapping. Got {mapping!r}")
            continue
        both = dict(problem.budgets)
        for name, value in mapping.items():
            path = f"budgets[{i}][{name!r}]"
            if name not in problem.resources:
                names = ", ".join(problem.resources) or "none"
                faults.add(path, f"no option uses that resource. Known are: {names}")
                continue
            budget, message = parse_budget(value)
            if budget is None:
                faults.add(path, message)
            else:
                both[name] = budget
        known.append(both)
    faults.raise_if_any()
    return tuple(known)


def _only_resource(
    problem: Problem, budgets: tuple[Budgets, ...], method: str
) -> str | None:
    """Return the one resource that budgets bound, where the engine takes the rest."""
    if method not in ("auto", "exact"):
        return None
    if get_method("exact").capabilities.cannot(problem.with_budgets({})):
        return None
    bound = {name for both in budgets for name, b in both.items() if not b.is_open}
    return bound.pop() if len(bound) == 1 else None


def _one_by_one(
    problem: Problem,
    budgets: tuple[Budgets, ...],
    method: str,
    parameters: Parameters,
    start: float,
) -> _Answers:
    """Solve each problem, from the layout before it where the method can."""
    results: list[Result] = []
    hint: Layout | None = None
    problem.merged  # noqa: B018 -- made here, it is shared by all
    for both in budgets:
        if results and results[-1].limit is Limit.INTERRUPTED:
            nothing = np.inf if problem.maximize else -np.inf
            stopped = replace(UNSOLVED, method=results[-1].method, bound=nothing)
            results.append(stopped)
            continue
        twin = problem.with_budgets(both)
        name = choose_method(twin, parameters).name if method == "auto" else method
        takes_hint = "hint" in get_method(name).capabilities.parameters
        result = solve(
            twin,
            name,
            time_limit=_left(parameters, start),
            rel_gap=parameters.rel_gap,
            abs_gap=parameters.abs_gap,
            memory_limit=parameters.memory_limit,
            hint=hint if takes_hint else None,
        )
        hint = result.layout or hint
        results.append(result)
    loss = [np.nan if r.primal is None else r.primal for r in results]
    return results, np.array(loss, float), np.array([r.bound for r in results], float)


def _together(
    problem: Problem,
    budgets: tuple[Budgets, ...],
    resource: str,
    parameters: Parameters,
    start: float,
) -> _Answers:
    """Solve under one budget each, in the engine, and verify all layouts at once."""
    merged = problem.merged
    limits = [
        problem.resources[resource].limits(both.get(resource)) for both in budgets
    ]
    outcomes = run_engine(
        merged.loss,
        merged.usage[resource],
        None if merged.width is not None else merged.offsets,
        merged.width or 0,
        [(within_int64(low), within_int64(high)) for low, high in limits],
        **engine_options(parameters),
    )
    rows = [i for i, outcome in enumerate(outcomes) if outcome.choices is not None]
    loss, bound = np.full(len(outcomes), np.nan), np.full(len(outcomes), np.nan)
    makers: list[Result | Callable[[], Result]] = []
    totals = _verified(problem, resource, limits, outcomes, rows)
    sign = -1.0 if problem.maximize else 1.0
    row_of = dict(zip(rows, range(len(rows)), strict=True))
    for i, outcome in enumerate(outcomes):
        row = row_of.get(i)
        if row is not None and _is_plain(outcome, sign * totals.loss[row], parameters):
            loss[i] = totals.loss[row]
            bound[i] = sign * min(outcome.bound, sign * totals.loss[row])
            args = (problem, resource, outcome, parameters)
            is_bounded = limits[i] != (None, None)
            makers.append(
                partial(_make, *args, totals, row, float(bound[i]), is_bounded)
            )
            continue
        result = _otherwise(problem, budgets[i], resource, outcome, parameters, start)
        makers.append(result)
        loss[i] = np.nan if result.primal is None else result.primal
        bound[i] = result.bound
    return makers, loss, bound


def _verified(
    problem: Problem,
    resource: str,
    limits: Sequence[Limits],
    outcomes: Sequence[MckpOutcome],
    rows: Sequence[int],
) -> RowTotals:
    """Evaluate the layouts of some outcomes again; raise where one breaks anything."""
    merged = problem.merged
    shape = (len(rows), merged.num_groups)
    choices = np.array([outcomes[i].choices for i in rows], np.int32).reshape(shape)
    totals = verify_rows(
        problem, merged.expand_rows(choices), {resource: [limits[i] for i in rows]}
    )
    if not totals.is_feasible.all():
        i = rows[int(np.flatnonzero(~totals.is_feasible)[0])]
        msg = f"the engine returned a layout for budgets[{i}] that is not feasible"
        raise VerificationError(msg)
    return totals


def _is_plain(outcome: MckpOutcome, loss: float, parameters: Parameters) -> bool:
    """Whether a proof holds as it is; each comparison is one that a nan fails."""
    rounding = ROUNDING * abs(loss)
    allowed = max(parameters.abs_gap, parameters.rel_gap * abs(loss), rounding)
    return (
        outcome.reason == Reason.OPTIMAL
        and abs(outcome.loss - loss) <= rounding
        and outcome.bound <= loss + rounding
        and loss - outcome.bound <= allowed
    )


def _make(
    problem: Problem,
    resource: str,
    outcome: MckpOutcome,
    parameters: Parameters,
    totals: RowTotals,
    row: int,
    bound: float,
    is_bounded: bool,
) -> Result:
    """Make the result of a layout that was verified."""
    scale = float(problem.resources[resource].scale)
    return Result(
        reason=Reason.OPTIMAL,
        method="exact",
        bound=bound,
        layout=Layout(problem, totals.choices[row]),
        usage={
            name: problem.resources[name].value(int(column[row]))
            for name, column in totals.usage.items()
        },
        multipliers={resource: outcome.multiplier * scale} if is_bounded else {},
        time=outcome.seconds_dual + outcome.seconds_reduce + outcome.seconds_search,
        counters=outcome_counters(outcome),
        rel_gap=parameters.rel_gap,
        abs_gap=parameters.abs_gap,
        primal=float(totals.loss[row]),
        total=float(totals.loss[row]),
    )


def _otherwise(
    problem: Problem,
    budgets: Budgets,
    resource: str,
    outcome: MckpOutcome,
    parameters: Parameters,
    start: float,
) -> Result:
    """Make the result of what is infeasible, stopped early, or hard to prove."""
    twin = problem.with_budgets(budgets)
    if outcome.reason == Reason.OPTIMAL:  # the gap is rounding: look closer
        return solve(
            twin,
            "exact",
            time_limit=_left(parameters, start),
            rel_gap=parameters.rel_gap,
            abs_gap=parameters.abs_gap,
            memory_limit=parameters.memory_limit,
        )
    return checked(twin, "exact", outcome_answer(outcome, resource), parameters, start)


def _left(parameters: Parameters, start: float) -> float | None:
    """Return the seconds that are left."""
    if parameters.time_limit is None:
        return None
    return max(0.0, parameters.time_limit - (time.perf_counter() - start))
