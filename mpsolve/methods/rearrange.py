"""Algorithm 1: sort the layers, sort the precisions, and pair them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mpsolve.methods.proof import answer, as_integers, inventory_bounds, to_float
from mpsolve.methods.protocol import Answer, Capabilities, Parameters
from mpsolve.model.merge import Merged

__all__ = ["Rearrange"]

Ints = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]

#: Layers that are looked at before all are.
SAMPLE = 64


class Rearrange:
    r"""Algorithm 1 of Cheng and Chen [1]_, where it is optimal.

    With losses ``s_l e_k`` and a given number of layers for every precision, the least
    sensitive layers get the coarsest precision: the rearrangement inequality. The
    method asks for less than a product. There must be an order of layers and of
    precisions in which the losses have the Monge property [2]_,

    .. math:: c_{i,k} + c_{i+1,k+1} \le c_{i,k+1} + c_{i+1,k},

    and it checks that in exact arithmetic. O(L P + L log L).

    References
    ----------
    .. [1] "Quantization in Layer's Input is Matter", arXiv 2202.05137, Algorithm 1.
    .. [2] A. Hoffman, "On simple linear programming problems", Proceedings of Symposia
       in Pure Mathematics 7 (1963) 317-327.

    Examples
    --------
    >>> import mpsolve
    >>> import numpy as np
    >>> problem = mpsolve.Problem.from_arrays(
    ...     np.outer([0.5, 2, 1, 0.1, 3], [1e-3, 1e-7, 1e-16]),
    ...     precisions=["fp16", "fp32", "fp64"],
    ...     inventory={"fp16": 2, "fp32": 2, "fp64": 1})
    >>> result = mpsolve.solve(problem)
    >>> result.method, list(result.layout.values())
    ('rearrange', ['fp16', 'fp32', 'fp32', 'fp16', 'fp64'])
    """

    name = "rearrange"
    summary = "Algorithm 1: sorting, for an inventory and losses that are products"
    requires: tuple[str, ...] = ()
    extra = ""
    capabilities = Capabilities(
        proves=True,
        most_budgets=0,
        inventory=True,
        parameters=frozenset({"time_limit", "memory_limit", "hint"}),
    )

    def why_not(self, merged: Merged) -> str:
        """Say why sorting is not optimal; see :class:`mpsolve.methods.SpecialCase`."""
        if merged.problem.inventory is None:
            return "a problem without inventory"
        if not merged.num_groups or merged.width is None or (merged.sizes != 1).any():
            return "layers that are tied, fixed, or differ in their options"
        codes = merged.codes.reshape(-1, merged.width)
        if (codes != codes[0]).any():
            return "layers that are tied, fixed, or differ in their options"
        if _counts(merged) is None:
            return "an inventory that leaves the number of a precision open"
        losses = merged.loss.reshape(codes.shape)
        # Some layers tell most other losses apart from products, and fast.
        if _is_monge(losses[:SAMPLE]) and _is_monge(losses):
            return ""
        return "losses that are not ordered as products of layer and precision are"

    def solve(self, merged: Merged, parameters: Parameters) -> Answer:
        """Answer a merged problem; see :class:`mpsolve.methods.Method`."""
        losses = merged.loss.reshape(merged.num_groups, -1)
        rows, columns = _orders(losses)
        counts = np.array(_counts(merged))[columns]
        choices = np.empty(len(rows), dtype=np.int64)
        choices[rows] = np.repeat(columns, counts)
        integers, exponent = as_integers(losses[np.ix_(rows, columns)])
        bound = to_float(_dual_bound(integers, counts.tolist()), exponent)
        return answer(
            merged,
            None,
            choices,
            bound,
            parameters,
            detail=(
                "Algorithm 1 (sorting) is optimal here because the inventory gives the "
                "number of every precision, nothing else binds, and the losses "
                "are ordered as products of a layer's and a precision's number are "
                "(Monge property, checked exactly)"
            ),
        )


def _counts(merged: Merged) -> list[int] | None:
    """Return the number of layers of each option, where it is determined."""
    lower, upper = inventory_bounds(merged)
    codes = merged.codes[: merged.width].tolist()
    if set(codes) != set(range(len(lower))):
        return None  # a named precision that no layer has
    lower, upper = [lower[c] for c in codes], [upper[c] for c in codes]
    rest = merged.num_groups - sum(lower)
    loose = [k for k in range(len(lower)) if lower[k] < upper[k]]
    if rest == 0:
        return lower
    if len(loose) == 1 and 0 < rest <= upper[loose[0]] - lower[loose[0]]:
        lower[loose[0]] += rest
        return lower
    return upper if sum(upper) == merged.num_groups else None


def _orders(losses: npt.NDArray[np.float64]) -> tuple[Ints, Ints]:
    """Return the only orders that can have the Monge property, ties aside."""
    spread = losses - losses[:, :1] - (losses[:1] - losses[0, 0])
    column = int(np.abs(spread).argmax() % losses.shape[1])
    key = losses[:, column] - losses[:, 0]
    for _ in range(2):
        # Differences of the extreme rows order the columns, and the other way round.
        first, last = int(key.argmax()), int(key.argmin())
        columns = np.argsort(losses[first] - losses[last], kind="stable")
        key = losses[:, columns[-1]] - losses[:, columns[0]]
    rows = np.argsort(-key, kind="stable")
    return rows, columns


def _is_monge(losses: npt.NDArray[np.float64]) -> bool:
    """Whether some order gives losses the Monge property, without rounding."""
    losses = losses[np.ix_(*_orders(losses))]
    steps = np.diff(losses, axis=1)
    # Rounding is monotone, so this can only miss a fault, and is fast.
    if (np.diff(steps, axis=0) > 0).any():
        return False
    integers, _ = as_integers(losses)
    exact: Any = np.diff(integers, axis=1)
    return not bool((exact[1:] > exact[:-1]).any())


def _dual_bound(losses: Objects, counts: list[int]) -> int:
    """Return the transportation problem's dual bound for potentials read off the sort.

    Any potentials v give the bound ``sum_i min_k (c_ik - v_k) + sum_k n_k v_k``.
    """
    potentials: list[int] = [0]
    position = 0
    for k in range(len(counts) - 1):
        position += counts[k]
        last = max(position - 1, 0)
        potentials.append(potentials[-1] + losses[last, k + 1] - losses[last, k])
    reduced = losses - np.array(potentials, dtype=object)
    total = int(reduced.min(axis=1).sum())
    return total + sum(n * v for n, v in zip(counts, potentials, strict=True))
