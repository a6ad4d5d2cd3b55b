"""Algorithm 3: precisions for a network whose parameters are already rounded."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from mpsolve.model.storage import storage_problems
from mpsolve.result import Result
from mpsolve.solving import solve

__all__ = ["gradient_storage"]


P = ParamSpec("P")
T = TypeVar("T")


def _taking_what(
    other: Callable[P, object],
) -> Callable[[Callable[..., T]], Callable[P, T]]:
    """Give a function the parameters of another, for readers and for type checkers."""

    def decorate(function: Callable[..., T]) -> Callable[P, T]:
        parameters = signature(other).parameters.values()
        own = signature(function).replace(parameters=list(parameters))
        function.__signature__ = own  # type: ignore[attr-defined]
        return function

    return decorate


@_taking_what(storage_problems)
def gradient_storage(*args: Any, **kwargs: Any) -> dict[str, Result]:
    """Solve the problems of Algorithm 3 of Cheng and Chen, arXiv 2202.05137.

    With one error for both tensors these are products of a layer's and a precision's
    number, which sorting solves (``method="rearrange"``); with errors of their own the
    shared problem is a flow (``"transport"``). Either way the result says so.

    Parameters
    ----------
    *args, **kwargs
        As for :func:`mpsolve.model.storage.storage_problems`.

    Returns
    -------
    dict of str to Result
        ``"layers"`` where inputs and parameters share a precision; ``"inputs"`` and
        ``"parameters"`` where they have inventories of their own, and the loss is the
        sum of both.

    Raises
    ------
    InvalidProblemError
        With every fault found.

    Examples
    --------
    >>> shared = gradient_storage(
    ...     [1, 2], [5, 1], [1e-3, 1e-7], {"fp16": 1, "fp32": 1},
    ...     precisions=["fp16", "fp32"])
    >>> shared["layers"].method, list(shared["layers"].layout.values())
    ('rearrange', ['fp32', 'fp16'])
    >>> counts = {"fp16": 1, "fp32": 1}
    >>> own = gradient_storage(
    ...     [1, 2], [5, 1], [1e-3, 1e-7], counts, parameter_inventory=counts,
    ...     precisions=["fp16", "fp32"])
    >>> [list(result.layout.values()) for result in own.values()]
    [['fp16', 'fp32'], ['fp32', 'fp16']]
    """
    problems = storage_problems(*args, **kwargs)
    return {name: solve(problem) for name, problem in problems.items()}
