"""The protocol of "Quantization in Layer's Input is Matter", arXiv 2202.05137."""

from __future__ import annotations

import argparse

from benchmarks.paper.noise.levels import LEVELS
from benchmarks.paper.noise.report import report
from benchmarks.paper.noise.run import run

__all__ = ["SMOKE", "add_arguments", "report", "run"]

#: Networks and how much of the protocol fits them: level sets with splits.
NETWORKS = ("resnet8", "resnet20", "resnet32", "resnet44", "resnet56")

SMOKE = [
    *("--networks", "resnet8", "--levels", "absolute", "--seeds", "3"),
    *("--images", "8", "--calibration", "16", "--measured-images", "8"),
    *("--random", "5"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what decides the results; the defaults are the sizes of the report."""
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--seeds", type=int, default=20, help="of noise")
    parser.add_argument(
        "--first-seed",
        type=int,
        help="seeds and images before it were seen while arms were designed; default: "
        "40, and 60 for ResNet-8",
    )
    parser.add_argument(
        "--images",
        type=int,
        default=40,
        help="held out, for a seed; networks of 32 layers and more take half of these "
        "and a quarter of the measured ones",
    )
    parser.add_argument("--calibration", type=int, default=256)
    parser.add_argument(
        "--measured-images",
        type=int,
        default=256,
        help="calibration images that single-layer losses are measured on",
    )
    parser.add_argument("--random", type=int, default=200, help="random layouts")
    parser.add_argument("--levels", nargs="+", default=tuple(LEVELS), choices=LEVELS)
    parser.add_argument(
        "--skip",
        nargs="+",
        default=[],
        choices=("trials", "in_place", "random", "pairs"),
        help="parts of the plan that are not run",
    )
