"""Transformers with experts and a key-value cache as one problem with one budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mpsolve.errors import Fault, InvalidProblemError
from mpsolve.integrations.tables import Table, ragged_problem
from mpsolve.model.problem import BudgetLike, Problem

__all__ = ["Blocks", "KVCache", "expert_problem"]


@dataclass(frozen=True)
class Blocks:
    """Layers of one kind, each a decision: the experts, or the attention, of blocks.

    Attributes
    ----------
    names : sequence of str, length n
    precisions : sequence of str, length k
    loss : array_like, shape (n, k)
    usage : mapping of str to array_like, shape (n, k)
        ``"memory"`` in bytes, ``"time"`` in nanoseconds, …
    ties : sequence of sequences of str
        Layers that must agree; see :func:`mpsolve.integrations.fusion_ties`.
    """

    names: Sequence[str]
    precisions: Sequence[str]
    loss: npt.ArrayLike
    usage: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    ties: Sequence[Sequence[str]] = ()


@dataclass(frozen=True)
class KVCache:
    """The precision of each layer's keys and values.

    Attributes
    ----------
    names : sequence of str, length n
    precisions : sequence of str, length k
    loss : array_like, shape (n, k)
    bytes_per_token : array_like, shape (n, k)
        Of one sequence: 2 × heads × width × bits / 8.
    tokens : int
        How many tokens are kept at once, over all sequences: what the cache then
        takes of ``"memory"``, beside the weights. 0 keeps the cache out of it.
    """

    names: Sequence[str]
    precisions: Sequence[str]
    loss: npt.ArrayLike
    bytes_per_token: npt.ArrayLike
    tokens: int = 0

    def blocks(self) -> Blocks:
        """Return the cache as decisions with the resources it uses."""
        per_token = np.asarray(self.bytes_per_token)
        usage: dict[str, npt.ArrayLike] = {"kv_bytes_per_token": per_token}
        if self.tokens:
            usage["memory"] = per_token * self.tokens
        return Blocks(self.names, self.precisions, self.loss, usage)


def expert_problem(
    *parts: Blocks | KVCache,
    budgets: Mapping[str, BudgetLike],
    name: str = "",
) -> Problem:
    """Return one problem of all parts of a network, under budgets that they share.

    Every expert is a decision of its own, unless ties say otherwise: one shared budget
    instead of one for each block.

    Parameters
    ----------
    *parts : Blocks or KVCache
        A resource that a part does not name, it does not use.
    budgets : mapping
        On ``"memory"``, ``"time"``, ``"kv_bytes_per_token"``, ….
    name : str

    Returns
    -------
    Problem

    Raises
    ------
    InvalidProblemError
        If an array has not the shape of its part, or a value cannot be meant.

    Examples
    --------
    >>> experts = Blocks(["e.0", "e.1"], ["int4", "int8"], [[3, 1], [2, 1]],
    ...                  {"memory": [[10, 20], [10, 20]]})
    >>> cache = KVCache(["kv.0"], ["fp8", "bf16"], [[1, 0]], [[64, 128]], tokens=1)
    >>> expert_problem(experts, cache, budgets={"memory": 150})
    Problem(3 groups, 6 options, memory <= 150)
    """
    blocks = [part.blocks() if isinstance(part, KVCache) else part for part in parts]
    faults = []
    for number, part in enumerate(blocks):
        shape = (len(part.names), len(part.precisions))
        arrays = {"loss": part.loss}
        arrays |= {f"usage[{key!r}]": table for key, table in part.usage.items()}
        faults += [
            Fault(f"parts[{number}].{key}", f"must have the shape {shape}. Got {found}")
            for key, array in arrays.items()
            if (found := np.shape(array)) != shape
        ]
    if faults:
        raise InvalidProblemError(faults)
    resources = list(dict.fromkeys(key for part in blocks for key in part.usage))
    layers: list[str] = []
    precisions: list[Sequence[str]] = []
    loss: list[list[float]] = []
    usage: dict[str, Table] = {}
    columns: dict[str, list[list[float]]] = {resource: [] for resource in resources}
    for part in blocks:
        layers += part.names
        precisions += [part.precisions] * len(part.names)
        loss += np.asarray(part.loss, dtype=float).tolist()
        unused = np.zeros((len(part.names), len(part.precisions)), dtype=np.int64)
        for resource in resources:
            columns[resource] += np.asarray(part.usage.get(resource, unused)).tolist()
    usage |= columns
    return ragged_problem(
        layers,
        precisions,
        loss,
        usage,
        budgets,
        ties=[tie for part in blocks for tie in part.ties],
        units={"kv_bytes_per_token": "B"} if "kv_bytes_per_token" in usage else None,
        name=name,
    )
