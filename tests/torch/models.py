"""Small models that the tests share."""

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """Convolutions around an addition in place, as torchvision has it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.a = nn.Conv2d(4, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.stem(x)).relu()
        y = self.b(self.a(x).relu())
        y += x
        return self.head(y.relu().mean(dim=(2, 3)))


class Transformer(nn.Module):
    """One block whose output matrix is its embedding; attention by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.norm = nn.LayerNorm(8)
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))
        self.o = nn.Linear(8, 8)
        self.output = nn.Linear(8, 11, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        y = self.norm(x)
        scores = self.q(y) @ self.k(y).transpose(1, 2) / 8**0.5
        x = x + self.o(scores.softmax(dim=-1) @ self.v(y))
        return self.output(x)


class Repeated(nn.Module):
    """A module under two names, called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True))
        self.c = self.a

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(self.a(x))) + self.a(x.flip(0))


class Untraceable(nn.Module):
    """What it does depends on the numbers it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.b(y) if float(y.sum()) > 1e9 else self.b(y).relu()


def images(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 6, 6, generator=torch.Generator().manual_seed(0))


def tokens() -> Tensor:
    return torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])


def make(kind: type[nn.Module]) -> nn.Module:
    """Make a model with the same numbers every time, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = kind()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    return model.eval()
