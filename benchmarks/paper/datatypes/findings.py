"""The study's sentences, with numbers counted from its records."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from benchmarks.paper.datatypes.arms import ARMS
from benchmarks.paper.datatypes.inventories import INVENTORIES
from benchmarks.paper.statistics import bootstrap
from benchmarks.paper.store import Store
from mpsolve import lossless_matrix
from mpsolve.torch import parse

__all__ = ["broken_assumptions", "findings"]


def broken_assumptions(errors: dict[str, Any], about: dict[str, Any]) -> list[str]:
    """Return which assumptions of Algorithm 2 a network and an inventory break.

    Parameters
    ----------
    errors, about : dict
        The records of the network's errors and of the inventory.
    """
    types = list(about["counts"])
    holds = dict(zip(errors["types"], errors["source"], strict=True))
    broken = []
    if lacking := [kind for kind in types if not holds[kind]]:
        broken.append(f"the data are finer than {' and '.join(lacking)}")
    is_lossless = lossless_matrix(types)
    broken += [
        f"neither of {a} and {b} holds all values of the other"
        for (i, a), (j, b) in combinations(enumerate(types), 2)
        if not is_lossless[i, j] and not is_lossless[j, i]
    ]
    broken += [
        f"{kind} layers return {types[0]}"
        for kind in types
        if parse(kind).weight.dtype is None
    ]
    if "tied" in about["why"]:
        broken.append("the first and the last layer share their parameters and type")
    return broken


def findings(store: Store, names: Sequence[str]) -> list[str]:
    """Return what was found."""
    cells = list(product(names, INVENTORIES))

    def of(cell: tuple[str, str], arm: str) -> dict[str, Any]:
        return store["layout", *cell, arm]

    hold = [cell for cell in cells if of(cell, "algorithm 2")["conversion"] == 0]
    fail = [
        cell
        for cell in cells
        if of(cell, "algorithm 2")["conversion"]
        > of(cell, "exact, conversions")["conversion"] * (1 + 1e-9)
    ]
    paying = [cell for cell in hold if of(cell, "algorithm 1")["conversion"] > 0]
    worse = [_ratio(of(c, "algorithm 2"), of(c, "exact, both")) for c in hold]
    wins = {arm: _compared(store, cells, arm) for arm in ARMS if arm != "exact, both"}
    correlations = [_correlations(store, cell) for cell in cells]
    conversions, both = (float(np.median(c)) for c in zip(*correlations, strict=True))
    counted = sum(of(c, arm)["counted"] for c in cells for arm in ARMS)
    observed = sum(of(c, arm)["observed"] for c in cells for arm in ARMS)
    shares = [
        record["own"] / (record["own"] + record["conversion"])
        for cell in cells
        for record in store.select("layout", *cell)
        if record["key"][3].startswith("random")
    ]
    silent = [
        dict(zip(store["errors", c[0]]["layers"], of(c, arm)["layout"], strict=True))[
            layer
        ]
        for c in cells
        for arm in ARMS
        for layer in of(c, arm)["differ"]
    ]
    unforeseen = sum(
        len(set(of(c, arm)["differ"]) - set(of(c, arm)["lossy"]))
        for c in cells
        for arm in ARMS
    )
    factor = [
        of(c, "algorithm 2")["conversion"] / of(c, "exact, conversions")["conversion"]
        for c in fail
        if of(c, "exact, conversions")["conversion"] > 0
    ]
    return [
        f"**As Problem 3 has it.** In {len(hold)} of {len(cells)} cells (network × "
        "inventory) every assumption of Algorithm 2 holds, mpsolve says which it has "
        "checked, and no conversion loses anything; Algorithm 1 still pays in "
        f"{len(paying)} of these. "
        f"In {len(fail)} cells Algorithm 2 is not optimal (data finer than the first "
        "layer's type, types that are not ordered, fp8 layers that return a wider "
        "type, tied layers); there it pays "
        + (
            f"{min(factor):.3g} to {max(factor):.3g} times the optimum (geometric mean "
            f"{np.exp(np.mean(np.log(factor))):.3g})."
            if factor
            else "where the optimum is 0."
        ),
        _paper_inventory(store, names),
        "**In networks that are really cast** layers lose more by themselves than by "
        f"conversions: {np.median(shares):.0%} of the sum of both, in the median "
        "random layout. "
        + (
            "Where Algorithm 2 loses nothing in conversions "
            f"({' and '.join(name for name, _ in hold)}), its network's divergence "
            f"is {' and '.join(f'{ratio:.2g}' for ratio in worse)} times that of the "
            "layout which also knows what parameters and outputs lose in their own "
            "layer. "
            if hold
            else ""
        )
        + "Over all layouts of a cell, the "
        "rank correlation of Problem 3's objective with the divergence found is "
        f"{conversions:.2f} (median of the cells), with own losses added {both:.2f}.",
        "**Exact with both** beside the other arms, on held-out samples, in "
        f"{len(cells)} cells: "
        + "; ".join(
            f"{arm}: lower in {low}, not told apart in {tied}, higher in {high}"
            for arm, (low, tied, high) in wins.items()
        )
        + ".",
        f"**Lossy edges.** Of {counted} conversions that types call lossy, {observed} "
        f"changed a value, and {unforeseen} changed one that types call safe. Of the "
        f"{len(silent)} that changed nothing, {silent.count('fp16')} went to fp16, "
        f"{silent.count('bf16')} to bf16: from bf16, fp16 lacks range, not digits, and "
        "a tensor may need neither.",
    ]


def _paper_inventory(store: Store, names: Sequence[str]) -> str:
    """Return Problem 3's objectives with the types of the paper's example."""
    inventory = next(iter(INVENTORIES))
    parts = []
    for name in names:
        second, first, best = (
            store["layout", name, inventory, arm]["conversion"]
            for arm in ("algorithm 2", "algorithm 1", "exact, conversions")
        )
        errors, about = store["errors", name], store["inventory", name, inventory]
        broken = broken_assumptions(errors, about)
        parts.append(
            f"{name} {second:.1e} (Algorithm 2), {first:.1e} (Algorithm 1), {best:.1e} "
            f"(optimum)" + (f": {', '.join(broken)}" if broken else "")
        )
    return (
        f"**With the paper's own types**, {inventory} of five layers, conversions "
        f"lose, in nats: {'; '.join(parts)}."
    )


def _ratio(first: dict[str, Any], second: dict[str, Any]) -> float:
    return float(first["divergence"] / second["divergence"])


def _compared(
    store: Store, cells: Sequence[tuple[str, str]], arm: str
) -> tuple[int, int, int]:
    """Count the cells where exact, both is lower, tied, and higher than an arm."""
    signs = []
    for cell in cells:
        best = store["layout", *cell, "exact, both"]
        other = store["layout", *cell, arm]
        weights = store["layout", *cell, "algorithm 2"]["weights"]
        difference = np.array(other["divergences"]) - np.array(best["divergences"])
        found = bootstrap(difference, weights)
        signs.append(np.sign(found.value) if found.has_sign else 0.0)
    return signs.count(1.0), signs.count(0.0), signs.count(-1.0)


def _correlations(store: Store, cell: tuple[str, str]) -> tuple[float, float]:
    """Return Spearman's correlations of both predictions with what was found."""
    records = [
        record
        for record in store.select("layout", *cell)
        if not record["key"][3].startswith("all")
    ]
    found = [record["divergence"] for record in records]
    conversion = [record["conversion"] for record in records]
    both = [record["conversion"] + record["own"] for record in records]
    return _spearman(conversion, found), _spearman(both, found)


def _spearman(x: Sequence[float], y: Sequence[float]) -> float:
    first, second = (_ranks(np.asarray(values)) for values in (x, y))
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]
