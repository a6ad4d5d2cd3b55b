"""What the noise protocol found, in words."""

from __future__ import annotations

from benchmarks.markdown import table
from benchmarks.paper.noise.analysis import Case, Study, geometric_mean, title_of
from benchmarks.paper.noise.arms import ARMS
from benchmarks.paper.noise.levels import SPLITS
from benchmarks.paper.statistics import Mean, holm

__all__ = ["RANKED", "SPLIT", "findings", "history", "milli", "network_title"]

#: Settings in which the arms are ranked.
RANKED = [(levels, split) for levels in ("absolute", "relative") for split in SPLITS]

SPLIT = {
    "inputs": "noise on inputs only",
    "parameters": "noise on parameters only",
    "both": "noise on both",
    "stored": "stored network: noise of the first level on all parameters already",
}


def history(study: Study) -> str:
    """Say what was decided after looking at which images, and what changed."""
    first = Study(study.store, is_first=True)
    pairs = [
        (case, again)
        for place in RANKED
        for case in first.select(*place)
        for again in study.select(*place)
        if case.network == again.network and case.excess.keys() <= again.excess.keys()
    ]
    if not pairs or not all(again.seeds.start for _, again in pairs):
        return ""
    both = [(a, b) for a, b in pairs if a.is_resolved and b.is_resolved]
    rows = []
    for arm in ("exact", "verified", "loss_mse", "alg1_rms", "hawq"):
        found = [title_of(arm)]
        for base in ("hawq_mean", "hawq"):
            for k in range(2):
                some = [pair[k] for pair in both if arm in pair[k].excess]
                ratio = geometric_mean(case.ratio(arm, base) for case in some)
                found.append(f"{ratio:.2f}")
        rows.append(found)
    head = [
        "arm",
        *(
            f"{b}, {w}"
            for b in ("over mean trace", "over trace × error")
            for w in ("first", "again")
        ),
    ]
    return (
        "## What had been seen\n\n"
        "Arms and rules were settled on other images: with noise seeds 0 to 19 the "
        "exact arm was first the optimum of *losses and divergence*; it lost in four "
        "cases, and became the best of five optima, chosen on the calibration images, "
        "by their losses at first, then by their divergence. "
        "With seeds 20 to 39 steps in place, which counted "
        "wherever they were run, lost one case of ResNet-8 to the layout that they had "
        "started from; since then they count where noise that had no say in them "
        "confirms them. With the same seeds, and 40 to 59 on ResNet-8, the best of "
        "five was the lowest or tied in all 19 resolved cases, and in 3 of 11 that "
        "were not resolved it was not; so that it became the best of six, with "
        "Algorithm 1's among them, compared with two draws in place of one, and what "
        "was not resolved got more seeds. Resolved was then where most arms' excess "
        "can be told from 0, which left out the cases whose good layouts lose nothing; "
        "now it is where that of random layouts can. All figures "
        "of this page are of later seeds, "
        f"{_seeds(study)}, and of their images. Geometric means over the "
        f"{len(both)} cases that both resolve:\n\n{table(head, rows)}"
    )


def _seeds(study: Study) -> str:
    """Return where the noise seeds of each network's figures begin."""
    starts: dict[int, list[str]] = {}
    for name in study.networks:
        first = min(c.seeds.start for c in study.cases if c.network == name)
        starts.setdefault(first, []).append(network_title(name))
    return ", ".join(f"from {k} on ({', '.join(n)})" for k, n in starts.items())


def findings(study: Study, ranked: list[Case]) -> str:
    """Say in a few sentences what the numbers are."""
    lines = []
    best = [c for c in ranked if not c.better_than(_exact(c))]
    ratios = []
    for base in ("hawq_mean", "hawq"):
        by_split = []
        for split in SPLITS:
            some = [c for c in ranked if c.split == split]
            if some:
                value = geometric_mean(c.ratio(_exact(c), base) for c in some)
                by_split.append(f"{split} {value:.2f}")
        ratio = geometric_mean(c.ratio(_exact(c), base) for c in ranked)
        name = title_of(base).removeprefix("HAWQ-v2: ")
        ratios.append(f"**{ratio:.2f}** of {name}'s ({', '.join(by_split)})")
    lines.append(
        f"In {len(ranked)} resolved cases (network × levels × what gets noise) the "
        f"exact arm's excess loss is the lowest, or tied with it within the 95 % "
        f"interval, in **{len(best)}**. Its geometric mean is {ratios[0]}, by which "
        f"HAWQ-v2 ranks layers, and {ratios[1]}, which HAWQ-v2 minimises."
    )
    chances = holm([c.beaten_p(_exact(c)) for c in ranked])
    beaten = [c for c, p in zip(ranked, chances, strict=True) if p < 0.05]
    compared = sum(len(c.excess) - 2 for c in ranked)
    lines.append(
        f"These are {compared} comparisons, of which one in forty would put another "
        "arm below by chance if all were equal. Taken together (maxT over a case's "
        "arms, Holm over cases, family-wise 5 %), another arm is lower in "
        f"**{len(beaten)}** cases{': ' if beaten else ''}"
        f"{'; '.join(map(_place, beaten))}."
    )
    unresolved = [
        c for place in RANKED for c in study.select(*place) if not c.is_resolved
    ]
    if unresolved:
        tied = sum(not c.better_than(_exact(c)) for c in unresolved)
        places: dict[str, list[str]] = {}
        for c in unresolved:
            title = network_title(c.network)
            places.setdefault(f"{c.levels} levels, {c.split}", []).append(title)
        names = "; ".join(f"{k} ({', '.join(v)})" for k, v in places.items())
        lines.append(
            f"Not resolved, and left out of these figures: {names}. In {tied} of "
            f"these {len(unresolved)} no arm is significantly lower than the exact one."
        )
    worse = [c for c in ranked if c not in best]
    if worse:
        places = "; ".join(map(_beaten, worse))
        lines.append(f"Beyond the interval of a single comparison are {places}.")
    order = {split: [0, 0] for split in SPLITS}
    for c in ranked:
        difference = c.difference("alg1_rms", "hawq")
        order[c.split][0] += difference.high < 0
        order[c.split][1] += difference.low > 0
    words = [
        f"{SPLIT[split]}: better in {better}, worse in {worse} of "
        f"{sum(c.split == split for c in ranked)}"
        for split, (better, worse) in order.items()
    ]
    lines.append(
        "The paper's order, Algorithm 1 before HAWQ-v2, depends on what gets noise: it "
        "looks at inputs alone, HAWQ-v2 at parameters alone, and with the same "
        "absolute noise on both, that on parameters dominates (RMS norm against "
        f"trace × error, significant differences; {'; '.join(words)})."
    )
    cheap = {
        arm: geometric_mean(c.ratio(arm) for c in ranked)
        for arm in ARMS
        if ARMS[arm].needs != "single" and all(arm in c.excess for c in ranked)
    }
    best_cheap = min(cheap, key=lambda arm: cheap[arm])
    lines.append(
        f"Of the metrics that ran everywhere and run no noisy network, the best is "
        f"{title_of(best_cheap)}: {cheap[best_cheap]:.2f} of mean trace's."
    )
    return "\n\n".join(lines) + "\n"


def _exact(case: Case) -> str:
    """Return the exact arm that counts: after steps in place, where they hold."""
    order = ("settled", "verified", "exact")
    return next(arm for arm in order if arm in case.excess)


def _beaten(case: Case) -> str:
    exact = _exact(case)
    names = []
    for arm in case.better_than(exact):
        gap = case.difference(exact, arm)
        names.append(f"{title_of(arm)} by {milli(gap)}")
    return (
        f"{_place(case)} ({', '.join(names)}, of an excess of "
        f"{milli(case.mean(exact))} mnat)"
    )


def _place(case: Case) -> str:
    return f"{network_title(case.network)}, {case.levels}, {case.split}"


def network_title(name: str) -> str:
    return name.replace("resnet", "ResNet-")


def milli(mean: Mean, digits: int = 1) -> str:
    return f"{1e3 * mean.value:.{digits}f} ± {1e3 * mean.half:.{digits}f}"
