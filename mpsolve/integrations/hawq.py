"""HAWQ: traces and quantization errors of layers, as in its integer programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.integrations.tables import Table, ragged_problem
from mpsolve.model.problem import BudgetLike, Problem

__all__ = ["bit_config", "problem"]


def problem(
    layers: Sequence[str],
    trace: Sequence[float],
    weight_error: Mapping[int, Sequence[float]],
    parameters: Sequence[int],
    *,
    macs: Sequence[int] | None = None,
    latency: Mapping[int, Sequence[float]] | None = None,
    ties: Iterable[Iterable[str]] = (),
    budgets: Mapping[str, BudgetLike] | None = None,
) -> Problem:
    r"""Return HAWQ's problem: :math:`\sum_i \bar{Tr}(H_i) \|Q(W_i) - W_i\|^2`.

    Z. Yao et al., "HAWQ-V3: Dyadic Neural Network Quantization", ICML 2021,
    arXiv:2011.10680, equations 5 to 8.

    Parameters
    ----------
    layers : sequence of str, length n
    trace : sequence of float, length n
        Trace of each layer's Hessian, divided by its number of parameters.
    weight_error : mapping of int to sequence of float, length n
        Squared quantization error of the weights, by bits.
    parameters : sequence of int, length n
    macs : sequence of int, length n, optional
        Multiply-accumulates; then there is a resource ``"bops"``: macs × bits².
    latency : mapping of int to sequence of float, length n, optional
        Measured, in milliseconds, by bits.
    ties : iterable of iterables of str
        Layers that must agree, as those that meet at an addition.
    budgets : mapping, optional
        On ``"memory"`` in bytes, ``"bops"`` and ``"latency"``.

    Returns
    -------
    Problem
        Precisions are ``int4``, ``int8``, ….

    Raises
    ------
    InvalidProblemError
        If the tables differ in length or in bits.

    Examples
    --------
    >>> problem(["a", "b"], [2.0, 1.0], {4: [0.5, 0.1], 8: [0.01, 0.001]}, [100, 200],
    ...         budgets={"memory": 250})
    Problem(2 groups, 4 options, memory <= 250)
    """
    n, bits = len(layers), sorted(weight_error)
    columns: dict[str, Sequence[float]] = {"trace": trace, "parameters": parameters}
    columns |= {f"weight_error[{b}]": weight_error[b] for b in bits}
    columns |= {f"latency[{b}]": (latency or {}).get(b, ()) for b in bits if latency}
    if macs is not None:
        columns["macs"] = macs
    faults = [
        Fault(name, f"must have {n} numbers, one for each layer. Got {len(column)}")
        for name, column in columns.items()
        if len(column) != n
    ]
    if faults or not bits:
        raise InvalidProblemError(faults or [Fault("weight_error", "has no bits")])
    # Packed to whole bytes, as a file would hold them.
    usage: dict[str, Table] = {
        "memory": [[-(-p * b // 8) for b in bits] for p in parameters]
    }
    if macs is not None:
        usage["bops"] = [[count * b * b for b in bits] for count in macs]
    if latency is not None:
        usage["latency"] = [[latency[b][i] for b in bits] for i in range(n)]
    return ragged_problem(
        layers,
        [[f"int{b}" for b in bits]] * n,
        [[trace[i] * weight_error[b][i] for b in bits] for i in range(n)],
        usage,
        budgets,
        ties=ties,
        units={"latency": "ms"} if latency is not None else None,
        source="HAWQ",
    )


def bit_config(layout: Mapping[str, str]) -> dict[str, int]:
    """Return a layout as HAWQ's ``bit_config``: bits by layer.

    Parameters
    ----------
    layout : mapping of str to str
        Precisions ``int4``, ``int8``, ….

    Returns
    -------
    dict of str to int

    Raises
    ------
    InvalidParameterError
        If a precision's name does not say its bits.

    Examples
    --------
    >>> bit_config({"stage1.unit1.quant_convbn1": "int4"})
    {'stage1.unit1.quant_convbn1': 4}
    """
    from mpsolve.integrations.formats import parse_format

    return {layer: parse_format(name).bits for layer, name in layout.items()}
