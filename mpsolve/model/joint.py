"""Joint configurations: every way to give a sub-graph's layers their precisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from mpsolve.model.faults import Faults
from mpsolve.model.group import Group, Option

__all__ = ["JOIN", "joint_options", "layer_precisions"]

#: Between the names of layers and of precisions of a joint configuration.
JOIN = "+"

#: Configurations of one sub-graph; above it nobody has measured them anyway.
MOST_CONFIGURATIONS = 1_000_000

Floats = npt.NDArray[np.float64]

#: A table (layers, P), summed over a sub-graph's layers; or arrays by sub-graph with an
#: axis of P for each of its layers.
Values = npt.ArrayLike | Mapping[tuple[str, ...], npt.ArrayLike]


def joint_options(
    subgraphs: Iterable[Sequence[str]],
    layers: Sequence[str],
    precisions: Sequence[str],
    loss: Values,
    usage: Mapping[str, Values] | None = None,
    *,
    maximize: bool = False,
    pareto: bool = False,
) -> list[Group]:
    r"""Return a group for each sub-graph, an option for each joint configuration.

    The integer program of the Gaudi paper (arXiv 2505.13060), with configurations q of
    sub-graphs J, is ``maximize`` with the measured gain as loss and the loss-MSE d as a
    resource:

    .. math:: \max \sum_J \sum_q g_{Jq} y_{Jq} \quad\text{s.t.}\quad \sum_q y_{Jq} = 1,
        \quad \sum_J \sum_q \Bigl(\sum_{l \in J} d_{l q_l}\Bigr) y_{Jq} \le D .

    Parameters
    ----------
    subgraphs : iterable of sequences of str
        Disjoint sets of layers, as from :func:`mpsolve.sequential_subgraphs`.
    layers : sequence of str
        Names of the rows of tables.
    precisions : sequence of str
        Names of the P precisions.
    loss : array_like, shape (layers, P), or mapping
        Loss (or gain) of a configuration: summed over its layers from a table, or
        measured: ``loss[subgraph][i, j, …]`` where its layers have precisions i, j, ….
        A measured gain may be negative.
    usage : mapping of str to the same, optional
        Usage of each resource.
    maximize : bool
        Whether `loss` holds gains; for `pareto`.
    pareto : bool
        Drop configurations that another one is as good as in the loss and in every
        usage. Only where all budgets are upper bounds.

    Returns
    -------
    list of Group
        Named as their layers, joined by ``+``, as are the options. An inventory cannot
        look into joint options.

    Raises
    ------
    InvalidProblemError
        With every fault found.

    Examples
    --------
    Two layers that run together, measured, and one alone.

    >>> gain = {("q", "k"): [[0, 1.5], [1.5, 4.0]], ("o",): [0, 2.0]}
    >>> groups = joint_options(
    ...     [("q", "k"), ("o",)], ["q", "k", "o"], ["bf16", "fp8"], gain,
    ...     {"mse": [[0, 3.0], [0, 1.0], [0, 2.0]]}, maximize=True, pareto=True)
    >>> [(o.precision, o.loss, o.usage["mse"]) for o in groups[0].options]
    [('bf16+bf16', 0.0, 0.0), ('bf16+fp8', 1.5, 1.0), ('fp8+fp8', 4.0, 4.0)]

    >>> import mpsolve
    >>> problem = mpsolve.Problem(groups, budgets={"mse": 4.0}, maximize=True)
    >>> result = mpsolve.solve(problem)
    >>> result.loss, layer_precisions(result.layout, [("q", "k"), ("o",)])
    (4.0, {'q': 'fp8', 'k': 'fp8', 'o': 'bf16'})
    """
    faults = Faults()
    parts = [tuple(part) for part in subgraphs]
    _check(parts, layers, precisions, faults)
    rows = {layer: i for i, layer in enumerate(layers)}
    values = {"loss": loss} | {f"usage[{k!r}]": v for k, v in (usage or {}).items()}
    groups = []
    for part in parts:
        tables = [
            _values(path, given, part, rows, len(precisions), faults)
            for path, given in values.items()
        ]
        if faults:
            continue
        table = np.stack([values.reshape(-1) for values in tables], axis=1)
        names = [JOIN.join(names) for names in product(precisions, repeat=len(part))]
        kept = undominated(
            table * ([-1.0 if maximize else 1.0] + [1.0] * (len(tables) - 1))
        )
        options = [
            Option(
                names[q],
                float(table[q, 0]),
                dict(zip(usage or {}, table[q, 1:].tolist(), strict=True)),
            )
            for q in (kept if pareto else range(len(names)))
        ]
        groups.append(Group(JOIN.join(part), options))
    faults.raise_if_any()
    return groups


def layer_precisions(
    layout: Mapping[str, str], subgraphs: Iterable[Sequence[str]]
) -> dict[str, str]:
    """Return the precision of every layer from a layout of joint configurations.

    Parameters
    ----------
    layout : Layout, or mapping of str to str
        Of a problem of :func:`joint_options`.
    subgraphs : iterable of sequences of str
        The same as there.

    Returns
    -------
    dict of str to str
    """
    found: dict[str, str] = {}
    for part in subgraphs:
        names = layout[JOIN.join(part)].split(JOIN)
        found.update(zip(part, names, strict=True))
    return found


def undominated(table: Floats) -> list[int]:
    """Return the rows that no other row is at most in every column.

    Parameters
    ----------
    table : ndarray of float64, shape (n, m)

    Returns
    -------
    list of int
        Positions upward; of equal rows, the first.
    """
    order = np.lexsort((np.arange(len(table)), *table.T[::-1]))
    kept: list[int] = []
    front = np.empty_like(table)
    for row in order:
        # What dominates a row comes before it in lexicographic order.
        if not (front[: len(kept)] <= table[row]).all(axis=1).any():
            front[len(kept)] = table[row]
            kept.append(int(row))
    return sorted(kept)


def _check(
    parts: Sequence[tuple[str, ...]],
    layers: Sequence[str],
    precisions: Sequence[str],
    faults: Faults,
) -> None:
    seen: set[str] = set()
    known = set(layers)
    for i, part in enumerate(parts):
        path = f"subgraphs[{i}]"
        if not part:
            faults.add(path, "has no layer")
        for layer in part:
            if layer not in known:
                faults.add(path, f"no layer is named {layer!r}")
            elif layer in seen:
                faults.add(path, f"{layer!r} is in more than one place")
            seen.add(layer)
        if len(precisions) ** len(part) > MOST_CONFIGURATIONS:
            number = f"{len(precisions)}^{len(part)}"
            message = f"has {number} configurations; at most {MOST_CONFIGURATIONS:,}"
            faults.add(path, message)
    for name in precisions:
        if JOIN in name:
            faults.add("precisions", f"must not contain {JOIN!r}. Got {name!r}")
    faults.raise_if_any()


def _values(
    path: str,
    given: Values,
    part: tuple[str, ...],
    rows: Mapping[str, int],
    num_precisions: int,
    faults: Faults,
) -> Floats:
    """Return the values of a sub-graph's configurations, an axis for each layer."""
    shape = (num_precisions,) * len(part)
    if isinstance(given, Mapping):
        if part not in given:
            faults.add(path, f"nothing for the sub-graph {part}")
            return np.zeros(shape)
        measured = np.asarray(given[part], dtype=np.float64)
        if measured.shape != shape:
            message = f"must have shape {shape}. Got {measured.shape}"
            faults.add(f"{path}[{part}]", message)
            return np.zeros(shape)
        return measured
    table = np.asarray(given, dtype=np.float64)
    if table.shape != (len(rows), num_precisions):
        message = f"must have shape ({len(rows)}, {num_precisions}). Got {table.shape}"
        faults.add(path, message)
        return np.zeros(shape)
    total = np.zeros(())
    for layer in part:
        total = total[..., None] + table[rows[layer]]
    return total
