"""The instances of the race: families of cells, each of some seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import get_args

from benchmarks.race.mmkp import FOLDER, NAMES, read_mmkp
from mpsolve.model.generate import (
    Arrays,
    HardClass,
    Sizes,
    hard_arrays,
    mixed_precision_arrays,
)
from mpsolve.model.generate_classes import (
    Network,
    Parts,
    chain_parts,
    inventory_parts,
    network_parts,
    several_budgets_parts,
)
from mpsolve.model.generate_dense import DenseClass, dense_pairs_parts

__all__ = ["FAMILIES", "Cell", "Instance", "cells"]

FAMILIES = (
    "mixed",
    "hard",
    "budgets",
    "chain",
    "networks",
    "inventory",
    "dense",
    "mmkp",
    "scaling",
)

#: Losses on all pairs: of which form, and how strong.
PAIRS: dict[str, tuple[DenseClass, float]] = {
    "weak pairs": ("psd", 0.3),
    "strong pairs": ("psd", 0.6),
    "indefinite pairs": ("indefinite", 0.3),
}

#: Layers of the networks.
NETWORKS: dict[Network, int] = {"resnet50": 54, "transformer": 224}


@dataclass(frozen=True)
class Cell:
    """Instances that differ in their seeds alone.

    Attributes
    ----------
    family : str
        One of `FAMILIES`.
    kind : str
        Sizes of the layers, or the class of the literature.
    num_groups, num_options : int
        Size of the problem.
    num_seeds, peer_seeds : int
        How many seeds mpsolve gets, and how many the peers get.
    """

    family: str
    kind: str
    num_groups: int
    num_options: int
    num_seeds: int
    peer_seeds: int

    @property
    def name(self) -> str:
        return f"{self.num_groups:,} × {self.num_options} {self.kind}"

    @property
    def lane(self) -> tuple[str, str, int]:
        """What cells of growing size have in common."""
        return self.family, self.kind, self.num_options

    def instances(self) -> list[Instance]:
        return [Instance(self, seed) for seed in range(self.num_seeds)]


@dataclass(frozen=True)
class Instance:
    """One problem of the race."""

    cell: Cell
    seed: int

    @property
    def name(self) -> str:
        return f"{self.cell.family} {self.cell.name} seed {self.seed}"

    def arrays(self) -> Arrays | Parts:
        cell = self.cell
        if cell.family == "budgets":
            return several_budgets_parts(
                cell.num_groups,
                cell.num_options,
                self.seed,
                num_budgets=int(cell.kind.split()[0]),
            )
        if cell.family == "chain":
            return chain_parts(cell.num_groups, self.seed)
        if cell.family == "networks":
            return network_parts(cell.kind, self.seed)  # type: ignore[arg-type]
        if cell.family == "dense":
            form, coupling = PAIRS[cell.kind]
            return dense_pairs_parts(
                cell.num_groups,
                cell.num_options,
                self.seed,
                kind=form,
                coupling=coupling,
            )
        if cell.family == "mmkp":
            return read_mmkp(cell.kind)
        if cell.family == "inventory":
            return inventory_parts(cell.num_groups, self.seed)
        size = cell.num_groups, cell.num_options
        if cell.family == "hard":
            return hard_arrays(cell.kind, *size, self.seed)  # type: ignore[arg-type]
        kind: Sizes = "repeated" if cell.kind == "repeated" else "distinct"
        return mixed_precision_arrays(*size, self.seed, sizes=kind)


def cells(
    families: Iterable[str],
    sizes: Iterable[int] | None = None,
    num_seeds: int | None = None,
    *,
    smoke: bool = False,
) -> list[Cell]:
    """Return the cells of the race, small ones first within what they have in common.

    Parameters
    ----------
    families : iterable of str
        Some of `FAMILIES`.
    sizes : iterable of int, optional
        Only cells with these numbers of groups.
    num_seeds : int, optional
        Seeds of each cell of ordinary size; 5 (``scaling``: 3) where nothing is said.
    smoke : bool
        Tiny cells with one seed, that show no more than that everything runs.
    """
    made = [
        cell
        for family in families
        for cell in (_smoke(family) if smoke else _all(family, num_seeds))
    ]
    wanted = None if sizes is None else set(sizes)
    return [cell for cell in made if wanted is None or cell.num_groups in wanted]


def _all(family: str, num_seeds: int | None) -> Iterator[Cell]:
    if family == "mixed":
        seeds = num_seeds or 5
        for kind in get_args(Sizes):
            for num_options in (3, 8):
                for num_groups in (50, 500, 5_000):
                    yield Cell(family, kind, num_groups, num_options, seeds, seeds)
            yield Cell(family, kind, 50_000, 8, min(seeds, 2), 1)
    elif family == "hard":
        seeds = num_seeds or 5
        for kind in get_args(HardClass):
            for num_groups in (100, 1_000):
                yield Cell(family, kind, num_groups, 10, seeds, seeds)
    elif family == "budgets":
        seeds = num_seeds or 10
        for num_budgets in (2, 3):
            kind = f"{num_budgets} budgets"
            for num_options in (3, 8):
                for num_groups in (50, 200, 1_000, 2_000):
                    yield Cell(family, kind, num_groups, num_options, seeds, seeds)
    elif family == "chain":
        seeds = num_seeds or 5
        for num_groups in (100, 300, 1_000):
            yield Cell(family, "with inventory", num_groups, 4, seeds, seeds)
    elif family == "networks":
        seeds = num_seeds or 5
        for network, num_groups in NETWORKS.items():
            yield Cell(family, network, num_groups, 4, seeds, seeds)
    elif family == "dense":
        seeds = num_seeds or 5
        for kind in PAIRS:
            for num_groups in (16, 32):
                yield Cell(family, kind, num_groups, 4, seeds, seeds)
    elif family == "mmkp":
        for name in NAMES if FOLDER.is_dir() else ():
            yield Cell(family, name, *read_mmkp(name).loss.shape, 1, 1)
    elif family == "inventory":
        seeds = num_seeds or 5
        for num_groups in (100, 1_000, 10_000):
            yield Cell(family, "exact counts", num_groups, 4, seeds, seeds)
    else:
        for num_groups in (1_000, 10_000, 100_000, 1_000_000):
            yield Cell(family, "distinct", num_groups, 4, num_seeds or 3, 0)


def _smoke(family: str) -> Iterator[Cell]:
    if family == "mixed":
        yield Cell(family, "distinct", 10, 3, 1, 1)
        yield Cell(family, "repeated", 20, 3, 1, 1)
    elif family == "hard":
        yield Cell(family, "weakly", 10, 5, 1, 1)
    elif family == "budgets":
        yield Cell(family, "2 budgets", 10, 3, 1, 1)
    elif family == "chain":
        yield Cell(family, "with inventory", 10, 4, 1, 1)
    elif family == "networks":
        yield Cell(family, "resnet50", NETWORKS["resnet50"], 4, 1, 1)
    elif family == "dense":
        for kind in PAIRS:
            yield Cell(family, kind, 5, 3, 1, 1)
    elif family == "mmkp":
        yield from list(_all(family, None))[:1]
    elif family == "inventory":
        yield Cell(family, "exact counts", 20, 4, 1, 1)
    else:
        yield Cell(family, "distinct", 100, 4, 1, 0)
        yield Cell(family, "distinct", 1_000, 4, 1, 0)
