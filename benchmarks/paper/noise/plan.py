"""What is run on which network, and in which order."""

from __future__ import annotations

import argparse

from benchmarks.paper.noise.levels import SPLITS

__all__ = [
    "DEEP",
    "FAINT",
    "PAIR_IMAGES",
    "PLAN",
    "RANDOM",
    "RANDOM_IMAGES",
    "RANDOM_SEEDS",
    "blocks_of",
]

#: Networks that take half of the images, of the draws and of the random seeds, and for
#: single-layer losses a quarter of the images.
DEEP = ("resnet32", "resnet44", "resnet56")

#: Settings whose effect the usual seeds do not tell from 0, and how many times as many
#: they get, each with images of its own.
FAINT = {
    ("resnet8", "absolute", "inputs"): 3,
    ("resnet20", "absolute", "inputs"): 4,
    ("resnet32", "absolute", "inputs"): 8,
    ("resnet32", "relative", "inputs"): 3,
    ("resnet32", "relative", "both"): 5,
    ("resnet32", "relative", "parameters"): 3,
    ("resnet44", "absolute", "inputs"): 6,
    ("resnet44", "relative", "parameters"): 3,
    ("resnet56", "absolute", "inputs"): 8,
    ("resnet56", "relative", "inputs"): 4,
    ("resnet56", "relative", "both"): 5,
}

#: The setting of the random layouts and the pairs, and seeds and images of the former.
RANDOM = ("absolute", "both")
RANDOM_SEEDS = 4
RANDOM_IMAGES = 16

#: Calibration images that pairs are measured on; half of them where networks are deep.
PAIR_IMAGES = 64

SMALL = ("resnet8", "resnet20")

#: What is run, what matters most first: a setting, or something about one.
PLAN: list[tuple[str, str, str, tuple[str, ...]]] = [
    *(("trials", "absolute", split, SMALL) for split in ("inputs", "both")),
    ("trials", "absolute", "parameters", SMALL),
    ("in_place", "relative", "inputs", ("resnet8",)),
    *(
        ("trials", "absolute", split, (name,))
        for name in ("resnet32", "resnet56")
        for split in ("inputs", "both")
    ),
    ("pairs", *RANDOM, ("resnet8",)),
    ("trials", "published", "both", SMALL),
    ("trials", "absolute", "parameters", ("resnet32", "resnet56")),
    *(
        ("trials", "absolute", split, ("resnet44",))
        for split in ("inputs", "both", "parameters")
    ),
    *(("in_place", "absolute", split, ("resnet8",)) for split in SPLITS),
    *(("trials", "relative", split, ("resnet8",)) for split in SPLITS),
    *(("in_place", "relative", split, ("resnet8",)) for split in SPLITS[1:]),
    ("trials", "published", "both", ("resnet32", "resnet44", "resnet56")),
    *(("trials", "relative", split, ("resnet20",)) for split in SPLITS[::-1]),
    ("trials", "small", "stored", (*SMALL, "resnet32", "resnet56", "resnet44")),
    ("trials", "published", "stored", ("resnet8",)),
    ("pairs", *RANDOM, ("resnet20",)),
    *(("trials", "small", split, ("resnet8",)) for split in ("both", "parameters")),
    *(("in_place", "small", split, ("resnet8",)) for split in ("both", "parameters")),
    *(
        ("trials", "relative", split, (name,))
        for name in ("resnet32", "resnet56", "resnet44")
        for split in SPLITS[::-1]
    ),
    *(
        ("trials", "published", split, (*SMALL, *DEEP))
        for split in ("inputs", "parameters")
    ),
    *(("pairs", *RANDOM, (name,)) for name in DEEP),
    ("random", *RANDOM, (*SMALL, *DEEP)),
]


def first_seed(name: str, arguments: argparse.Namespace) -> int:
    """Return the first seed of noise that no arm of a network was designed by."""
    given: int | None = arguments.first_seed
    if given is not None:
        return given
    return 60 if name == "resnet8" else 40


def blocks_of(
    name: str, levels: str, split: str, arguments: argparse.Namespace
) -> list[range]:
    """Return the seeds of a setting's noise, in blocks that are run one by one.

    Each seed has held-out images of its own.
    """
    first, size = first_seed(name, arguments), arguments.seeds
    count = FAINT.get((name, levels, split), 1)
    return [range(first + b * size, first + (b + 1) * size) for b in range(count)]
