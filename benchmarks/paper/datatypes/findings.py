"""The study's sentences, with numbers counted from its records."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from benchmarks.paper.datatypes.arms import ARMS
from benchmarks.paper.datatypes.inventories import INVENTORIES
from benchmarks.paper.statistics import bootstrap
from benchmarks.paper.store import Store

__all__ = ["findings"]


def findings(store: Store, names: Sequence[str]) -> list[str]:
    """Return what was found."""
    cells = list(product(names, INVENTORIES))

    def of(cell: tuple[str, str], arm: str) -> dict[str, Any]:
        return store["layout", *cell, arm]

    hold = [cell for cell in cells if store["inventory", *cell]["assumptions_hold"]]
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
        "inventory) every assumption of Algorithm 2 holds, mpsolve says so, and no "
        f"conversion loses anything; Algorithm 1 still pays in {len(paying)} of these. "
        f"In {len(fail)} cells Algorithm 2 is not optimal (data finer than the first "
        "layer's type, types that are not ordered, fp8 layers that return a wider "
        "type, tied layers): "
        + (
            f"it pays {min(factor):.3g} to {max(factor):.3g} times the optimum."
            if factor
            else "the optimum is 0, and it pays."
        ),
        "**In networks that are really cast** conversions are the smaller part. Where "
        "Algorithm 2 is optimal for Problem 3, the divergence of its network is "
        f"{np.min(worse):.2g} to {np.max(worse):.2g} times that of the layout which "
        "also knows what parameters and outputs lose in their own layer (geometric "
        f"mean {np.exp(np.mean(np.log(worse))):.2g}). Over all layouts of a cell, the "
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
        f"changed a value, and {unforeseen} changed one that should not have. Those "
        "that changed nothing are mostly bf16 → fp16: fp16 holds 7 bits of mantissa, "
        "and what it lacks, range, no tensor here needed.",
    ]


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
