"""Tables of what llama.cpp's tools print: KL divergences, and imatrix errors."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from mpsolve.errors import Fault, InvalidParameterError
from mpsolve.integrations.assign import CannotExpressError
from mpsolve.integrations.csv_tables import raise_in, read_rows
from mpsolve.integrations.gguf_sizes import tensor_bytes
from mpsolve.integrations.tables import ragged_problem
from mpsolve.model.problem import BudgetLike, Problem

__all__ = ["imatrix_problem", "kld_problem"]


def kld_problem(
    path: str | PathLike[str],
    *,
    budgets: Mapping[str, BudgetLike] | None = None,
) -> Problem:
    """Return the problem of a table of KL divergences, a row for a tensor and type.

    ``llama-perplexity --kl-divergence`` prints one divergence for a model in which one
    tensor has another type; such runs, collected, are this table.

    Parameters
    ----------
    path : str or PathLike
        CSV with columns ``tensor``, ``type`` and ``kld``, and either ``bytes`` or
        ``elements``, for types whose blocks are known.
    budgets : mapping, optional
        On ``"memory"``, in bytes.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        With every fault and its line.
    """
    return _problem(path, "kld", budgets, "llama-perplexity --kl-divergence")


def imatrix_problem(
    path: str | PathLike[str],
    *,
    budgets: Mapping[str, BudgetLike] | None = None,
) -> Problem:
    """Return the problem of a table of errors weighted by an importance matrix.

    Parameters
    ----------
    path : str or PathLike
        CSV with columns ``tensor``, ``type`` and ``error``: the sum over a tensor of
        importance × squared error, and either ``bytes`` or ``elements``.
    budgets : mapping, optional
        On ``"memory"``, in bytes.

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        With every fault and its line.
    """
    return _problem(path, "error", budgets, "llama-imatrix")


def _problem(
    path: str | PathLike[str],
    column: str,
    budgets: Mapping[str, BudgetLike] | None,
    source: str,
) -> Problem:
    header, rows = read_rows(path, ["tensor", "type", column])
    if "bytes" not in header and "elements" not in header:
        msg = f"{path}: must have a column 'bytes' or 'elements'"
        raise InvalidParameterError(msg)
    faults: list[Fault] = []
    options: dict[str, dict[str, tuple[float, int]]] = {}
    for row in rows:
        loss = row.number(column, faults, float)
        size = 0
        if row.get("bytes"):
            size = row.number("bytes", faults, int)
        else:
            try:
                size = tensor_bytes(row.number("elements", faults, int), row["type"])
            except CannotExpressError as error:
                faults.append(Fault(f"line {row.line}", str(error)))
        types = options.setdefault(row["tensor"], {})
        if row["type"] in types:
            message = f"{row['tensor']!r} as {row['type']!r} is there twice"
            faults.append(Fault(f"line {row.line}", message))
        types[row["type"]] = loss, size
    raise_in(faults, str(path))
    return ragged_problem(
        list(options),
        [list(types) for types in options.values()],
        [[loss for loss, _ in types.values()] for types in options.values()],
        {
            "memory": [
                [size for _, size in types.values()] for types in options.values()
            ]
        },
        budgets,
        source=source,
    )
