"""``python -m benchmarks.race``: run the race, and write what came out."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.race.families import FAMILIES, cells
from benchmarks.race.peers import PEERS

__all__ = ["main"]

RESULTS = Path(__file__).parent.parent / "results"
RECORDS = "race.jsonl"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.race",
        description="Race mpsolve against general solvers, class by class.",
    )
    add = parser.add_argument
    add("--family", choices=[*FAMILIES, "all"], default="all")
    add("--sizes", type=int, nargs="+", metavar="GROUPS", help="only these cells")
    add("--seeds", type=int, metavar="N", help="seeds of each cell (default: 5)")
    add("--time-limit", type=float, default=60.0, metavar="S", help="default: 60")
    add(
        "--peers",
        nargs="*",
        choices=PEERS,
        default=list(PEERS),
        metavar="PEER",
        help=f"some of {', '.join(PEERS)}",
    )
    add("--smoke", action="store_true", help="tiny instances, to see that it runs")
    add("--output", type=Path, metavar="DIR", help=f"default: {RESULTS.name}/ here")
    add("--resume", action="store_true", help="go on with the records that are there")
    options = parser.parse_args(arguments)
    if options.output is None:
        options.output = Path(tempfile.mkdtemp()) if options.smoke else RESULTS
    if (options.output / RECORDS).exists() and not options.resume:
        parser.error(
            f"{options.output / RECORDS} is there already: --resume goes on with it, "
            "--output writes elsewhere"
        )
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the families that were asked for, then write the report on all records."""
    options = parse(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / RECORDS
    families = FAMILIES if options.family == "all" else (options.family,)
    wanted = cells(families, options.sizes, options.seeds, smoke=options.smoke)
    time_limit = 5.0 if options.smoke else options.time_limit
    raced = [cell for cell in wanted if cell.family != "scaling"]
    if raced:
        from benchmarks.race.race import race

        race(raced, options.peers, time_limit, path)
    scaled = [cell for cell in wanted if cell.family == "scaling"]
    if scaled:
        from benchmarks.race.scaling import scaling

        scaling(scaled, time_limit, path)
    from benchmarks.race.report import write_report

    print(write_report(path))


if __name__ == "__main__":
    main()
