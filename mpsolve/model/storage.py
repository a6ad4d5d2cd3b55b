"""Networks whose parameters are already rounded: the problems of Algorithm 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from mpsolve.model.faults import Faults
from mpsolve.model.inventory import Inventory
from mpsolve.model.problem import Problem

__all__ = ["storage_problems"]

Counts = Inventory | Mapping[str, int]


def storage_problems(
    input_gradient: npt.ArrayLike,
    parameter_gradient: npt.ArrayLike,
    error: npt.ArrayLike,
    inventory: Counts,
    *,
    parameter_error: npt.ArrayLike | None = None,
    parameter_inventory: Counts | None = None,
    layers: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
) -> dict[str, Problem]:
    r"""Return the problems of Algorithm 3 of Cheng and Chen, arXiv 2202.05137.

    At the stored network, with gradient norms :math:`a_l` at the input of layer l and
    :math:`b_l` at its parameters, the loss is at most

    .. math:: \sum_l a_l e_{x(l)} + b_l e_{w(l)} .

    Where input and parameters of a layer share one precision, that is one problem with
    losses :math:`a_l e_k + b_l e_k`. Where they have inventories of their own, it is
    two problems that do not touch each other.

    Parameters
    ----------
    input_gradient, parameter_gradient : array_like of float, shape (layers,)
        Norms a and b, at least 0.
    error : array_like of float, shape (P,)
        Rounding error of every precision, on inputs.
    inventory : Inventory or mapping of str to int
        How many layers get each precision.
    parameter_error : array_like of float, shape (P,), optional
        Rounding error on parameters, where it differs from that on inputs.
    parameter_inventory : Inventory or mapping of str to int, optional
        Gives the parameters precisions of their own.
    layers, precisions : sequence of str, optional
        As for :meth:`mpsolve.Problem.from_arrays`.

    Returns
    -------
    dict of str to Problem
        ``"layers"``, or ``"inputs"`` and ``"parameters"``.

    Raises
    ------
    InvalidProblemError
        With every fault found.

    Examples
    --------
    >>> problems = storage_problems(
    ...     [1, 2], [5, 1], [1e-3, 1e-7], {"fp16": 1, "fp32": 1},
    ...     precisions=["fp16", "fp32"])
    >>> problems["layers"].loss.round(9).tolist()
    [0.006, 6e-07, 0.003, 3e-07]
    """
    faults = Faults()
    a = _vector("input_gradient", input_gradient, None, faults)
    b = _vector("parameter_gradient", parameter_gradient, len(a), faults)
    e = _vector("error", error, None, faults)
    e_parameters = (
        e
        if parameter_error is None
        else _vector("parameter_error", parameter_error, len(e), faults)
    )
    faults.raise_if_any()

    def problem(loss: npt.NDArray[np.float64], counts: Counts) -> Problem:
        return Problem.from_arrays(
            loss, layers=layers, precisions=precisions, inventory=counts
        )

    if parameter_inventory is None:
        if parameter_error is None:
            return {"layers": problem(np.outer(a + b, e), inventory)}
        both = np.outer(a, e) + np.outer(b, e_parameters)
        return {"layers": problem(both, inventory)}
    return {
        "inputs": problem(np.outer(a, e), inventory),
        "parameters": problem(np.outer(b, e_parameters), parameter_inventory),
    }


def _vector(
    path: str, given: npt.ArrayLike, size: int | None, faults: Faults
) -> npt.NDArray[np.float64]:
    """Read numbers that must be finite and not negative."""
    values = np.asarray(given, dtype=np.float64)
    if values.ndim != 1 or size not in (None, len(values)):
        allowed = "(n,)" if size is None else f"({size},)"
        faults.add(path, f"must have shape {allowed}. Got {values.shape}")
        return np.zeros(size or 0)
    for i in np.flatnonzero(~np.isfinite(values) | (values < 0))[:10].tolist():
        faults.add(f"{path}[{i}]", f"must be finite and >= 0. Got {values[i]}")
    return values
