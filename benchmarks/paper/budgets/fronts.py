"""Fronts read from the records: one number for every arm and budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.paper.budgets.arms import ARMS
from benchmarks.paper.budgets.measured import code_of, paired
from benchmarks.paper.statistics import Mean
from benchmarks.paper.store import Store

__all__ = ["BEST", "Fronts", "Verdict", "counted", "word_of"]

Floats = npt.NDArray[np.float64]

#: The arm that is to be on or below all others.
BEST = "exact:incumbent"


@dataclass(frozen=True)
class Verdict:
    """The exact arm against the best other one at a budget.

    Attributes
    ----------
    budget : int
    other : str
        The arm that is best of those that are not exact.
    loss, other_loss : float
        Held-out.
    difference : Mean
        Exact minus other, on the same samples.
    divergence, other_divergence : float
        From full precision, on the calibration samples, where arms choose.
    closer : str
        The arm of those not exact that is closest to full precision on held-out data.
    moved : Mean
        Exact's divergence on held-out data minus that arm's, on the same samples.
    """

    budget: int
    other: str
    loss: float
    other_loss: float
    difference: Mean
    divergence: float
    other_divergence: float
    closer: str
    moved: Mean

    @property
    def word(self) -> str:
        return word_of(self.difference)

    @property
    def cause(self) -> str:
        """Say whose error it is where the exact arm is above."""
        if self.difference.value <= 0:
            return ""
        # Nothing that sees these samples alone could have known better.
        return "samples" if self.divergence <= self.other_divergence else "search"


def word_of(difference: Mean) -> str:
    """Say where the exact arm is by a difference."""
    if difference.value <= 0:
        return "below" if difference.has_sign else "on or below"
    return "**above**" if difference.has_sign else "above, within the interval"


def counted(differences: list[Mean]) -> str:
    """Say how often differences from the best of all other arms are below 0."""
    words = [word_of(d) for d in differences]
    on = sum(d.value <= 0 for d in differences)
    text = (
        f"on or below the best other arm at {on} of {len(words)} budgets "
        f"({words.count('below')} beyond the interval)"
    )
    tied = words.count("above, within the interval")
    text += f", above within the interval at {tied}" if tied else ""
    above = words.count("**above**")
    return text + (f", above at {above}" if above else "")


class Fronts:
    """What all arms of a network did under memory budgets."""

    def __init__(self, store: Store, network: str) -> None:
        self.store = store
        self.network = network
        self.about = store["network", network]
        self.budgets: list[int] = self.about["budgets"]
        self.arms = [
            arm for arm in ARMS if ("layout", network, arm, self.budgets[-1]) in store
        ]
        self.own_loss: float = store["quality", network, "fp"]["loss"]

    def code(self, arm: str, budget: int) -> str | None:
        """Return the layout of an arm, None where it has none."""
        choices = self.store["layout", self.network, arm, budget]["choices"]
        return None if choices is None else code_of(choices)

    def losses(self, arm: str) -> Floats:
        """Return the held-out loss at every budget; NaN without a layout."""
        return self._values(arm, "quality", "loss")

    def divergences(self, arm: str) -> Floats:
        """Return the divergence on the calibration samples at every budget."""
        return self._values(arm, "divergence", "value")

    def held_out(self, arm: str) -> Floats:
        """Return the divergence on held-out samples at every budget."""
        return self._values(arm, "held out", "value")

    def compared(self, i: int, arm: str, other: str, kind: str) -> Mean:
        """Return an arm's values minus another's at a budget."""
        codes = [self.code(a, self.budgets[i]) for a in (arm, other)]
        return paired(self.store, self.network, *map(str, codes), kind)

    def _values(self, arm: str, kind: str, field: str) -> Floats:
        codes = [self.code(arm, budget) for budget in self.budgets]
        keys = [(kind, self.network, code) for code in codes]
        return np.array(
            [self.store[key][field] if key in self.store else np.nan for key in keys]
        )

    def against(self, other: str, kind: str, best: str = BEST) -> list[Mean]:
        """Return an exact arm's values minus another's, where that has a layout."""
        return [
            self.compared(i, best, other, kind)
            for i, budget in enumerate(self.budgets)
            if (kind, self.network, self.code(other, budget)) in self.store
        ]

    def verdicts(self, best: str = BEST) -> list[Verdict]:
        """Compare an exact arm with the best of those that are not exact."""
        others = [arm for arm in self.arms if not arm.startswith("exact")]
        losses = {arm: self.losses(arm) for arm in others}
        divergences = {arm: self.divergences(arm) for arm in [*others, best]}
        moved = {arm: self.held_out(arm) for arm in others}
        own = self.losses(best)
        found = []
        for i, budget in enumerate(self.budgets):
            fits = [arm for arm in others if not np.isnan(losses[arm][i])]
            other = min(fits, key=lambda arm: losses[arm][i])
            closer = min(fits, key=lambda arm: moved[arm][i])
            found.append(
                Verdict(
                    budget,
                    other,
                    float(own[i]),
                    float(losses[other][i]),
                    self.compared(i, best, other, "quality"),
                    float(divergences[best][i]),
                    float(divergences[other][i]),
                    closer,
                    self.compared(i, best, closer, "held out"),
                )
            )
        return found
