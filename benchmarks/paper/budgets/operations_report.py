"""Tables of budgets of bit operations, time, and everything at once."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import table
from benchmarks.paper.budgets.arms import ARMS
from benchmarks.paper.budgets.fronts import BEST, counted
from benchmarks.paper.budgets.measured import difference
from benchmarks.paper.budgets.operations import quality_key
from benchmarks.paper.statistics import Mean
from benchmarks.paper.store import Store
from benchmarks.paper.tables import signed

__all__ = ["operations_text"]

TITLES = {
    "bops": (
        "Bit operations",
        "Budgets of bit operations of one sample (multiply-accumulates times "
        "bits of weights times bits of inputs). HAWQ's metric knows no error of "
        "inputs, so that its arms choose among precisions whose weights and inputs "
        "have the same bits, as HAWQ-v3 does.",
    ),
    "together": (
        "Memory, bit operations and time together",
        "All three budgets at once. Time is the least that a T4 can take, from its "
        "data sheet (roofline), as this machine has no kernels for small integers. "
        "Greedy, the front and the programs of others take one budget alone; HAWQ-v3's "
        "takes all.",
    ),
    "time": (
        "Measured time",
        "Every layer's time was measured on this processor, with the kernels that "
        "PyTorch has for it: int8 products (weights by channel, inputs and outputs by "
        "one scale) for networks of convolutions and linear layers alone, bf16, fp16 "
        "and fp32. Layouts were chosen by simulated rounding, and then really ran in "
        "these kernels: losses are of that, and the last line is the processor time of "
        "a batch.",
    ),
}


#: How budgets are written.
SCALES = {"bops": (1e9, "G"), "memory": (1e3, "kB"), "time": (1e6, "ms")}

NOTE = """Held-out loss, and in brackets the divergence on the calibration samples in
nats, the least of a column in bold. *Exact less the best other*: the arm around the
incumbent less the best of those that are not exact, chosen by the held-out loss itself,
with the 95 % interval of the same samples' differences.
"""


def operations_text(store: Store) -> str:
    """Return the sections; empty where nothing was run."""
    parts = []
    for study, (title, text) in TITLES.items():
        keys = [r["key"] for r in store.select("operations about")]
        found = [Study(store, name, study) for _, name, of in keys if of == study]
        if found:
            parts += [f"## {title}", "", text, ""]
            parts += [f"- **{one.name}**: {one.verdict()}." for one in found]
            parts += ["", NOTE]
        for one in found:
            parts += [f"### {title}: {one.name}", "", one.about(), "", one.table()]
    return "\n".join(parts)


class Study:
    """What all arms of a network did under budgets of one kind."""

    def __init__(self, store: Store, name: str, study: str) -> None:
        self.store, self.name, self.study = store, name, study
        records = store.select("operations", name, study)
        self.cells: dict[tuple[str, int], dict[str, Any]] = {
            (r["key"][3], r["key"][4]): r for r in records
        }
        self.count = 1 + max(i for _, i in self.cells)
        self.arms = [a for a in ARMS if (a, 0) in self.cells]
        self._about = store["operations about", name, study]

    def about(self) -> str:
        found = self._about
        return (
            f"Options {', '.join(found['precisions'])}; {found['calibration']} "
            f"calibration samples, {found['held_out']} held out; full precision's "
            f"held-out loss {found['own']:.4f}."
        )

    def quality(self, arm: str, i: int) -> dict[str, Any] | None:
        """Return what was measured on held-out samples; None without a layout."""
        choices = self.cells[arm, i]["choices"]
        if choices is None:
            return None
        return self.store[quality_key(self.name, self._about["precisions"], choices)]

    def against(self, i: int) -> tuple[str, Mean] | None:
        """Return the best other arm of a budget, and the exact one's loss less its."""
        found = {
            arm: quality
            for arm in self.arms
            if not arm.startswith("exact") and (quality := self.quality(arm, i))
        }
        own = self.quality(BEST, i)
        if not found or own is None:
            return None
        other = min(found, key=lambda arm: found[arm]["loss"])
        weights = self.store["weights", self.name]["weights"]
        return other, difference(own, found[other], "loss", weights)

    def verdict(self) -> str:
        """Say how often the exact arm is on or below the best other one."""
        solved = [r for r in self.cells.values() if r["choices"] is not None]
        if all(record["divergence"] == 0 for record in solved):
            return "full precision is the fastest in every layer: no budget binds"
        found = [(i, *both) for i in range(self.count) if (both := self.against(i))]
        alone = self.count - len(found)
        words = counted([gap for _, _, gap in found]) if found else ""
        above = [
            self.cells[BEST, i]["divergence"] <= self.cells[other, i]["divergence"]
            for i, other, gap in found
            if gap.value > 0
        ]
        if above:
            words += (
                f"; at {sum(above)} of the {len(above)} where it is above, the "
                "calibration samples prefer its layout"
            )
        if alone:
            words += f"{'; ' if words else ''}at {alone} no other arm has a layout"
        return words

    def table(self) -> str:
        """Return losses and divergences of all arms at all budgets."""
        rows = []
        best = [
            min(
                (self.cells[arm, i]["divergence"], arm)
                for arm in self.arms
                if self.cells[arm, i]["choices"] is not None
            )[1]
            for i in range(self.count)
        ]
        for arm in self.arms:
            row = [ARMS[arm][0]]
            for i in range(self.count):
                found = self.quality(arm, i)
                if found is None:
                    row.append("–")
                    continue
                text = f"{found['loss']:.4f} ({self.cells[arm, i]['divergence']:.2g})"
                row.append(f"**{text}**" if best[i] == arm else text)
            rows.append(row)
        gaps = [self.against(i) for i in range(self.count)]
        rows.append(
            [
                "exact less the best other",
                *(
                    f"{signed(gap[1].value)} ± {gap[1].half:.4f}" if gap else "–"
                    for gap in gaps
                ),
            ]
        )
        if self.study == "time":
            own = [self.quality(BEST, i) for i in range(self.count)]
            times = [f"{1e3 * one['seconds_batch']:.1f}" if one else "–" for one in own]
            rows.append(["time of a batch, exact, ms", *times])
        heads = [
            ", ".join(
                f"{value / SCALES[key][0]:.3g} {SCALES[key][1]}"
                for key, value in self.cells[BEST, i]["budget"].items()
            )
            for i in range(self.count)
        ]
        return table(["arm", *heads], rows)
