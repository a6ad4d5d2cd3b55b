"""Solve, apply and measure layouts of trained models: python -m benchmarks.layouts.

Sensitivities come from one half of the data and quality from the other. A row's bytes
are measured on the model that runs, and have to be those that the solver counted.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import mpsolve
from benchmarks.markdown import table
from benchmarks.models import (
    cifar10,
    language_loss,
    load_language_model,
    load_resnet,
    normalize,
    sequences,
)
from mpsolve.torch import (
    applied,
    calibrate,
    find_layers,
    measured_bytes,
    memory,
    problem_from_model,
)

RESULTS = Path(__file__).resolve().parents[1] / "results" / "layouts.md"

#: Weights in these, inputs as they are: what memory alone asks for.
PRECISIONS = ["bf16", "w8", "w6", "w4", "w3", "w2"]

UNIFORM = ["fp32", "fp16", "bf16", "w8", "w6", "w4", "w3", "w2", "int8", "w4a8"]

#: Budgets are what these take everywhere.
BUDGETS = ["w6", "w4", "w3"]

METRICS = ["loss_mse", "output_kl"]

Batches = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Case:
    """A trained model, data to calibrate with, and a measure of its quality."""

    name: str
    model: nn.Module
    batches: Batches
    loss: str
    quality: Callable[[nn.Module], tuple[float, float]]
    columns: tuple[str, str]


def resnet(name: str, samples: int, test: int) -> Case:
    """Even rows of the test set calibrate, odd ones measure."""
    images, labels = cifar10()
    x, y = normalize(images), labels
    batches = [
        (x[i : i + 128 : 2], y[i : i + 128 : 2]) for i in range(0, 2 * samples, 128)
    ]

    def quality(model: nn.Module) -> tuple[float, float]:
        hits, total = 0, 0.0
        with torch.no_grad():
            for i in range(1, 2 * test, 500):
                rows = slice(i, min(i + 500, 2 * test), 2)
                logits = model(x[rows])
                hits += int((logits.argmax(1) == y[rows]).sum())
                total += float(cross_entropy(logits, y[rows], reduction="sum"))
        return total / test, 100 * hits / test

    columns = ("loss", "accuracy, %")
    return Case(name, load_resnet(name), batches, "cross_entropy", quality, columns)


def language_model(name: str, samples: int, test: int) -> Case:
    """Stories of one split calibrate, those of the other measure."""
    data = "tinystories_val_tok512" if name == "stories260k" else "zhpoem_tokens"
    stories = sequences(data, "calib")[:samples]
    held_out = sequences(data, "eval")[:test]
    batches = []
    for i in range(0, len(stories), 8):
        part = stories[i : i + 8]
        pad = nn.utils.rnn.pad_sequence
        padded = pad(part, batch_first=True, padding_value=-100)
        batches.append((padded[:, :-1].clamp(min=0), padded[:, 1:]))

    def quality(model: nn.Module) -> tuple[float, float]:
        loss = language_loss(model, held_out)
        return loss, math.exp(loss)

    columns = ("loss", "perplexity")
    model = load_language_model(name)
    return Case(name, model, batches, "next_token", quality, columns)


def rows(case: Case) -> Iterator[list[str]]:
    """Yield a row of the table for each layout."""
    layers = find_layers(case.model)
    names = [layer.name for layer in layers]

    def row(label: str, layout: dict[str, str], predicted: int) -> list[str]:
        made = applied(case.model, layout)
        found = measured_bytes([made.get_submodule(name) for name in names])
        if found != predicted:
            msg = f"{case.name}, {label}: {found} bytes, predicted {predicted}"
            raise AssertionError(msg)
        loss, quality = case.quality(made)
        return [label, f"{predicted:,}", f"{found:,}", f"{loss:.4f}", f"{quality:.2f}"]

    for name in UNIFORM:
        predicted = int(memory(layers, [name]).sum())
        yield row(f"{name} everywhere", dict.fromkeys(names, name), predicted)
    started = time.perf_counter()
    found = calibrate(
        case.model, case.batches, case.loss, PRECISIONS, METRICS, progress=True
    )
    print(f"{case.name}: calibrated in {time.perf_counter() - started:.0f} s")
    for metric in METRICS:
        for name in BUDGETS:
            budget = int(memory(layers, [name]).sum())
            problem = problem_from_model(
                case.model, found, metric, budgets={"memory": budget}
            )
            result = mpsolve.solve(problem)
            assert result.reason == "OPTIMAL"
            label = f"{metric}, at most {name} everywhere"
            yield row(label, dict(result.layout), int(result.usage["memory"]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layouts")
    parser.add_argument("--samples", type=int, default=256, help="to calibrate with")
    parser.add_argument("--images", type=int, default=2000, help="to measure with")
    parser.add_argument("--stories", type=int, default=100, help="to measure with")
    parser.add_argument("--models", nargs="+", default=["resnet20", "stories260k"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    text = [
        "# Layouts on trained models",
        "",
        "Bytes are those of the layers' parameters, predicted before a layout is",
        "applied, and measured on the model that runs. Quality is measured on data",
        "that no layout has seen. Layouts are proven optimal for the sensitivities of",
        f"their metric, from {options.samples} images or "
        f"{options.samples // 8} stories.",
    ]
    for name in options.models:
        if name.startswith("resnet"):
            case = resnet(name, options.samples, options.images)
            held_out = f"{options.images:,} images"
        else:
            case = language_model(name, options.samples // 8, options.stories)
            held_out = f"{options.stories:,} stories"
        head = ["layout", "bytes predicted", "bytes measured", *case.columns]
        found = []
        for cells in rows(case):
            print(*cells, sep="  ", flush=True)
            found.append(cells)
        text += ["", f"## {name}, {held_out}", "", table(head, found).rstrip()]
    RESULTS.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
