"""Conversion losses: what changing precision along an edge of a network costs.

A layer consumes a tensor that another one produced. Where the consumer's type
represents every value of the producer's, the conversion is free; otherwise the consumer
pays its sensitivity times the rounding error of its type: Problem 3 of Cheng and Chen,
"Quantization in Layer's Input is Matter", arXiv 2202.05137, in forward layer order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mpsolve.model.conversion_inputs import (
    Lossless,
    Precision,
    Sensitivities,
    Sensitivity,
    read_errors,
    read_lossless,
    represents,
)
from mpsolve.model.coupling import Coupling
from mpsolve.model.faults import Faults
from mpsolve.model.graph import Edge, GraphLike, read_graph
from mpsolve.model.group import is_real

__all__ = ["boundary_loss", "conversion_loss", "monotone"]

Floats = npt.NDArray[np.float64]


def conversion_loss(
    graph: GraphLike,
    sensitivity: Sensitivity,
    error: npt.ArrayLike,
    lossless: Lossless,
    *,
    source: Precision | None = None,
    sink: Precision | None = None,
    sink_sensitivity: float | None = None,
    sink_error: float | None = None,
) -> list[Coupling]:
    r"""Return the couplings of a network's conversions, an edge each.

    An edge from layer u to layer v costs

    .. math:: T_{uv}(a, b) = \begin{cases} 0 & \text{if } b \text{ represents every
        value of } a, \\ s_{v} e_b & \text{otherwise,} \end{cases}

    with a the precision of the producer u, b that of the consumer v; the same precision
    costs nothing. A skip edge is a tensor too, and pays.

    Parameters
    ----------
    graph : networkx.DiGraph, or iterable of (str, str)
        Edges from producer to consumer; nodes are names of groups.
    sensitivity : mapping, or array_like of float, shape (nodes,)
        Change of the loss per unit of error at a consumer's input: by (producer,
        consumer), by consumer, or both, where the edge's own value counts.
    error : array_like of float, shape (P,) or (nodes, P)
        Rounding error of every precision, the same for all layers or a row for each, in
        the order of the graph's nodes. See :func:`mpsolve.rounding_errors`.
    lossless : array_like of bool, shape (P, P), or sequence of str
        ``[a, b]`` is True where b represents every value of a; or the P types' names.
    source : int, str or array_like of bool, shape (P,), optional
        Precision of the data. A layer that no layer feeds pays ``s e_b`` unless its
        precision represents the data exactly. A position or name of a precision, the
        name of another type, or for each precision whether it represents the source.
    sink : int, str or array_like of bool, shape (P,), optional
        Precision of the output. A layer that feeds no layer pays
        ``sink_sensitivity * sink_error`` unless the sink represents its precision.
    sink_sensitivity, sink_error : float, optional
        Needed with a sink; the error is that of the sink's precision where it is one of
        the P.

    Returns
    -------
    list of Coupling
        In the order of the edges. What a layer pays at the source or sink depends on
        that layer alone, and is carried by one of its couplings: the sum over all
        couplings is the loss. :func:`mpsolve.boundary_loss` gives it as a table.

    Raises
    ------
    InvalidProblemError
        With every fault found; among them a layer without any edge that pays at the
        source or sink, which no coupling can carry.

    Examples
    --------
    The paper's example: levels 16, 32, 16, 64, 32 lose something at layers 3 and 5.

    >>> import mpsolve
    >>> names = ["fp16", "fp32", "fp64"]
    >>> layers = ["l1", "l2", "l3", "l4", "l5"]
    >>> chain = list(zip(layers, layers[1:]))
    >>> couplings = mpsolve.conversion_loss(
    ...     chain, [0.5, 2, 1, 0.1, 3], [1e-3, 1e-7, 1e-16], names)
    >>> problem = mpsolve.Problem.from_arrays(
    ...     [[0, 0, 0]] * 5, layers=layers, precisions=names, couplings=couplings)
    >>> layout = mpsolve.Layout(problem, [0, 1, 0, 2, 1])
    >>> mpsolve.verify(problem, layout).loss == 1 * 1e-3 + 3 * 1e-7
    True
    """
    boundary = _Boundary(source, sink, sink_sensitivity, sink_error)
    edges, tables, terms = _terms(graph, sensitivity, error, lossless, boundary)
    carrier: dict[str, tuple[int, int]] = {}  # coupling and the other layer's axis
    for i, (producer, consumer) in enumerate(edges):
        carrier.setdefault(producer, (i, 1))
        carrier.setdefault(consumer, (i, 0))
    faults = Faults()
    for layer, loss in terms.items():
        if layer in carrier:
            i, axis = carrier[layer]
            tables[i] = tables[i] + np.expand_dims(loss, axis)
        else:
            faults.add(
                "graph",
                f"{layer!r} has no edge whose coupling could carry what it pays at the "
                "source or sink; add boundary_loss(...) to its losses instead",
            )
    faults.raise_if_any()
    return [Coupling(*edge, table) for edge, table in zip(edges, tables, strict=True)]


def boundary_loss(
    graph: GraphLike,
    sensitivity: Sensitivity,
    error: npt.ArrayLike,
    lossless: Lossless,
    *,
    source: Precision | None = None,
    sink: Precision | None = None,
    sink_sensitivity: float | None = None,
    sink_error: float | None = None,
) -> dict[str, Floats]:
    """Return what the layers at the source and the sink of a network pay.

    :func:`conversion_loss` puts these losses into its couplings already; this is for
    those who want to see them, or add them to the losses of a layer without any edge.

    Parameters
    ----------
    graph, sensitivity, error, lossless, source, sink, sink_sensitivity, sink_error
        As for :func:`conversion_loss`.

    Returns
    -------
    dict of str to ndarray of float64, shape (P,)
        Loss of each precision by layer, for the layers that pay anything.

    Raises
    ------
    InvalidProblemError
        With every fault found.

    Examples
    --------
    Data of fp32: a first layer of fp16 pays.

    >>> terms = boundary_loss([("a", "b")], {"a": 10, "b": 1}, [1e-3, 1e-7],
    ...                       ["fp16", "fp32"], source="fp32")
    >>> {layer: loss.tolist() for layer, loss in terms.items()}
    {'a': [0.01, 0.0]}
    """
    boundary = _Boundary(source, sink, sink_sensitivity, sink_error)
    return _terms(graph, sensitivity, error, lossless, boundary)[2]


def monotone(graph: GraphLike, lossless: Lossless) -> list[Coupling]:
    """Return couplings that forbid every conversion that loses something.

    Parameters
    ----------
    graph : networkx.DiGraph, or iterable of (str, str)
        Edges from producer to consumer; nodes are names of groups.
    lossless : array_like of bool, shape (P, P), or sequence of str
        ``[a, b]`` is True where b represents every value of a; or the P types' names.

    Returns
    -------
    list of Coupling
        An edge each; infinite where the conversion is not lossless, else 0.

    Raises
    ------
    InvalidProblemError
        With every fault found.

    Examples
    --------
    >>> monotone([("a", "b")], ["fp16", "fp32"])[0].table.tolist()
    [[0.0, 0.0], [inf, 0.0]]
    """
    _, edges = read_graph(graph)
    faults = Faults()
    exact = read_lossless(lossless, faults)
    faults.raise_if_any()
    table = np.where(exact.matrix, 0.0, math.inf)
    return [Coupling(producer, consumer, table) for producer, consumer in edges]


@dataclass(frozen=True)
class _Boundary:
    """The declared precisions around a network."""

    source: Precision | None
    sink: Precision | None
    sink_sensitivity: float | None
    sink_error: float | None


def _terms(
    graph: GraphLike,
    sensitivity: Sensitivity,
    error: npt.ArrayLike,
    lossless: Lossless,
    boundary: _Boundary,
) -> tuple[list[Edge], list[Floats], dict[str, Floats]]:
    """Return the edges, a table for each, and what boundary layers pay."""
    nodes, edges = read_graph(graph)
    faults = Faults()
    exact = read_lossless(lossless, faults)
    errors = read_errors(error, nodes, len(exact.matrix), faults)
    sensitivities = Sensitivities(sensitivity, nodes, edges, faults)
    tables = [
        np.where(
            exact.matrix, 0.0, sensitivities(consumer, producer) * errors[consumer]
        )
        for producer, consumer in edges
    ]
    paid: dict[str, Floats] = {}
    if boundary.source is not None:
        is_exact, _ = represents("source", boundary.source, exact, faults, inward=True)
        for layer in _without(nodes, [consumer for _, consumer in edges]):
            loss = np.where(is_exact, 0.0, sensitivities(layer) * errors[layer])
            paid[layer] = loss
    if boundary.sink is not None:
        is_exact, position = represents(
            "sink", boundary.sink, exact, faults, inward=False
        )
        scale = boundary.sink_sensitivity
        _check_sink("sink_sensitivity", scale, faults)
        if boundary.sink_error is not None or position is None:
            _check_sink("sink_error", boundary.sink_error, faults)
        faults.raise_if_any()
        for layer in _without(nodes, [producer for producer, _ in edges]):
            if boundary.sink_error is not None:
                sink_error = boundary.sink_error
            else:
                sink_error = float(errors[layer][position or 0])
            loss = np.where(is_exact, 0.0, (scale or 0.0) * sink_error)
            paid[layer] = paid.get(layer, 0.0) + loss
    faults.raise_if_any()
    return edges, tables, {layer: loss for layer, loss in paid.items() if loss.any()}


def _without(nodes: Sequence[str], ends: Sequence[str]) -> list[str]:
    """Return the nodes that are not among the ends of edges."""
    known = set(ends)
    return [node for node in nodes if node not in known]


def _check_sink(path: str, value: object, faults: Faults) -> None:
    if not is_real(value) or not math.isfinite(value):  # type: ignore[arg-type]
        faults.add(path, f"is needed with this sink, a finite number. Got {value!r}")
