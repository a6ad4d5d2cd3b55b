"""Sony MCT's integer program on a small residual CNN, by CBC and by mpsolve."""

from __future__ import annotations

import time
from typing import Any, Self

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    # Its compiled part is built for another PyTorch than that of the CPU index. MCT
    # imports the package and calls none of this: two declarations are enough.
    LIBRARY = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        LIBRARY.define(f"{operator}(Tensor dets, Tensor scores, float iou) -> Tensor")

import model_compression_toolkit as mct
from model_compression_toolkit.core.common.mixed_precision.search_methods import (
    linear_programming,
)

from benchmarks.hosts.row import Row
from mpsolve.integrations import mct as door

#: Share of the weights' bytes at 8 bit.
SHARES = (0.4, 0.6)
CLASSES = 10


class Block(torch.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(width, width, 3, padding=1)
        self.second = torch.nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.second(torch.relu(self.first(x))))


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 32, 3, padding=1)
        self.blocks = torch.nn.Sequential(*(Block(32) for _ in range(3)))
        self.head = torch.nn.Linear(32, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(torch.relu(self.stem(x)))
        return self.head(x.mean((2, 3)))


def images(seed: int, count: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Return stripes of ten angles under noise, and which angle it is."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    angle = labels[:, None, None] * torch.pi / CLASSES
    grid = torch.linspace(-3, 3, 16)
    across = torch.cos(angle) * grid[None, :, None] + torch.sin(angle) * grid
    stripes = torch.sin(3 * across)[:, None].expand(-1, 3, -1, -1)
    return stripes + torch.randn(stripes.shape, generator=generator), labels


def trained() -> Network:
    torch.manual_seed(0)
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for step in range(80):
        x, y = images(step)
        loss = torch.nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


@torch.no_grad()
def held_out_loss(network: Any) -> float:
    x, y = images(10_000, 512)
    return torch.nn.functional.cross_entropy(network(x), y).item()


class Spy:
    """Records what the integer program was asked and answered, and how long it took."""

    def __enter__(self) -> Self:
        solver = linear_programming.MixedPrecisionIntegerLPSolver
        self.before = solver.run

        def run(one: Any) -> Any:
            start = time.perf_counter()
            answer = self.before(one)
            self.seconds = time.perf_counter() - start
            self.problem = door.problem(
                one.layer_to_sensitivity_mapping, one.candidates_ru, one.ru_constraints
            )
            originals = one.solver_to_original_candidate_indices
            self.choices = [
                originals[node].index(answer[node])
                for node in one.layer_to_sensitivity_mapping
            ]
            return answer

        solver.run = run
        return self

    def __exit__(self, *error: object) -> None:
        linear_programming.MixedPrecisionIntegerLPSolver.run = self.before

    def value(self) -> tuple[float, float, float]:
        """Return the objective, the cost and the budget of what was chosen."""
        import mpsolve

        layout = mpsolve.Layout(self.problem, self.choices)
        verification = mpsolve.verify(self.problem, layout)
        resource, budget = next(iter(self.problem.budgets.items()))
        return verification.loss, verification.usage[resource], budget.upper


def quantize(network: Network, share: float) -> tuple[Any, Spy]:
    size = sum(p.numel() for p in network.parameters())
    with Spy() as spy:
        model, _ = mct.ptq.pytorch_post_training_quantization(
            network,
            lambda: ([images(seed, 4)[0]] for seed in range(2)),
            target_resource_utilization=mct.core.ResourceUtilization(
                weights_memory=size * share
            ),
            core_config=mct.core.CoreConfig(
                mixed_precision_config=mct.core.MixedPrecisionQuantizationConfig(
                    num_of_images=8
                )
            ),
            target_platform_capabilities=mct.get_target_platform_capabilities(
                "4.0", "imx500"
            ),
        )
    return model, spy


def compare() -> list[Row]:
    network = trained()
    rows = []
    for share in SHARES:
        alone, theirs = quantize(network, share)
        with door.plugged_in():
            model, ours = quantize(network, share)
        objective, cost, budget = theirs.value()
        found, taken, _ = ours.value()
        rows.append(
            Row(
                "MCT 2.6, integer program",
                f"{share:.0%} of 8 bit",
                objective,
                found,
                cost,
                taken,
                budget,
                theirs.seconds,
                ours.seconds,
                held_out_loss(alone),
                held_out_loss(model),
            )
        )
    return rows
