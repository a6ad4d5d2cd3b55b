"""``python -m benchmarks.sensitivity``: measure, and write tables and plots."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.sensitivity.cost import PRECISIONS, measure_memory, measure_time
from benchmarks.sensitivity.quality import calibrated, correlations
from benchmarks.sensitivity.report import cost_table, plot, quality_table

__all__ = ["main"]

RESULTS = Path(__file__).parent.parent / "results"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sensitivity")
    parser.add_argument("--models", nargs="+", default=["resnet20", "resnet56"])
    parser.add_argument("--samples", nargs="+", type=int, default=[256, 1024])
    parser.add_argument("--quality-samples", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip-cost", action="store_true")
    parser.add_argument("--skip-quality", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args(argv)
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "sensitivity.json"
    record: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    record["machine"] = f"{platform.machine()}, torch {torch.__version__}"
    record["date"] = datetime.now(UTC).date().isoformat()
    if not arguments.skip_cost:
        for name in arguments.models:
            for num_samples in arguments.samples:
                put(record, "cost", cost(name, num_samples, arguments.rounds))
                path.write_text(json.dumps(record, indent=1) + "\n")
    if not arguments.skip_quality:
        for name in arguments.models:
            calibration = calibrated(name, arguments.quality_samples)
            calibration.save(arguments.output / f"calibration_{name}")
            put(record, "quality", correlations(name, calibration))
            plot(name, calibration, arguments.output)
            path.write_text(json.dumps(record, indent=1) + "\n")
    (arguments.output / "sensitivity.md").write_text(text(record))


def put(record: dict[str, Any], part: str, new: list[dict[str, Any]]) -> None:
    """Add lines on a model and a number of samples, in place of those before."""
    keys = {(r["model"], r["samples"]) for r in new}
    kept = [r for r in record.get(part, []) if (r["model"], r["samples"]) not in keys]
    record[part] = sorted(kept + new, key=lambda r: (r["model"], r["samples"]))


def cost(name: str, num_samples: int, rounds: int) -> list[dict[str, Any]]:
    """Return the costs of every job."""
    memory = measure_memory(name, num_samples)
    plain = memory["plain pass"]
    records = []
    for r in measure_time(name, num_samples, rounds):
        own = memory[r["job"]]
        records.append(
            {**r, "rounds": rounds, "memory": own, "memory_ratio": own / plain}
        )
        print(records[-1], flush=True)
    return records


def text(record: dict[str, Any]) -> str:
    """Return the report in Markdown."""
    parts = [f"# Sensitivity\n\n{record['date']}; {record['machine']}.\n"]
    if "cost" in record:
        parts.append(f"""## Cost

Processor time of one thread, jobs in turn in one process: the median, the median of the
ratios to the plain forward and backward pass of the same turn, and the ratio of the
least times. Peak memory above the model and the data, each job in a process of its own.
Precisions: {", ".join(PRECISIONS)}.

{cost_table(record["cost"])}""")
    if "quality" in record:
        parts.append(f"""## Prediction

Rank correlation (Spearman) over the layers, and over all layers and precisions, with
the measured loss change of one rounded layer, and with the divergence of the outputs;
on the same samples.

{quality_table(record["quality"], PRECISIONS)}""")
    return "\n".join(parts)


if __name__ == "__main__":
    main()
