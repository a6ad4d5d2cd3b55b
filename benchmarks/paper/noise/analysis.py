"""What the records say: excess losses, paired differences, ratios."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.paper.noise.arms import ARMS
from benchmarks.paper.noise.levels import Setting, settings
from benchmarks.paper.statistics import Mean, mean
from benchmarks.paper.store import Store

__all__ = ["EXTRA", "ORDER", "Case", "Study", "geometric_mean", "title_of"]

Floats = npt.NDArray[np.float64]

#: Arms that are no metric: what follows the exact one, and chance.
EXTRA = {
    "verified": "exact: the best of six optima",
    "in_place": "exact, then steps in place",
    "settled": "exact, and steps where they hold",
    "pairs": "exact: with pairs of layers",
    "random": "random layouts",
}

#: Draws of a permutation test.
FLIPS = 20_000

#: Networks, small ones first.
ORDER = ("resnet8", "resnet20", "resnet32", "resnet44", "resnet56")


def title_of(arm: str) -> str:
    return ARMS[arm].title if arm in ARMS else EXTRA[arm]


def geometric_mean(values: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(list(values)))))


class Case(NamedTuple):
    """One network in one setting.

    Attributes
    ----------
    network, levels, split : str
    seeds : range
        Of noise; each has images of its own.
    images : int
        Of a seed.
    excess : dict of str to ndarray, shape (seeds,)
        Loss over full precision's on the same images, for every arm and noise seed.
    accuracy : dict of str to float
        Change of the accuracy, as a part of 1.
    layouts : dict of str to str
        As level numbers in the layers' order.
    """

    network: str
    levels: str
    split: str
    seeds: range
    images: int
    excess: dict[str, Floats]
    accuracy: dict[str, float]
    layouts: dict[str, str]

    def mean(self, arm: str) -> Mean:
        return mean(self.excess[arm])

    def difference(self, arm: str, other: str) -> Mean:
        """Return the paired difference of two arms; the same layout has none."""
        return mean(self.excess[arm] - self.excess[other])

    @property
    def is_resolved(self) -> bool:
        """Whether the noise has an effect: on random layouts, told from 0.

        A good layout's excess may well be 0 where that of others is large.
        """
        return self.mean("random").low > 0

    def ratio(self, arm: str, other: str = "hawq_mean") -> float:
        """Return the ratio of excess losses; one below its interval counts as that."""
        found, base = self.mean(arm), self.mean(other)
        return max(found.value, found.half) / max(base.value, base.half)

    def better_than(self, arm: str) -> list[str]:
        """Return the arms whose excess is lower than an arm's, beyond the interval."""
        return [
            other
            for other in self.excess
            if other not in {arm, "random"} and self.difference(other, arm).high < 0
        ]

    def beaten_p(self, arm: str) -> float:
        """Return the p value of the other arms being no better than an arm.

        A dozen of them are compared at once, and some would be beyond their own
        interval by chance. Signs of the differences are flipped, a seed's together for
        all arms, and the largest t of all arms is what counts: Westfall and Young's
        maxT [1]_. Two-sided, as the intervals are.

        References
        ----------
        .. [1] Westfall, Young (1993), Resampling-Based Multiple Testing, Wiley.
        """
        others = [a for a in self.excess if a not in {arm, "random"}]
        gaps = np.stack([self.excess[arm] - self.excess[other] for other in others])
        gaps = gaps[gaps.any(1)]
        if not len(gaps):
            return 1.0
        squares = (gaps**2).mean(1)

        def largest(means: Floats) -> Floats:
            spread = np.maximum(squares - means**2, 1e-300)
            return np.asarray((means / np.sqrt(spread)).max(-1))

        signs = np.random.default_rng(0).choice([-1.0, 1.0], (FLIPS, gaps.shape[1]))
        reached = largest(signs @ gaps.T / gaps.shape[1]) >= largest(gaps.mean(1))
        return min(1.0, 2 * (1 + int(reached.sum())) / (1 + FLIPS))


class Study:
    """All cases of a store, and the records of their metrics.

    Parameters
    ----------
    store : Store
    is_first : bool
        Whether to look at seeds from 0 on, which were seen while arms were designed, in
        place of those that came later.
    """

    def __init__(self, store: Store, *, is_first: bool = False) -> None:
        self.store = store
        self.is_first = is_first
        found = {record["key"][1]: record for record in store.select("network")}
        self.networks = [name for name in ORDER if name in found]
        self.about = found

    @cached_property
    def cases(self) -> list[Case]:
        """Those that are complete, networks in order, settings as they were run."""
        made = []
        for name in self.networks:
            by_setting: dict[tuple[str, str], dict[str, str]] = {}
            for record in self.store.select("layout", name):
                _, _, levels, split, arm = record["key"]
                by_setting.setdefault((levels, split), {})[arm] = record["layout"]
            for (levels, split), layouts in by_setting.items():
                case = self._case(name, levels, split, layouts)
                if case is not None:
                    made.append(case)
        return made

    def _blocks(self, *place: str) -> list[tuple[int, ...]]:
        """Return the blocks of a case's seeds: how many, images of each, the first.

        The first is left out where it is 0; blocks that came later count, the largest.
        Random layouts are the last that is written of a block.
        """
        found = {
            tuple(r["key"][4:-1])
            for r in self.store.select("trial", *place)
            if r["key"][-1] == "random"
        }
        later = {sizes for sizes in found if len(sizes) > 2}
        if self.is_first or not later:
            return sorted(found - later)[-1:]
        size = max(sizes[:2] for sizes in later)
        return sorted(sizes for sizes in later if sizes[:2] == size)

    def _case(
        self, name: str, levels: str, split: str, layouts: dict[str, str]
    ) -> Case | None:
        blocks = self._blocks(name, levels, split)
        asked = {**layouts, "random": "random"}
        done = {}
        for arm, layout in asked.items():
            keys = [("trial", name, levels, split, *b, layout) for b in blocks]
            if keys and all(key in self.store for key in keys):
                done[arm] = self._joined(keys)
        if not {"hawq", "exact", "random"} <= set(done):
            return None
        known = [*ARMS, *EXTRA]
        arms = sorted(done, key=known.index)
        own = self._joined([("clean", name, *b) for b in blocks])
        count, images, first = (*blocks[0], 0)[:3]
        return Case(
            name,
            levels,
            split,
            range(first, first + count * len(blocks)),
            images,
            {arm: done[arm][0] - own[0] for arm in arms},
            {arm: float((done[arm][1] - own[1]).mean()) for arm in arms},
            {arm: layouts[arm] for arm in arms if arm in layouts},
        )

    def _joined(self, keys: list[tuple[Any, ...]]) -> Floats:
        """Return losses and accuracies of blocks of seeds, one after the other."""
        return np.concatenate(
            [[self.store[k]["loss"], self.store[k]["accuracy"]] for k in keys], axis=1
        )

    def select(self, levels: str, split: str) -> list[Case]:
        return [c for c in self.cases if (c.levels, c.split) == (levels, split)]

    def setting(self, network: str, levels: str, split: str) -> Setting:
        record = self.about[network]
        means = np.array(record["inputs"]), np.array(record["parameters"])
        (made,) = settings([(levels, split)], *means)
        return made

    def metrics(self, network: str) -> dict[str, dict[str, Any]]:
        """Return the records of a network's cheap metrics, nothing stored."""
        return {
            record["key"][2]: record
            for record in self.store.select("metric", network)
            if record["key"][2] != "stored"
        }

    def single(self, network: str, levels: str = "absolute") -> dict[str, Any] | None:
        found = self.store.select("single", network, levels)
        return found[0] if found else None

    def cost(self, arm: str, network: str) -> dict[str, Any] | None:
        """Return the record that says what an arm's calibration took."""
        if arm == "pairs":
            found = self.store.select("pairs", network)
            return found[-1] if found else None
        if arm in ("verified", "in_place", "settled"):
            for start in (("layout", network, "absolute"), ("layout", network)):
                found = [r for r in self.store.select(*start) if r["key"][4] == arm]
                if found:
                    return found[-1]
            return None
        if arm == "random":
            return None
        needs = ARMS[arm].needs
        if needs == "single":
            return self.single(network)
        if needs == "stored":
            found = self.store.select("metric", network, "stored")
            return found[0] if found else None
        return self.metrics(network).get(needs)
