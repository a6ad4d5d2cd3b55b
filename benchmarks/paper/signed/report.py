"""Tables, a picture and what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.markdown import table
from benchmarks.paper.signed.findings import Tried, distinct, findings, tried
from benchmarks.paper.signed.layouts import ARMS
from benchmarks.paper.signed.picture import draw
from benchmarks.paper.store import Store

__all__ = ["report"]

Record = dict[str, Any]

#: That the study has a plan for.
NETWORKS = ("resnet8", "resnet20", "stories260k", "resnet56")

ABOUT = """
## What was done

The claim is that of arXiv 2207.10083: a mixed layout can have a lower loss than full
precision. Every layer gets an option: a format, and where numbers go that the format
lacks.

- **tensor**: to the nearest, down (*floor*), up (*ceil*) or towards zero (*trunc*), for
  the layer's parameters or for its inputs, the other of the two to the nearest.
- **element**: besides, each parameter where the gradient of the calibration set's loss
  likes it: all parameters (*gradient*), or those at least 1/4 or 2/5 of a step away
  from both neighbours, the others to the nearest.

Formats: fp16 and bf16 for parameters and inputs; int8 (a scale for each channel, inputs
asymmetric by sample); w6 and w4, integers for parameters alone. Layers compute in
float32. *All rounded*: every layer gets the format. *May stay*: a layer may also stay
as it is, at a loss of 0. *+ 2 s*: two standard errors are added to the loss of every
rounding.

mpsolve minimises the sum of signed losses (`mpsolve.solve`, proven optimal):

"""

AFTER = """
A loss is the mean cross-entropy in nats. The calibration set are even rows of
CIFAR-10's test set, the held-out set odd ones (the networks have seen neither); for the
language model, two draws of stories. *found* is the change of the loss on the set where
the layout was found; *held out* the change on other data, each with the 95 % interval
of paired differences (layout less full precision, sample by sample). *p* is that of a
two-sided permutation test that flips signs of pairs; *Holm* is p corrected for all
different layouts of this report that mpsolve found ({tests} of them). *beyond T*: both
get the best temperature for their logits on the calibration set, one number, and are
compared again: what a layout gains there is more than being less certain.

To choose directions by the labels of a calibration set is a small step of training on
data that the network has not seen. What such a step gains without rounding was not
measured.

Not run: gradients' directions for inputs (there is no one gradient for all samples),
and losses of pairs of layers. Layers were measured alone on {measured} only, as that
takes a forward pass for each layer and option.
"""


def report(store: Store, folder: Path) -> None:
    """Write ``paper_signed.md`` and ``paper_signed.png``."""
    every = tried(store)
    text = [
        "# Is there a layout whose loss is lower than full precision's?\n",
        f"{store.provenance()}\n",
        "## What was found\n",
        *(f"{i}. {line}" for i, line in enumerate(findings(store, every), 1)),
        "\n![found and held out](paper_signed.png)",
        ABOUT,
        *(f"- **{arm}**: {what}" for arm, what in ARMS.items()),
        AFTER.format(tests=len(distinct(every)), measured=_measured(every)),
        _unfinished(store),
        _full(store),
        _confirmed(every),
        _scaling(every),
    ]
    names = list(dict.fromkeys(own.network for own in every))
    for name in names:
        text.append(f"## {name}\n")
        precisions = dict.fromkeys(o.precision for o in every if o.network == name)
        for precision in precisions:
            own = [o for o in every if (o.network, o.precision) == (name, precision)]
            text.append(f"### {name}, {precision}\n")
            text.append(_layouts(own))
            text.append(_references(store, name, precision))
    draw(every, folder / "paper_signed.png")
    (folder / "paper_signed.md").write_text("\n".join(text), encoding="utf-8")


def _full(store: Store) -> str:
    """Return full precision's own losses."""
    rows = []
    for record in store.select("full precision"):
        _, name, _ = record["key"]
        rows.append(
            [
                name,
                f"{record['samples']}",
                f"{record['held_out_samples']}",
                f"{record['found_loss']:.4f}",
                f"{record['held_out_loss']:.4f}",
                f"{record['temperature']:.3f}",
                change(record["temperature_change"]),
                f"{record['temperature_p']:.2g}",
            ]
        )
    head = ["full precision", "calibration", "held out", "loss, calibration"]
    head += ["loss, held out", "best temperature", "is worth, held out", "p"]
    return "## Full precision, and one number\n\n" + table(head, rows)


def _confirmed(every: list[Tried]) -> str:
    """Return the layouts whose gain held."""
    held = [own for own in distinct(every) if own.gains and own.holds]
    if not held:
        return "## Gains that held\n\nNone.\n"
    rows = [
        [
            *(own.network, own.precision, f"{own.samples}"),
            *(f"{own.family}, {own.rule}", *_numbers(own)),
        ]
        for own in sorted(held, key=lambda own: own.held_out[0])
    ]
    head = ["network", "format", "samples", "layout", *NUMBERS]
    return (
        "## Gains that held\n\nLower loss on held-out data, significant after "
        "correction (Holm < 0.05). Every layout once, under the first rule that found "
        "it.\n\n" + table(head, rows, words=4)
    )


def _unfinished(store: Store) -> str:
    """Return which networks and sizes have no complete run."""
    done = {tuple(record["key"][1:3]) for record in store.select("done")}
    sizes = sorted({size for _, size in done})
    missing = [
        f"{name} with {size:,} images"
        for name in NETWORKS
        for size in sizes
        if (name, size) not in done
    ]
    if not missing:
        return ""
    return f"Not run, or not to the end: {', '.join(missing)}.\n"


def _measured(every: list[Tried]) -> str:
    names = dict.fromkeys(own.network for own in every if own.arm == "measured")
    return " and ".join(names) or "no network"


def _scaling(every: list[Tried]) -> str:
    """Return what more samples do, for one rule that every network has."""
    sizes = sorted({own.size for own in every})
    rows = []
    for cell in dict.fromkeys((o.network, o.precision, o.family) for o in every):
        of = {
            own.size: own
            for own in every
            if (own.network, own.precision, own.family) == cell
            and (own.rule, own.arm) == ("may stay", "second order")
        }
        for what in ("found", "held_out", "beyond") if of else ():
            cells = [change(getattr(of[n], what)) if n in of else "" for n in sizes]
            rows.append([*cell, what.replace("_", " "), *cells])
    head = ["network", "format", "directions", "change of the loss"]
    return (
        "## With more samples\n\nLayers may stay; second order minimised. Columns: "
        "images of the calibration set, or eight times its stories.\n\n"
        + table([*head, *(str(n) for n in sizes)], rows, words=4)
    )


NUMBERS = ["minimised", "predicted", "found", "held out", "p", "Holm", "beyond T", "p"]


def _numbers(own: Tried) -> list[str]:
    return [
        own.arm,
        small(own.predicted),
        change(own.found),
        change(own.held_out),
        f"{own.p:.2g}",
        f"{own.adjusted:.2g}",
        change(own.beyond),
        f"{own.beyond_p:.2g}",
    ]


def _layouts(every: list[Tried]) -> str:
    rows = [
        [f"{own.samples}", f"{own.family}, {own.rule}", *_numbers(own), own.contents]
        for own in every
    ]
    return table(["samples", "layout", *NUMBERS, "options"], rows, words=2)


def _references(store: Store, name: str, precision: str) -> str:
    """Return one direction everywhere, at the largest calibration set."""
    rows = []
    for record in store.select("layout", name):
        _, _, size, own, family, _, kind = record["key"]
        if own == precision and (family == "everywhere" or kind == "nearest only"):
            what = f"{kind}, in that memory, {size}" if family == "element" else kind
            rows.append(
                [
                    what,
                    change(record["found"]),
                    change(record["held_out"]),
                    f"{record['flip_p']:.2g}",
                    change(record["with_temperature"]),
                    f"{record['with_temperature_p']:.2g}",
                ]
            )
    if not rows:
        return ""
    head = ["compared with", "found", "held out", "p", "beyond T", "p"]
    return table(head, rows)


def small(value: float) -> str:
    is_plain = 0.001 <= abs(value) < 100
    return f"{value:+.4f}" if is_plain else f"{value:+.2g}"


def change(interval: list[float]) -> str:
    """Return a change of the loss with its interval."""
    value, half = interval
    if value == half == 0:
        return "0"
    digits = 4 if half < 100 else 0
    if half < 0.001:
        return f"{value:+.1e} ± {half:.0e}"
    return f"{value:+.{digits}f} ± {half:.{digits}f}"
