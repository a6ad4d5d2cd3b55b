"""The report of the noise protocol: what was found, tables, plots."""

from __future__ import annotations

from pathlib import Path

from benchmarks.markdown import table
from benchmarks.paper.noise.analysis import (
    EXTRA,
    ORDER,
    Case,
    Study,
    geometric_mean,
    title_of,
)
from benchmarks.paper.noise.arms import ARMS
from benchmarks.paper.noise.explain import explanations
from benchmarks.paper.noise.findings import (
    RANKED,
    SPLIT,
    findings,
    history,
    milli,
    network_title,
)
from benchmarks.paper.noise.levels import LEVELS, SPLITS
from benchmarks.paper.noise.plots import plot
from benchmarks.paper.store import Store

__all__ = ["report"]

#: The paper's table: losses of its own networks, single runs.
PUBLISHED = [
    ["ResNet-8", "0.3896", "0.42678", "0.3971", "0.3980"],
    ["ResNet-14", "0.3161", "0.3284", "0.3179", "0.3210"],
]


def report(store: Store, folder: Path) -> None:
    """Write ``paper_noise.md`` and its plots."""
    study = Study(store)
    ranked = [
        case for place in RANKED for case in study.select(*place) if case.is_resolved
    ]
    parts = ["# Noise in place of rounding: the published protocol\n"]
    parts.append(store.provenance() + "\n")
    if ranked:
        parts += [findings(study, ranked), *plot(study, ranked, folder)]
    parts += [history(study), _protocol(study), *_ranking(study, ranked)]
    parts += [_tables(study), _published(study), _stored(study)]
    parts += [explanations(study, ranked), _cost(study), _published_table()]
    parts.append(_not_run(study))
    text = "\n".join(part for part in parts if part)
    (folder / "paper_noise.md").write_text(text, encoding="utf-8")


def _protocol(study: Study) -> str:
    names = [
        f"{network_title(n)} {study.about[n]['inventory']}" for n in study.networks
    ]
    sizes, more = [], []
    for name in study.networks:
        cases = [c for c in study.cases if c.network == name]
        usual = min((len(c.seeds) for c in cases), default=0)
        sizes += [f"{network_title(name)} {usual} × {c.images}" for c in cases[:1]]
        more += [
            f"{len(c.seeds)} on {network_title(name)}, {c.levels}, {c.split}"
            for c in cases
            if len(c.seeds) > usual
        ]
    unproven = [
        " ".join(r["key"][1:])
        for r in study.store.select("layout")
        if r.get("reason", "OPTIMAL") != "OPTIMAL"
    ]
    but = f"; not proven in time: {', '.join(unproven)}" if unproven else ""
    samples = [
        f"{network_title(r['key'][1])} {r['key'][3]}"
        for r in study.store.select("single")
        if r["key"][2] == "absolute"
    ]
    levels = "; ".join(
        f"`{name}` {', '.join(f'{v:g}' for v in values)}"
        for name, values in LEVELS.items()
    )
    return f"""## What was run

- Noise is uniform between -level and level, on every element of a layer's input, for
  every image, and of its weight and bias; the levels: {levels}. `relative` levels are
  times the root mean square of each tensor, so that levels differ by layer and by kind
  of tensor. ResNet-8 reads raw pixels, 0 to 255; the others normalised ones.
- Layers in four classes, level 1 to 4: {"; ".join(names)}.
- Calibration: the first 256 even rows of CIFAR-10's test set, the same for every arm;
  single-layer losses on {", ".join(samples)} of them. Everything below is measured on
  odd rows: seeds × images of each: {", ".join(sizes)}. Seeds are more where
  twenty had not told most arms' excess from 0: {"; ".join(more) or "nowhere"}. Every
  seed has images of its own, so intervals cover noise and images.
- Common random numbers: one unit draw for each layer and seed, scaled by the level, the
  same for all arms, and used with both signs, whose mean counts. Intervals are 95 %
  (Student's t over seeds), of paired differences. Losses in mnat: 1e-3 nats.
- Every arm's layout is a solution that mpsolve proved optimal for the arm's own losses:
  sorting where they are products, transportation where not, and couplings with
  pairs{but}.
- *HAWQ-v2* minimises trace/n × squared error of the parameters, which is trace ×
  variance here; it ranks layers by the mean trace, trace/n, and the paper's words
  ("Hessian-trace expectation") may mean either, so both are here. *Algorithm 1* sorts
  by the input gradient's norm. Where levels are relative, every metric is given each
  layer's own error. *Exact* minimises single-layer losses measured at the first two
  levels (smaller ones by the quadratic law), with antithetic draws, pulled towards the
  outputs' divergence as far as they are uncertain (empirical Bayes); *losses* and
  *divergence* alone are beside it. *The best of six optima* runs the optima for these
  three, for both kinds of loss MSE and for Algorithm 1's RMS norm on all calibration
  images with all noise, twice, and takes the one whose outputs diverge least (by the
  loss it would take what was fitted to the labels of the same images): that is the
  exact arm that counts. *Steps in
  place*, on ResNet-8, measure what single changes do while all other layers are noisy,
  and solve for the best few changes at once; they count in its place where outputs
  diverge less after them, on noise that had no say in them.
"""


def _ranking(study: Study, ranked: list[Case]) -> list[str]:
    """Return the summary of all arms over resolved cases."""
    if not ranked:
        return []
    rows = []
    for arm in [*ARMS, *EXTRA]:
        some = [c for c in ranked if arm in c.excess]
        if not some:
            continue
        row = [title_of(arm), str(len(some))]
        for split in SPLITS:
            part = [c for c in some if c.split == split]
            row.append(
                f"{geometric_mean(c.ratio(arm) for c in part):.2f}" if part else "–"
            )
        row.append(f"{geometric_mean(c.ratio(arm) for c in some):.2f}")
        row.append(f"{geometric_mean(c.ratio(arm, 'hawq') for c in some):.2f}")
        tied = [not c.better_than(arm) for c in some]
        row.append(f"{sum(tied)}" if arm != "random" else "–")
        rows.append(row)
    head = ["arm", "cases", "inputs", "parameters", "both", "all"]
    head += ["all, over trace × error", "lowest or tied"]
    return [
        "## All arms over all resolved cases\n\nGeometric mean of excess loss over "
        "that of HAWQ-v2's mean trace, by what gets noise (an excess below its "
        "interval's half width counts as that), and in how many cases no other arm is "
        "significantly lower; with a dozen comparisons in each case some will be by "
        "chance. A case is resolved where random layouts' excess can be told from "
        "0.\n\n" + table(head, rows)
    ]


def _tables(study: Study) -> str:
    text = ["## Every setting\n\nExcess loss over full precision, mnat.\n"]
    places = [*RANKED, ("small", "parameters"), ("small", "both")]
    for levels, split in places:
        cases = study.select(levels, split)
        if cases:
            title = f"### Levels `{levels}`, {SPLIT[split]}\n"
            text.append(title + "\n" + _arms(cases) + "\n" + _accuracies(cases))
    return "\n".join(text)


def _arms(cases: list[Case], digits: int = 1) -> str:
    rows = []
    for arm in [*ARMS, *EXTRA]:
        if any(arm in c.excess for c in cases):
            cells = []
            for case in cases:
                if arm not in case.excess:
                    cells.append("–")
                    continue
                cell = milli(case.mean(arm), digits)
                is_best = arm != "random" and not case.better_than(arm)
                cells.append(f"**{cell}**" if is_best else cell)
            rows.append([title_of(arm), *cells])
    head = ["arm", *[network_title(c.network) for c in cases]]
    return table(head, rows) + "\nBold: no arm is significantly lower.\n"


def _accuracies(cases: list[Case]) -> str:
    rows = [
        [
            title_of(arm),
            *[
                f"{100 * c.accuracy[arm]:+.1f}" if arm in c.accuracy else "–"
                for c in cases
            ],
        ]
        for arm in ("hawq", "hawq_mean", "alg1_rms", "verified", "random")
    ]
    head = ["change of accuracy, points", *[network_title(c.network) for c in cases]]
    return table(head, rows)


def _published(study: Study) -> str:
    by_split = {split: study.select("published", split) for split in SPLITS}
    cases = [case for some in by_split.values() for case in some]
    if not cases:
        return ""
    resolved = [f"{network_title(c.network)} {c.split}" for c in cases if c.is_resolved]
    largest = max(c.mean(a).value for c in cases for a in c.excess if a != "random")
    text = (
        "## The levels as published\n\nLosses move by at most "
        f"{1e3 * largest:.2f} mnat, "
        "which only the two signs of the same noise make visible; accuracies do not "
        "move. The paper reports increases of 1.8 to 37 mnat at these levels, which "
        "noise of mean 0 does not make here. Resolved (random layouts' excess can be "
        f"told from 0): {', '.join(resolved) or 'none'}.\n"
    )
    tables = [
        f"### Levels `published`, {SPLIT[split]}\n\n{_arms(some, 3)}"
        for split, some in by_split.items()
        if some
    ]
    return "\n".join([text, *tables])


def _stored(study: Study) -> str:
    text = []
    for levels in ("published", "small"):
        cases = study.select(levels, "stored")
        if cases:
            text.append(f"### Levels `{levels}`\n\n" + _arms(cases, 2))
            rows = [
                [
                    title_of(arm),
                    *[milli(c.difference(arm, "alg3_stored"), 3) for c in cases],
                ]
                for arm in [*ARMS, *EXTRA]
                if all(arm in c.excess for c in cases)
            ]
            head = ["less Algorithm 3", *[network_title(c.network) for c in cases]]
            text.append(table(head, rows))
    if not text:
        return ""
    start = (
        "## Algorithm 3: networks that are stored with noise\n\nNoise of the first "
        "level lies on all parameters (one draw, the same for all arms); layers at the "
        "first level get no more on theirs. Most of the excess is the stored noise, "
        "which no layout changes; the second table has paired differences.\n\n"
    )
    return start + "\n".join(text)


def _cost(study: Study) -> str:
    rows = []
    for arm in [*ARMS, "verified", "in_place", "settled", "pairs"]:
        cells, passes = [], ""
        for name in study.networks:
            record = study.cost(arm, name)
            cells.append(f"{record['seconds']:.1f}" if record else "–")
            if record and not passes:
                passes = f"{record['forward']:g} / {record['backward']:g}"
        rows.append([title_of(arm), passes or "–", *cells])
    head = [
        "arm",
        f"passes of a sample on {network_title(study.networks[0])}",
        *[f"{network_title(n)}, s" for n in study.networks],
    ]
    return (
        "## What calibration takes\n\nForward / backward passes for each calibration "
        "image (a Hessian-vector product is two backward passes, of which batches of "
        "32 images get 8, from ResNet-32 on 4; a pass that starts in "
        "the middle counts by its share), and processor seconds of one thread on a "
        "busy machine, data excluded. Arms of one family share a measurement. Exact: "
        "one level set, all splits; steps and pairs: one setting.\n\n"
        + table(head, rows, words=2)
    )


def _not_run(study: Study) -> str:
    """Say what the protocol would have and this run has not."""
    lines = []
    run = list(dict.fromkeys(c.network for c in study.cases))
    for levels, split in [*RANKED, *(("published", split) for split in SPLITS)]:
        done = [c.network for c in study.select(levels, split)]
        missing = [network_title(n) for n in ORDER if n not in done]
        if missing:
            lines.append(f"- levels `{levels}`, {SPLIT[split]}: {', '.join(missing)}")
    for arm in ARMS:
        some = {c.network for c in study.cases if arm in c.excess}
        missing = [network_title(n) for n in run if n not in some]
        if missing and some:
            lines.append(f"- {title_of(arm)}: {', '.join(missing)}")
    for arm in ("in_place", "pairs"):
        some = [c for c in study.cases if arm in c.excess]
        places = [f"{network_title(c.network)} {c.levels} {c.split}" for c in some]
        only = "; ".join(places) or "nowhere"
        lines.append(f"- {title_of(arm)} ran only here: {only}")
    return "## What was not run\n\n" + "\n".join(lines) + "\n"


def _published_table() -> str:
    head = ["as published", "full precision", "HAWQ-v2", "Algorithm 1", "Algorithm 3"]
    return (
        "## The paper's own table\n\nLosses as published (arXiv 2202.05137, levels "
        "`published`, single runs without spread): **not the same weights**, so only "
        "the order can be compared.\n\n" + table(head, PUBLISHED)
    )
