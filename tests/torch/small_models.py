"""Small networks of each kind, with data, in float64."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

# Threads only slow tensors this small down.
torch.set_num_threads(1)


class ConvNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 3, 3)
        self.conv2 = nn.Conv2d(3, 4, 3, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        return self.fc(x.flatten(1))


class ResidualNet(nn.Module):
    """With one module that is called twice, and batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(3)
        self.shared = nn.Conv2d(3, 3, 3, padding=1)
        self.last = nn.Conv2d(3, 3, 1)
        self.fc = nn.Linear(3, 4)

    def forward(self, x):
        x = self.norm(self.stem(x)).relu()
        x = x + self.shared(x).tanh()
        x = x + self.last(self.shared(x).relu())
        return self.fc(x.mean((2, 3)))


class Transformer(nn.Module):
    """One block; the embedding is also the output matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.qkv = nn.Linear(4, 12, bias=False)
        self.out = nn.Linear(4, 4)
        self.up = nn.Linear(4, 6)
        self.down = nn.Linear(6, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        x = self.embedding(tokens)
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y)
        x = x + self.down(nn.functional.gelu(self.up(x)))
        return self.head(x)


class Case(NamedTuple):
    model: nn.Module
    data: list[tuple[Any, Any]]
    loss: str
    #: (output, targets) to one value a sample, written anew.
    sample_losses: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def entropies(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of each sample, the mean over its positions."""
    chosen = output.log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    return -chosen.reshape(len(chosen), -1).mean(1)


def make_case(name: str, sizes: tuple[int, ...] = (3, 2)) -> Case:
    torch.manual_seed(len(name))
    if name == "transformer":
        model: nn.Module = Transformer().double()
        data = [(torch.randint(7, (m, 5)), torch.randint(7, (m, 5))) for m in sizes]
        return Case(model.eval(), data, "next_token", entropies)
    model = (ConvNet() if name == "conv" else ResidualNet()).double()
    side, classes = (7, 3) if name == "conv" else (4, 4)
    if name == "residual":
        model.norm.running_mean.uniform_(-0.5, 0.5)
        model.norm.running_var.uniform_(0.5, 2)
    data = [
        (torch.randn(m, 2, side, side).double(), torch.randint(classes, (m,)))
        for m in sizes
    ]
    return Case(model.eval(), data, "cross_entropy", entropies)


CASES = ["conv", "residual", "transformer"]
