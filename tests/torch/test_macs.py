"""Multiply-accumulates, against torch's own counter of operations."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mpsolve.torch import trace
from mpsolve.torch.macs import operator_macs

MODELS = {
    "linear": (nn.Linear(6, 7), torch.randn(3, 5, 6)),
    "grouped": (nn.Conv2d(4, 8, 3, stride=2, groups=2), torch.randn(2, 4, 9, 9)),
    "one dimension": (nn.Conv1d(4, 8, 5, dilation=2), torch.randn(2, 4, 20)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2), torch.randn(2, 4, 5, 5)),
}


@pytest.mark.parametrize("name", MODELS)
def test_macs_are_half_of_torchs_operations(name):
    module, x = MODELS[name]
    with FlopCounterMode(display=False) as counter:
        module(x)
    graph = trace(nn.Sequential(module), x)
    assert 2 * graph.nodes["0"]["macs"] == counter.get_total_flops()


@pytest.mark.parametrize(
    ("equation", "shapes", "expected"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)], 24),
        ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)], 2 * 3 * 4 * 6 * 5),
        ("...ij,...jk", [(7, 2, 3), (7, 3, 4)], 7 * 24),
    ],
)
def test_einsum_counts_every_combination(equation, shapes, expected):
    assert operator_macs("einsum", shapes, (), equation) == expected


def test_einsum_is_a_product_of_the_graph():
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return torch.einsum("ij,kj->ik", self.a(x), self.b(x))

    graph = trace(Product(), torch.randn(3, 4))
    assert graph.nodes["einsum"]["macs"] == 3 * 3 * 4


def test_other_operators_multiply_nothing():
    assert operator_macs("relu", [(3, 4)], (3, 4)) == 0
