"""Reading and checking what describes a network's conversions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.model.datatypes import is_lossless, lossless_matrix, parse_type
from mpsolve.model.faults import Faults
from mpsolve.model.graph import Edge
from mpsolve.model.group import is_real

__all__ = ["Lossless", "Precision", "Sensitivity", "represents"]

#: Sensitivity by consumer or by (producer, consumer), or one for each node.
Sensitivity = Mapping[str, float] | Mapping[Edge, float] | npt.ArrayLike

#: (P, P) booleans, or the names of P types.
Lossless = npt.ArrayLike | Sequence[str]

#: A position or name among the P, the name of another type, or (P,) booleans.
Precision = int | str | npt.ArrayLike

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Exact:
    """Which conversions keep every value.

    Attributes
    ----------
    matrix : ndarray of bool, shape (P, P)
    names : tuple of str or None
        Names of the types, where they were given.
    """

    matrix: Bools
    names: tuple[str, ...] | None


def read_lossless(lossless: Lossless, faults: Faults) -> Exact:
    """Read the lossless relation from a matrix or from names of types."""
    if _are_names(lossless):
        names = tuple(str(name) for name in lossless)  # type: ignore[union-attr]
        return Exact(lossless_matrix(names), names)
    matrix = np.array(lossless)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.dtype != bool:
        faults.add(
            "lossless",
            "must be a square matrix of bool, or names of types. Got shape "
            f"{matrix.shape} of {matrix.dtype}",
        )
        faults.raise_if_any()
    # A tensor that keeps its precision is not converted.
    np.fill_diagonal(matrix, val=True)
    return Exact(matrix, None)


def read_errors(
    error: npt.ArrayLike, nodes: Sequence[str], num_precisions: int, faults: Faults
) -> Mapping[str, Floats]:
    """Read the rounding errors of every precision, by layer."""
    errors = np.asarray(error, dtype=np.float64)
    allowed = ((num_precisions,), (len(nodes), num_precisions))
    if errors.shape not in allowed:
        message = f"must have shape {allowed[0]} or {allowed[1]}. Got {errors.shape}"
        faults.add("error", message)
        faults.raise_if_any()
    for place in np.argwhere(~np.isfinite(errors)):
        index = ", ".join(map(str, place))
        faults.add(f"error[{index}]", f"must be finite. Got {errors[tuple(place)]}")
    rows = np.broadcast_to(errors, allowed[1])
    return dict(zip(nodes, rows, strict=True))


class Sensitivities:
    """Sensitivity of the loss to the input of every layer.

    Parameters
    ----------
    given : mapping or array_like, shape (nodes,)
    nodes : sequence of str
    edges : sequence of (str, str)
    faults : Faults
    """

    def __init__(
        self,
        given: Sensitivity,
        nodes: Sequence[str],
        edges: Sequence[Edge],
        faults: Faults,
    ) -> None:
        self._faults = faults
        self._of: dict[object, float] = {}
        if isinstance(given, Mapping):
            items = [(key, value) for key, value in given.items()]
        else:
            values = np.asarray(given, dtype=np.float64)
            if values.shape != (len(nodes),):
                message = (
                    f"must have shape ({len(nodes)},), the nodes. Got {values.shape}"
                )
                faults.add("sensitivity", message)
                faults.raise_if_any()
            items = list(zip(nodes, values.tolist(), strict=True))
        known: set[object] = {*nodes, *edges}
        for key, value in items:
            path = f"sensitivity[{key!r}]"
            if key not in known:
                faults.add(path, "the graph has no such layer or edge")
            elif not is_real(value) or not math.isfinite(value):
                faults.add(path, f"must be finite. Got {value!r}")
            else:
                self._of[key] = float(value)
        self._faulty = {key for key, _ in items} - set(self._of)

    def __call__(self, consumer: str, producer: str | None = None) -> float:
        """Return the sensitivity of a consumer's input, from a producer if any."""
        for key in ((producer, consumer), consumer):
            if key in self._of:
                return self._of[key]
            if key in self._faulty:
                return 0.0
        place = consumer if producer is None else (producer, consumer)
        self._faults.add(f"sensitivity[{place!r}]", "is missing")
        return 0.0


def represents(
    path: str, precision: Precision, exact: Exact, faults: Faults, *, inward: bool
) -> tuple[Bools, int | None]:
    """Say which precisions are exactly convertible from, or to, a declared one.

    Parameters
    ----------
    path : str
        Name of the argument.
    precision : int, str or array_like of bool, shape (P,)
        The declared precision.
    exact : Exact
    faults : Faults
    inward : bool
        True where the declared precision is converted to each of the P, as at the
        source; False where each is converted to it, as at the sink.

    Returns
    -------
    is_exact : ndarray of bool, shape (P,)
    position : int or None
        The declared precision's position, where it is one of the P.
    """
    size = len(exact.matrix)
    names = exact.names or ()
    position: int | None = None
    if isinstance(precision, str):
        if precision in names:
            position = names.index(precision)
        elif exact.names is not None and (other := parse_type(precision)) is not None:
            kinds = [parse_type(name) for name in names]
            pairs = [(other, kind) if inward else (kind, other) for kind in kinds]
            flags = [
                a is not None and b is not None and is_lossless(a, b) for a, b in pairs
            ]
            return np.array(flags, dtype=bool), None
        else:
            known = ", ".join(names) or "no names, as lossless is a matrix"
            faults.add(
                path, f"must be a known type. Got {precision!r}; named are {known}"
            )
            return np.ones(size, dtype=bool), None
    elif isinstance(precision, int | np.integer) and not isinstance(precision, bool):
        if not 0 <= precision < size:
            message = f"must be a position from 0 to {size - 1}. Got {precision}"
            faults.add(path, message)
            return np.ones(size, dtype=bool), None
        position = int(precision)
    if position is not None:
        matrix = exact.matrix
        return (matrix[position] if inward else matrix[:, position]), position
    given = np.asarray(precision)
    if given.shape != (size,) or given.dtype != bool:
        message = f"must be a position, a name, or {size} bools. Got {precision!r}"
        faults.add(path, message)
        return np.ones(size, dtype=bool), None
    return given, None


def _are_names(lossless: Lossless) -> bool:
    return isinstance(lossless, list | tuple) and all(
        isinstance(name, str) for name in lossless
    )
