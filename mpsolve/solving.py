"""The way in: choose a method, run it, and check its answer."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mpsolve.errors import (
    InvalidParameterError,
    UnsupportedProblemError,
    VerificationError,
)
from mpsolve.infeasible import why_infeasible
from mpsolve.methods import (
    Answer,
    Method,
    Parameters,
    Progress,
    cannot_solve,
    get_method,
    require,
)
from mpsolve.methods.choose import choose_method
from mpsolve.model.clado import Clipped, psd_clipped
from mpsolve.model.layout import Layout
from mpsolve.model.problem import Problem
from mpsolve.result import ROUNDING, Limit, Reason, Result
from mpsolve.verification import verify

__all__ = ["choose_method", "solve"]


def solve(
    problem: Problem,
    method: str | Method = "auto",
    *,
    time_limit: float | None = None,
    rel_gap: float = 1e-9,
    abs_gap: float = 0.0,
    memory_limit: int | None = None,
    node_limit: int | None = None,
    threads: int | None = None,
    seed: int | None = None,
    hint: Layout | None = None,
    progress: Progress | None = None,
    clado_psd: bool = False,
) -> Result:
    """Find the layout of least loss within the budgets, and prove it.

    Whatever the method, its answer is evaluated again by :func:`mpsolve.verify`, in
    exact arithmetic, before it is returned.

    Parameters
    ----------
    problem : Problem
        Never changed.
    method : str or Method
        ``"auto"`` takes the first that can solve all of the problem and is installed;
        ``mpsolve methods`` on the command line lists them. An object with the protocol
        of :class:`mpsolve.methods.Method` is taken as it is.
    time_limit : float, optional
        Seconds after which the best layout so far and its bound are returned.
    rel_gap, abs_gap : float
        The search may stop once ``|loss - bound|`` is at most
        ``max(abs_gap, rel_gap * |loss|)``. With both 0 only the rounding of a float64
        sum is left, at most 1e-12 of the sum of the absolute losses.
    memory_limit : int, optional
        Bytes that the search may hold besides the problem.
    node_limit : int, optional
        Largest number of nodes or labels.
    threads, seed : int, optional
        For methods that have them.
    hint : Layout, optional
        A layout of this problem that may be good.
    progress : callable, optional
        Called now and then as ``progress(best_loss_or_None, bound, labels)``; with
        gains where the problem maximises.
    clado_psd : bool
        Solve what CLADO's clipping makes of the objective instead, for comparison with
        CLADO; see :func:`mpsolve.psd_clipped`. The result's loss and bound are those of
        the true objective, so that it is FEASIBLE at best where the clipping changed
        anything, and its detail says what that was.

    Returns
    -------
    Result
        With a layout where the reason is OPTIMAL or FEASIBLE. Ctrl-C returns the best
        layout so far and its bound, with the limit INTERRUPTED.

    Raises
    ------
    InvalidParameterError
        If a parameter is out of range, or the method cannot honour it.
    UnsupportedProblemError
        If the method cannot solve all of the problem.
    MethodUnavailableError
        If the method needs a package that is not installed.
    VerificationError
        If the method's answer did not survive the check.

    Examples
    --------
    >>> import mpsolve
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0.30, 0.10, 0.0], [0.20, 0.05, 0.0]],
    ...     usage={"memory": [[2048, 4096, 8192], [512, 1024, 2048]]},
    ...     budgets={"memory": 5_500},
    ...     layers=["conv1", "fc"],
    ...     precisions=["int4", "int8", "fp16"],
    ... )
    >>> result = mpsolve.solve(problem)
    >>> result.reason, result.layout["conv1"], result.usage["memory"]
    (<Reason.OPTIMAL: 'OPTIMAL'>, 'int8', 5120)
    """
    start = time.perf_counter()
    clipped = psd_clipped(problem) if clado_psd else None
    if clipped is not None:
        problem = clipped.problem
    merged = problem.merged
    parameters = Parameters(
        time_limit=time_limit,
        rel_gap=rel_gap,
        abs_gap=abs_gap,
        memory_limit=memory_limit,
        node_limit=node_limit,
        threads=threads,
        seed=seed,
        hint=None if hint is None else _contracted(problem, hint),
        progress=_in_its_sense(problem, progress),
    )
    if method == "auto":
        chosen = choose_method(problem, parameters)
    else:
        chosen = get_method(method) if isinstance(method, str) else method
        _check_support(problem, chosen)
    _check_parameters(chosen, parameters)
    answer = chosen.solve(merged, parameters)
    result = checked(problem, chosen.name, answer, parameters, start)
    if clipped is None or not clipped.num_negative:
        return result
    return _restored(clipped, result)


def _restored(clipped: Clipped, found: Result) -> Result:
    """Return what was found for a clipped objective as a result for the true one."""
    what = (
        f"CLADO's clipping set {clipped.num_negative} negative eigenvalues to 0, "
        f"{clipped.removed:.3g} of the form"
    )
    # A layout is a 0/1 vector of as many ones as groups, whose form loses at most half
    # of its squared length times the least eigenvalue; with room for their rounding.
    lowest = float(clipped.eigenvalues[0]) * clipped.original.num_groups / 2.0
    bound = found.bound + lowest * (1.0 + 1e-9)
    if found.layout is None:
        detail = "; ".join(text for text in (found.detail, what) if text)
        return replace(found, bound=bound, detail=detail)
    layout = clipped.restore(found.layout)
    verification = verify(clipped.original, layout)
    return replace(
        found,
        reason=Reason.FEASIBLE,
        limit=found.limit or Limit.OTHER,
        bound=min(bound, verification.loss),
        layout=layout,
        usage=verification.usage,
        detail=f"{what}; the clipped objective is {found.loss!r} here, {found.reason}",
        primal=verification.loss,
        total=verification.total,
    )


def _in_its_sense(problem: Problem, progress: Progress | None) -> Progress | None:
    """Return a callback that hears gains where the problem maximises them."""
    if progress is None or not problem.maximize:
        return progress

    def report(loss: float | None, bound: float, labels: int) -> None:
        progress(None if loss is None else -loss, -bound, labels)

    return report


def _contracted(problem: Problem, hint: Layout) -> npt.NDArray[np.int64] | None:
    """Return a hint as options of merged groups; None where it breaks a tie."""
    if not np.array_equal(hint.problem.offsets, problem.offsets):
        msg = f"hint must be a layout of this problem. Got {hint!r} of {hint.problem!r}"
        raise InvalidParameterError(msg)
    return problem.merged.contract(hint.choices)


def _check_support(problem: Problem, method: Method) -> None:
    require(method)
    if cannot := cannot_solve(method, problem):
        msg = f"the method {method.name!r} cannot solve {'; '.join(cannot)}"
        raise UnsupportedProblemError(msg)


def _check_parameters(method: Method, parameters: Parameters) -> None:
    if ignored := parameters.given() - method.capabilities.parameters:
        known = ", ".join(sorted(method.capabilities.parameters)) or "none"
        msg = (
            f"the method {method.name!r} cannot honour {', '.join(sorted(ignored))}. "
            f"It takes: {known}"
        )
        raise InvalidParameterError(msg)


def checked(
    problem: Problem,
    method: str,
    answer: Answer,
    parameters: Parameters,
    start: float,
) -> Result:
    """Evaluate an answer again, and make it a result only where all of it holds."""
    sign = -1.0 if problem.maximize else 1.0
    multipliers = {
        name: value * float(problem.resources[name].scale)
        for name, value in answer.multipliers.items()
    }
    if answer.choices is None:
        is_infeasible = answer.reason is Reason.INFEASIBLE
        why, nearest = why_infeasible(problem) if is_infeasible else ("", {})
        # Unless a budget fails by itself, a method that says why knows best.
        details = (why if nearest or not answer.detail else "", answer.detail)
        return Result(
            reason=answer.reason,
            method=method,
            bound=sign * (math.inf if is_infeasible else answer.bound),
            multipliers=multipliers,
            limit=answer.limit,
            detail="; ".join(text for text in details if text),
            time=time.perf_counter() - start,
            counters=answer.counters,
            rel_gap=parameters.rel_gap,
            abs_gap=parameters.abs_gap,
            nearest=nearest,
        )
    layout = Layout(problem, problem.merged.expand(answer.choices))
    verification = verify(problem, layout)
    if not verification:
        broken = "; ".join(verification.violations)
        msg = f"the method {method!r} returned a layout that is not feasible: {broken}"
        raise VerificationError(msg)
    loss = sign * verification.loss
    rounding = ROUNDING * abs(loss)
    is_optimal = answer.reason is Reason.OPTIMAL
    claims = [answer.loss, answer.bound if is_optimal else max(answer.bound, loss)]
    if not all(c is None or abs(c - loss) <= rounding for c in claims):
        # Gains and losses may cancel: what counts is the size of what was summed.
        rounding = ROUNDING * _size(problem, layout)
    # Each comparison is the one that a nan fails.
    if answer.loss is not None and not abs(answer.loss - loss) <= rounding:
        msg = f"the method {method!r} claims the loss {answer.loss!r}; it is {loss!r}"
        raise VerificationError(msg)
    if not answer.bound <= loss + rounding:
        msg = f"the method {method!r} claims the bound {answer.bound!r} above {loss!r}"
        raise VerificationError(msg)
    bound = min(answer.bound, loss)
    allowed = max(parameters.abs_gap, parameters.rel_gap * abs(loss), rounding)
    if is_optimal and not loss - bound <= allowed:
        msg = f"the method {method!r} claims OPTIMAL with a gap of {loss - bound!r}"
        raise VerificationError(msg)
    return Result(
        reason=answer.reason,
        method=method,
        bound=sign * bound,
        layout=layout,
        usage=verification.usage,
        multipliers=multipliers,
        limit=answer.limit,
        detail=answer.detail,
        time=time.perf_counter() - start,
        counters=answer.counters,
        rel_gap=parameters.rel_gap,
        abs_gap=parameters.abs_gap,
        primal=verification.loss,
        total=verification.total,
    )


def _size(problem: Problem, layout: Layout) -> float:
    """Return the sum of the absolute losses of a layout, couplings included."""
    size = float(np.abs(problem.loss[layout.flat]).sum())
    find = problem.layers.index
    for c in problem.couplings:
        choices = layout.choices[find(c.first)], layout.choices[find(c.second)]
        size += abs(float(c.table[choices]))
    return size
