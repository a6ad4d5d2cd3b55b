"""``python -m benchmarks.paper STUDY``: run a study or take it up, and report."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.models.data import FOLDER
from benchmarks.paper.store import Store

__all__ = ["STUDIES", "main"]

RESULTS = Path(__file__).parent.parent / "results"

#: Each is a package with `add_arguments(parser)`, `SMOKE` (arguments of a tiny run),
#: `run(arguments, store)` and `report(store, folder)`.
STUDIES = {
    "noise": "four noise levels in place of precisions: the published protocol",
    "datatypes": "Problem 3 in real data types: inventories and lossy conversions",
    "budgets": "loss against memory, bit operations and time: all arms",
    "signed": "is there a layout whose loss is lower than full precision's?",
    "stability": "does a layout depend on the calibration samples?",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paper")
    studies = parser.add_subparsers(dest="study", required=True, metavar="STUDY")
    modules = {
        name: importlib.import_module(f"benchmarks.paper.{name}") for name in STUDIES
    }
    for name, purpose in STUDIES.items():
        study = studies.add_parser(name, help=purpose, description=purpose)
        modules[name].add_arguments(study)
        study.add_argument("--data", type=Path, default=FOLDER, help="data and weights")
        study.add_argument("--output", type=Path, default=RESULTS)
        study.add_argument("--smoke", action="store_true", help="tiny: does it run?")
        study.add_argument(
            "--restart", action="store_true", help="forget what earlier runs found"
        )
        study.add_argument(
            "--report", action="store_true", help="write tables and plots, run nothing"
        )
    arguments = parser.parse_args(argv)
    module = modules[arguments.study]
    if arguments.smoke:
        tiny = [arguments.study, *module.SMOKE, "--data", str(arguments.data)]
        tiny += ["--output", str(arguments.output)]
        arguments = parser.parse_args(tiny + ["--restart"] * arguments.restart)
    settings = {
        name: value
        for name, value in vars(arguments).items()
        if name not in {"study", "data", "output", "smoke", "restart", "report"}
    }
    path = arguments.output / f"paper_{arguments.study}.jsonl"
    store = Store(path, settings, resume=not arguments.restart)
    torch.set_num_threads(1)
    if not arguments.report:
        module.run(arguments, store)
    module.report(store, arguments.output)
    print(f"wrote {path.with_suffix('.md')}")


if __name__ == "__main__":
    main()
