"""What mpsolve's layouts did on data that they were not found on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from benchmarks.paper.statistics import holm
from benchmarks.paper.store import Store

__all__ = ["Tried", "distinct", "findings", "tried"]

Pair = tuple[float, float]


@dataclass(frozen=True)
class Tried:
    """A layout that mpsolve found, and what became of its loss.

    Attributes
    ----------
    network, precision, family, rule, arm : str
    size, samples : int
        Images of the calibration set, as asked for, and samples that it has.
    contents : str
        How many layers have each option.
    predicted : float
        What was minimised.
    found, held_out, beyond : (mean, half width of the interval)
        Changes of the loss; `beyond` with the best temperatures.
    p, adjusted, beyond_p : float
        Of the held-out change, the same with Holm's correction, and of `beyond`.
    """

    network: str
    precision: str
    family: str
    rule: str
    arm: str
    size: int
    samples: int
    contents: str
    predicted: float
    found: list[float]
    held_out: list[float]
    beyond: list[float]
    p: float
    adjusted: float
    beyond_p: float

    @property
    def gains(self) -> bool:
        """Whether the loss fell on the set where the layout was found."""
        return self.found[0] < 0

    @property
    def holds(self) -> bool:
        """Whether it fell on held-out data, beyond chance."""
        return self.held_out[0] < 0 and self.adjusted < 0.05

    @property
    def is_refuted(self) -> bool:
        """Whether it rose on held-out data, beyond chance."""
        return self.held_out[0] > 0 and self.adjusted < 0.05


def tried(store: Store) -> list[Tried]:
    """Return every layout that mpsolve found, with corrected p values."""
    records = [
        record
        for record in store.select("layout")
        if record["key"][4] != "everywhere" and record["key"][6] != "nearest only"
    ]
    # A layout that several rules found is one test; where every layer stays, none.
    values = {
        _identity(record): record["flip_p"]
        for record in records
        if set(record["layout"]) != {"keep"}
    }
    adjusted = dict(zip(values, holm(list(values.values())), strict=True))
    found = []
    for record in records:
        _, network, size, precision, family, rule, arm = record["key"]
        counts = record["layout"]
        short = {k.removeprefix(f"{precision} "): n for k, n in counts.items()}
        found.append(
            Tried(
                *(network, precision, family, rule, arm, size),
                samples=store["full precision", network, size]["samples"],
                contents=", ".join(f"{n} {kind}" for kind, n in short.items()),
                predicted=record["predicted"],
                found=record["found"],
                held_out=record["held_out"],
                beyond=record["with_temperature"],
                p=record["flip_p"],
                adjusted=adjusted.get(_identity(record), 1.0),
                beyond_p=record["with_temperature_p"],
            )
        )
    return found


def _identity(record: dict[str, Any]) -> tuple[Hashable, ...]:
    """Return what equal layouts of one calibration set have in common."""
    _, network, size, precision, *_ = record["key"]
    return network, size, precision, *record["found"], *record["held_out"]


def distinct(every: Sequence[Tried]) -> list[Tried]:
    """Return every layout once that changes anything, whatever rules found it."""
    once = {
        (own.network, own.size, own.precision, *own.found, *own.held_out): own
        for own in reversed(every)
        if own.contents.split()[1:] != ["keep"]
    }
    return list(reversed(once.values()))


def findings(store: Store, every: Sequence[Tried]) -> list[str]:
    """Return what was found, counted from the records; every layout counts once."""
    of_rules, every = every, distinct(every)
    gaining = [own for own in every if own.gains]
    held = [own for own in gaining if own.holds]
    refuted = [own for own in gaining if own.is_refuted]
    networks = list(dict.fromkeys(own.network for own in every))
    lines = [
        f"**Found, and held.** mpsolve found {len(every)} different layouts of least "
        "signed loss (networks × formats × sizes of the calibration set × rules). "
        f"{len(gaining)} of them lower the loss on the samples where they were found. "
        f"On held-out data {len(held)} of these have a lower loss than full precision "
        f"beyond chance (Holm < 0.05), {len(refuted)} a higher one, and "
        f"{len(gaining) - len(held) - len(refuted)} cannot be told apart from it.",
    ]
    for name in networks:
        own = [o for o in held if o.network == name]
        lines.append(_network(store, name, own))
    lines.append(_scaling(every))
    lines.append(_families(of_rules))
    worst = max(every, key=lambda own: own.held_out[0])
    lines.append(
        "**Predicted is not found.** To first order the best direction is always the "
        "gradient's, for every element, and with coarse formats that is a disaster: "
        f"{worst.network}, {worst.precision}, {worst.rule}, {worst.arm}: predicted "
        f"{worst.predicted:+.3g}, found {worst.found[0]:+.3g}, held out "
        f"{worst.held_out[0]:+.3g} nats. Every layer's errors push the same "
        "samples the same "
        "way, so they do not add up; adding each layer's second order does not "
        "see that."
    )
    return lines


def _network(store: Store, name: str, held: Sequence[Tried]) -> str:
    """Return a network's best gain that held, beside its temperature's."""
    size = max(r["key"][2] for r in store.select("full precision", name))
    full = store["full precision", name, size]
    gain, half = full["temperature_change"]
    worth = f"{gain:+.4f} ± {half:.4f}"
    if not held:
        return (
            f"**{name}**: no layout's gain held. A temperature of "
            f"{full['temperature']:.3f} for full precision's logits changes the "
            f"held-out loss by {worth}."
        )
    best = min(held, key=lambda own: own.held_out[0])
    others = {
        (record["key"][3], record["key"][6]): record["held_out"]
        for record in store.select("layout", name)
        if record["key"][4] == "everywhere"
    }
    words = ""
    if others:
        other, (value, width) = min(others.items(), key=lambda item: item[1][0])
        words = " The best of one direction everywhere, picked on held-out data: "
        words += f"{' '.join(other)}, {value:+.4f} ± {width:.4f}."
    beyond = [own for own in held if own.beyond[0] < 0 and own.beyond_p < 0.05]
    return (
        f"**{name}**: {len(held)} gains held; the largest is "
        f"{best.held_out[0]:+.4f} ± {best.held_out[1]:.4f} nats ({best.precision}, "
        f"{best.family}, {best.rule}, {best.arm}, {best.samples} samples; found "
        f"{best.found[0]:+.4f}). A temperature of {full['temperature']:.3f} for full "
        f"precision's logits, one number, changes the held-out loss by {worth}. "
        "With the "
        f"best temperature on both sides, {len(beyond)} of the {len(held)} still gain "
        f"(p < 0.05, not corrected); that largest one {best.beyond[0]:+.4f} ± "
        f"{best.beyond[1]:.4f}." + words
    )


def _scaling(every: Sequence[Tried]) -> str:
    """Return how gains depend on the size of the calibration set."""
    parts = []
    for size in sorted({own.size for own in every}):
        gaining = [own for own in every if own.size == size and own.gains]
        held = sum(own.holds for own in gaining)
        refuted = sum(own.is_refuted for own in gaining)
        kept = [own.held_out[0] / own.found[0] for own in gaining]
        if kept:
            parts.append(
                f"{size}: {len(gaining)} gains, {held} held, {refuted} refuted, median "
                f"share of the gain that is kept {np.median(kept):+.2f}"
            )
    return (
        "**More samples.** By the size of the calibration set (images; an eighth "
        "as many "
        f"stories): {'; '.join(parts)}."
    )


def _families(every: Sequence[Tried]) -> str:
    """Return what directions by tensor and by element do, rule by rule."""
    parts = []
    rules = list(dict.fromkeys(own.rule for own in every))
    for family, rule in product(("tensor", "element"), rules):
        own = [o for o in every if (o.family, o.rule) == (family, rule)]
        if own:
            parts.append(
                f"{family}, {rule}: {len(own)} layouts, "
                f"{sum(o.gains for o in own)} gain "
                f"where found, {sum(o.gains and o.holds for o in own)} of them held, "
                f"{sum(o.gains and o.is_refuted for o in own)} refuted"
            )
    return f"**By rule** (several may find one layout). {'; '.join(parts)}."
