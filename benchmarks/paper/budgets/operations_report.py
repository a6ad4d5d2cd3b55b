"""Tables of budgets of bit operations, time, and everything at once."""

from __future__ import annotations

from benchmarks.markdown import table
from benchmarks.paper.budgets.arms import ARMS
from benchmarks.paper.store import Store

__all__ = ["operations_text"]

TITLES = {
    "bops": (
        "Bit operations",
        "Budgets of bit operations of one image (multiply-accumulates times "
        "bits of weights times bits of inputs). HAWQ's metric knows no error of "
        "inputs, so that its arms choose among precisions whose weights and inputs "
        "have the same bits, as HAWQ-v3 does.",
    ),
    "together": (
        "Memory, bit operations and time together",
        "All three budgets at once. Time is the least that a T4 can take, from its "
        "data sheet (roofline), as this machine has no kernels for small integers. "
        "Greedy and the programs of others take one budget alone.",
    ),
    "time": (
        "Measured time",
        "Every layer's time was measured on this processor, which has instructions for "
        "bf16, fp16 and fp32; integers would be decoded here before they are computed "
        "with, and their time says nothing. The layouts were applied and really run: "
        "the last line is the processor time of a batch.",
    ),
}


def operations_text(store: Store) -> str:
    """Return the sections; empty where nothing was run."""
    parts = []
    for study, (title, text) in TITLES.items():
        found = [r for r in store.select("operations about") if r["key"][2] == study]
        for about in found:
            name = about["key"][1]
            parts += [f"## {title}: {name}", "", text, "", _about(about), ""]
            parts.append(_table(store, name, study))
    return "\n".join(parts)


def _about(about: dict[str, object]) -> str:
    precisions = about["precisions"]
    assert isinstance(precisions, list)
    return (
        f"Options {', '.join(precisions)}; {about['calibration']} calibration samples, "
        f"{about['held_out']} held out; full precision's held-out loss "
        f"{about['own']:.4f}."
    )


def _table(store: Store, name: str, study: str) -> str:
    records = store.select("operations", name, study)
    count = max(r["key"][4] for r in records) + 1
    arms = [a for a in ARMS if any(r["key"][3] == a for r in records)]
    cells = {(r["key"][3], r["key"][4]): r for r in records}
    rows = []
    best = [
        min(
            (cells[arm, i]["divergence"], arm)
            for arm in arms
            if cells[arm, i]["choices"] is not None
        )[1]
        for i in range(count)
    ]
    for arm in arms:
        row = [ARMS[arm][0]]
        for i in range(count):
            record = cells[arm, i]
            if record["choices"] is None:
                row.append("–")
                continue
            text = f"{record['loss']:.4f} ({record['divergence']:.2g})"
            row.append(f"**{text}**" if best[i] == arm else text)
        rows.append(row)
    if study == "time":
        times = [cells["exact:incumbent", i]["seconds_batch"] for i in range(count)]
        rows.append(["time of a batch, exact, ms", *(f"{1e3 * t:.1f}" for t in times)])
    heads = []
    for i in range(count):
        budget = cells[arms[0], i]["budget"]
        scales = {"bops": (1e9, "G"), "memory": (1e3, "kB"), "time": (1e6, "ms")}
        heads.append(
            ", ".join(
                f"{value / scales[key][0]:.3g} {scales[key][1]}"
                for key, value in budget.items()
            )
        )
    note = (
        "Held-out loss, and in brackets the divergence on the calibration samples in "
        "nats, the least of a column in bold.\n"
    )
    return table(["arm", *heads], rows) + "\n" + note
