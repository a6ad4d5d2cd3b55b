"""Time and memory of calibration beside a plain forward and backward pass."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from benchmarks.models import cifar10, load_resnet, normalize
from mpsolve.torch import calibrate

PRECISIONS = ["fp16", "int8", "int4"]
GRADIENT_METRICS = [
    "input_gradient",
    "parameter_gradient",
    "signed_first_order",
    "loss_mse",
    "empirical_fisher",
]
BATCH = 64

JOBS: dict[str, list[str] | None] = {
    "plain pass": None,
    "input_gradient": ["input_gradient"],
    "all gradient metrics": GRADIENT_METRICS,
}


def batches(num_samples: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return even rows of the test set, those to calibrate on."""
    images, labels = cifar10()
    x, y = normalize(images[: 2 * num_samples : 2]), labels[: 2 * num_samples : 2]
    return list(zip(x.split(BATCH), y.split(BATCH), strict=True))


def run(job: str, model: torch.nn.Module, data: list[Any]) -> None:
    """Do a job once."""
    metrics = JOBS[job]
    if metrics is not None:
        calibrate(model, data, "cross_entropy", PRECISIONS, metrics)
        return
    for x, y in data:
        model.zero_grad()
        cross_entropy(model(x), y).backward()


def measure_time(name: str, num_samples: int, rounds: int) -> list[dict[str, Any]]:
    """Return processor times, the jobs taking turns in one process and one thread."""
    torch.set_num_threads(1)
    model, data = load_resnet(name), batches(num_samples)
    seconds: dict[str, list[float]] = {job: [] for job in JOBS}
    for job in JOBS:  # warm up
        run(job, model, data[:2])
    for _ in range(rounds):
        for job in JOBS:
            start = time.process_time()
            run(job, model, data)
            seconds[job].append(time.process_time() - start)
    plain = seconds["plain pass"]
    return [
        {
            "model": name,
            "samples": num_samples,
            "job": job,
            "seconds": median(values),
            "time_ratio": median(a / b for a, b in zip(values, plain, strict=True)),
            "least_ratio": min(values) / min(plain),
        }
        for job, values in seconds.items()
    ]


def measure_memory(name: str, num_samples: int) -> dict[str, float]:
    """Return what each job adds to the peak of a fresh process, in MB."""
    peaks = {}
    for job in JOBS:
        code = f"from benchmarks.sensitivity.cost import peak; peak({job!r}, {name!r}, "
        done = subprocess.run(
            [sys.executable, "-c", f"{code}{num_samples})"],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks[job] = json.loads(done.stdout)
    return peaks


def peak(job: str, name: str, num_samples: int) -> None:
    """Print how far a job raises this process's peak memory, in MB."""
    torch.set_num_threads(1)
    model, data = load_resnet(name), batches(num_samples)
    # One sample first: libraries that are loaded on the way are no activations.
    run(job, model, [(data[0][0][:1], data[0][1][:1])])
    # Loading the data may have taken more than the job will: forget that peak.
    Path("/proc/self/clear_refs").write_text("5")
    held = _status("VmRSS")
    run(job, model, data)
    print(json.dumps((_status("VmHWM") - held) / 1024))


def _status(name: str) -> int:
    """Return what the process holds now, or held at most, in kB (Linux)."""
    with Path("/proc/self/status").open() as status:
        line = next(row for row in status if row.startswith(f"{name}:"))
    return int(line.split()[1])
